/** The roll-up as Lambda runs it, and what both functions say of an environment that lacks something. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AnomalyDesk } from '../../lambdas/core/anomalies/anomaly-desk.ts';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { createHandler } from '../../lambdas/roll-up/handler.ts';
import type { EventBus } from '../../lambdas/core/ports.ts';
import { chargedWorld } from './charged-world.ts';

const minutesLeft = (minutes: number) => ({ getRemainingTimeInMillis: () => minutes * 60_000 });

describe('the roll-up', () => {
  const world = async () => {
    const charged = chargedWorld();
    await charged.spend({ at: '2026-11-24T12:00:00Z', cost: 5n });
    charged.at('2026-11-25T00:30:00Z');
    const lines: Record<string, unknown>[] = [];
    const rule = { timesUsual: 3n, aboveUsual: picoUsd(10n) };
    const bus: EventBus = { publish: async () => failing.splice(0) };
    const failing: number[] = [];
    const mail = { send: async () => undefined };
    const anomalies = new AnomalyDesk({ reader: charged, rule, bus, mail, moreUrl: undefined });
    const handler = createHandler({
      open: () => ({ reader: charged, anomalies }),
      log: (line) => void lines.push(line),
    });
    return { ...charged, lines, handler, failing };
  };

  it('says what it rolled up, and counts gaps', async () => {
    const charged = await world();
    const { handler, lines } = charged;
    await handler({}, minutesLeft(15));
    expect(lines.pop()).toMatchObject({
      kind: 'rolled_up',
      ...{ hours: ['2026-11-24T12:00:00Z'], days: ['2026-11-24'], gaps: [] },
      ...{ Service: 'roll-up', RowGaps: 0 },
    });
    await charged.spend({ at: '2026-11-24T12:10:00Z', cost: 7n }, false);
    charged.at('2026-11-25T15:00:00Z');
    await handler({}, minutesLeft(15));
    await handler({}, minutesLeft(15));
    expect(lines.pop()).toMatchObject({ gaps: ['2026-11-24T12:00:00Z'], RowGaps: 1 });
  });

  it('tells of unusual days, and fails where the bus takes none, once everything else is done', async () => {
    const charged = await world();
    const { handler, lines, failing } = charged;
    for (let day = 17; day <= 24; day += 1)
      await charged.spend({ at: `2026-11-${day}T12:00:00Z`, cost: day === 24 ? 95n : 5n });
    failing.push(0);
    await expect(handler({}, minutesLeft(15))).rejects.toThrow('1 events of unusual days were not taken');
    expect(lines.splice(0)).toMatchObject([{ kind: 'rolled_up', gaps: [] }]);
    charged.at('2026-11-25T00:35:00Z');
    await handler({}, minutesLeft(15));
    await handler({}, minutesLeft(15));
    expect(lines.map(({ kind }) => kind)).toEqual(['rolled_up', 'anomalies_told', 'rolled_up']);
    expect(lines[1]).toEqual({ kind: 'anomalies_told', told: 1 });
  });

  it('leaves the rest to the next run when its time is nearly up', async () => {
    const { handler, lines, periods } = await world();
    await handler({}, minutesLeft(2.9));
    expect(lines.pop()).toMatchObject({ hours: [], days: [] });
    expect(await periods.openHours()).toHaveLength(1);
  });
});

describe('an environment', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('without a table is refused, and named', async () => {
    vi.stubEnv('TABLE_NAME', '');
    vi.stubEnv('AWS_REGION', 'eu-north-1');
    await expect(import('../../lambdas/charge-feed/handler.ts')).rejects.toThrow('TABLE_NAME');
    const { handler } = await import('../../lambdas/roll-up/handler.ts');
    await expect(handler({}, minutesLeft(15))).rejects.toThrow('TABLE_NAME');
  });
});
