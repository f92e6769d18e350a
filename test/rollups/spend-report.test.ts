/** The report: the sum of the charges, whatever has been rolled up by then, by whom and what for. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { epochMs } from '../../lambdas/core/brands.ts';
import type { Charge } from '../../lambdas/core/ledger/charge.ts';
import { rollUp } from '../../lambdas/core/rollups/roll-up.ts';
import {
  lineView,
  spendReport,
  type Grouping,
  type SpendQuery,
} from '../../lambdas/core/rollups/spend-report.ts';
import { chargedWorld, instant, type Spent } from './charged-world.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-10-31T00:00:00Z');
const SPAN_MINUTES = 72 * 60;
const ZONES = ['UTC', 'America/New_York', 'Asia/Kolkata', 'Asia/Kathmandu', 'Pacific/Chatham'];

const minute = fc.integer({ min: 0, max: SPAN_MINUTES });
const spentOf = fc.record({
  minute,
  cost: fc.bigInt({ min: -1000n, max: 10n ** 15n }),
  user: fc.constantFrom('alice', 'bob', null),
  team: fc.constantFrom('growth', 'core'),
  model: fc.constantFrom('small', 'large'),
  tags: fc.constantFrom({}, { env: 'prod' }, { env: 'test', run: '7' }),
  isAdjusted: fc.boolean(),
  /** When it is written, seen from its call, and when a roll-up comes by afterwards, if one does. */
  lateMinutes: fc.constantFrom(0, 0, 1, 20, 26 * 60),
  rollsUp: fc.boolean(),
});
const groupBy = fc.subarray<Grouping>(['user', 'team', 'model', 'tag:env']);
const filter = fc.constantFrom<SpendQuery['filter'][]>(
  {},
  {},
  { user: 'alice' },
  { team: 'core' },
  { 'tag:env': 'prod' },
);

const valueOf = (charge: Charge, grouping: string): string | null =>
  ({
    user: charge.info.us,
    team: charge.info.tm,
    model: charge.modelServed,
    'tag:env': charge.info.tg?.['env'] ?? null,
  })[grouping]!;

test('is the sum of the charges, for any span, grouping and filter, at any time', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(spentOf, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(...ZONES),
      fc.tuple(minute, minute),
      groupBy,
      filter,
      fc.constantFrom('hour' as const, 'day' as const, 'all' as const),
      async (spents, zone, [a, b], groups, filters, granularity) => {
        const world = chargedWorld(zone);
        const charges: Charge[] = [];
        const inOrder = [...spents].sort((x, y) => x.minute + x.lateMinutes - y.minute - y.lateMinutes);
        for (const { minute: at, isAdjusted, lateMinutes, rollsUp, ...more } of inOrder) {
          const spent: Spent = {
            ...more,
            at: new Date(START + at * MINUTE).toISOString(),
            outcome: isAdjusted ? 'adjusted' : 'settled',
          };
          world.at(new Date(START + (at + lateMinutes + 1) * MINUTE).toISOString());
          charges.push(await world.spend(spent));
          if (rollsUp) await rollUp(world);
        }
        const [from, to] = [Math.min(a, b), Math.max(a, b)].map((at) => epochMs(START + at * MINUTE)) as [
          SpendQuery['from'],
          SpendQuery['to'],
        ];
        const report = await spendReport(world, {
          ...{ from, to, groupBy: groups, filter: filters, granularity },
          chargesMax: 1000,
        });
        const meant = charges.filter(
          (charge) =>
            charge.info.ts >= BigInt(from) &&
            charge.info.ts < BigInt(to) &&
            Object.entries(filters).every(([grouping, value]) => valueOf(charge, grouping) === value),
        );
        expect(report.asOf).toBe(to);
        expect(report.total.costPicoUsd).toBe(meant.reduce((sum, { used }) => sum + used.u, 0n));
        expect(report.total.charges).toBe(BigInt(meant.length));
        for (const line of report.lines) {
          const ofLine = meant.filter(
            ({ info, ...charge }) =>
              info.ts >= BigInt(line.from) &&
              info.ts < BigInt(line.to) &&
              groups.every((grouping) => valueOf({ info, ...charge }, grouping) === line.group[grouping]),
          );
          expect(line.tally.costPicoUsd).toBe(ofLine.reduce((sum, { used }) => sum + used.u, 0n));
          expect(line.tally.charges).toBe(BigInt(ofLine.length));
        }
        const counted = report.lines.reduce((sum, { tally }) => sum + tally.charges, 0n);
        expect(counted).toBe(BigInt(meant.length));
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

const query = (more: Partial<SpendQuery>): SpendQuery => ({
  ...{ from: instant('2026-11-24T00:00:00Z'), to: instant('2026-11-25T00:00:00Z') },
  ...{ groupBy: [], filter: {}, granularity: 'all', chargesMax: 1000 },
  ...more,
});

describe('a report', () => {
  test('shows the dearest first, counts by outcome and kind, and dollars as text', async () => {
    const world = chargedWorld();
    const at = '2026-11-24T12:00:00Z';
    await world.spend({ at, cost: 2_500_000_000_000n, user: 'bob' });
    await world.spend({ at, cost: 30_000_000_000_000n, tokens: { input: 100n, cache_read: 7n } });
    await world.spend({ at, cost: 0n, outcome: 'voided', tokens: {} });
    await world.spend({ at, cost: -10_000_000_000_000n, outcome: 'adjusted', tokens: {} });
    const { lines } = await spendReport(world, query({ groupBy: ['user'] }));
    expect(lines.map(lineView)).toEqual([
      {
        ...{ start: '2026-11-24T00:00:00Z', end: '2026-11-25T00:00:00Z', user: 'alice', cost_usd: '20.00' },
        requests: 2,
        outcomes: { adjusted: 1, settled: 1, voided: 1 },
        tokens: { cache_read: 7, input: 100 },
        reserved_usd: '0.000000002',
      },
      {
        ...{ start: '2026-11-24T00:00:00Z', end: '2026-11-25T00:00:00Z', user: 'bob', cost_usd: '2.50' },
        requests: 1,
        outcomes: { settled: 1 },
        tokens: { input: 3, output: 2 },
        reserved_usd: '0.000000001',
      },
    ]);
  });

  test('names tags apart, and calls without one', async () => {
    const world = chargedWorld();
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 1n, tags: { env: 'prod' } });
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 2n });
    const { lines } = await spendReport(world, query({ groupBy: ['app', 'tag:env'] }));
    expect(lines.map(lineView).map(({ app, tags }) => [app, tags])).toEqual([
      ['web', { env: null }],
      ['web', { env: 'prod' }],
    ]);
  });

  test('ends where it cannot read on, and says so', async () => {
    const world = chargedWorld();
    world.at('2026-11-24T14:00:00Z');
    for (const at of ['11:00', '12:10', '12:20', '13:50', '13:55']) {
      await world.spend({ at: `2026-11-24T${at}:00Z`, cost: 1n });
    }
    const of = async (chargesMax: number) => spendReport(world, query({ chargesMax }));
    expect(await of(5)).toMatchObject({ asOf: instant('2026-11-25T00:00:00Z'), total: { charges: 5n } });
    expect(await of(4)).toMatchObject({ asOf: instant('2026-11-24T13:00:00Z'), total: { charges: 3n } });
    expect(await of(2)).toMatchObject({ asOf: instant('2026-11-24T12:00:00Z'), total: { charges: 1n } });
    world.at('2026-11-24T14:01:00Z');
    await rollUp(world);
    expect(await of(2)).toMatchObject({ asOf: instant('2026-11-25T00:00:00Z'), total: { charges: 5n } });
  });

  test('of a user reads no charge of others', async () => {
    const world = chargedWorld();
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 1n });
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 2n, user: 'alice2' });
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 4n, user: null, app: 'alice' });
    for (const hours of ['12', '15']) {
      world.at(`2026-11-24T${hours}:30:00Z`);
      await rollUp(world);
      expect((await spendReport(world, query({ filter: { user: 'alice' } }))).total.costPicoUsd).toBe(1n);
    }
  });
});
