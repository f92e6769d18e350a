/** When the bus is told of another stage, in both directions, and of nothing else. */
import { describe, expect, it, test } from 'vitest';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { leafChange, poolChange } from '../../lambdas/core/escalation/crossings.ts';
import { stageChangesOf } from '../../lambdas/core/escalation/stage-changes.ts';
import { stageChangedSchema, type StageChanged } from '../../lambdas/core/events/stage-changed.ts';
import type { Account, Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { usd } from '../../lambdas/core/money.ts';
import { NOON, testCap } from '../support/worlds.ts';
import { DECEMBER, growth, leafAt, monthly, NOVEMBER, poolAt } from './leaves.ts';

const told = (old: Leaf | undefined, next: Leaf, cap: Cap = monthly()): Promise<StageChanged[]> =>
  stageChangesOf(leafChange(old, next, NOON), async () => cap);
const words = (events: StageChanged[]): string[] =>
  events.map(({ from, to, because }) => `${from} > ${to}: ${because}`);
const throttledAt = (settled: string, more: Partial<Account> = {}): Leaf =>
  leafAt(settled, { g: 'throttled', ...more });
const raised = monthly({ limit: usd('40'), revision: 2n });

describe('a stage', () => {
  it.each<[string, Leaf | undefined, Leaf, string[]]>([
    ['below the first rung', leafAt('0'), leafAt('9'), []],
    ['warned', leafAt('9'), leafAt('10'), ['normal > warned: spending']],
    ['warned again, at a higher rung', leafAt('10'), leafAt('16'), []],
    ['throttle reached, and not set yet', leafAt('16'), leafAt('19'), []],
    ['set by the ladder', leafAt('19'), throttledAt('19'), ['warned > throttled: spending']],
    [
      'set, in a write that settles more',
      leafAt('18'),
      throttledAt('19.5'),
      ['warned > throttled: spending'],
    ],
    ['blocked', throttledAt('19'), throttledAt('20'), ['throttled > blocked: spending']],
    ['over three rungs at once', leafAt('0'), leafAt('20'), ['normal > blocked: spending']],
    ['of a leaf that is new', undefined, leafAt('12'), ['normal > warned: spending']],
    ['a reserve', throttledAt('19'), throttledAt('19', { f: 0n }), []],
    ['the next window', throttledAt('19'), leafAt('0', { k: DECEMBER }), ['throttled > normal: window']],
  ])('%s', async (_what, old, next, expected) => {
    expect(words(await told(old, next))).toEqual(expected);
  });

  test('ends with a raised limit and with what was approved', async () => {
    const followed = leafAt('19', { l: usd('40'), r: 2n });
    expect(words(await told(throttledAt('19'), followed, raised))).toEqual(['throttled > normal: limit']);
    const granted = leafAt('19', { l: usd('30'), o: { g: { n: usd('10'), x: 1n } } });
    expect(words(await told(throttledAt('19'), granted))).toEqual(['throttled > warned: limit']);
  });

  test('ends in a rolling window as spending leaves it', async () => {
    const cap = testCap('month', 'usd', 'rolling_24h', usd('20'));
    const at = (k: bigint, settled: string): Leaf => leafAt(settled, { k, b: { [String(k)]: usd(settled) } });
    expect(words(await told(at(3600n, '12'), at(7200n, '2'), cap))).toEqual(['warned > normal: window']);
  });

  test('of a shared cap is its pool’s', async () => {
    const change = poolChange(poolAt('240'), poolAt('260', '15'), NOON);
    const [event, ...more] = await stageChangesOf(change, async () => growth());
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      from: 'normal',
      to: 'warned',
      principal: null,
      settled: '260.00',
      reserved: '15.00',
    });
  });

  test('is none of a lease, of a rate, of calls in flight and of a cap that is gone', async () => {
    const lease = { k: NOVEMBER, f: 0n, s: usd('20'), l: usd('20') };
    const rate = { k: NOVEMBER, f: 0n, s: 10n, l: 10n, r: 1n };
    const leaf = { ...leafAt('0'), a: { 'growth-month': lease, 'throttled:10': rate } };
    expect(await told(undefined, leaf, growth())).toEqual([]);
    expect(await told(undefined, leafAt('20'), testCap('month', 'concurrent', '', 20n))).toEqual([]);
    const gone = stageChangesOf(leafChange(undefined, leafAt('20'), NOON), async () => undefined);
    expect(await gone).toEqual([]);
  });
});

describe('its event', () => {
  test('fits the schema and carries totals', async () => {
    const [event] = await told(leafAt('9'), leafAt('12.5', { f: usd('7.25') }));
    expect(stageChangedSchema.parse(event)).toEqual(event);
    expect(event).toMatchObject({
      cap: 'month',
      principal: { type: 'user', id: 'alice' },
      window_key: NOVEMBER.toString(),
      settled: '12.50',
      remaining: '7.25',
      resets_at: '2026-12-01T00:00:00Z',
      at: '2026-11-24T12:00:00Z',
    });
  });

  test('has one id for repeats, whatever the older image was, and another for each stage, window and limit', async () => {
    const ids = async (...at: Parameters<typeof told>) => (await told(...at)).map(({ id }) => id);
    const first = await ids(leafAt('9'), leafAt('10'));
    expect(await ids(undefined, leafAt('15'))).toEqual(first);
    expect(await ids(leafAt('2'), leafAt('12'))).toEqual(first);
    const all = [
      ...first,
      ...(await ids(leafAt('19'), throttledAt('19'))),
      ...(await ids(leafAt('9'), leafAt('12', { k: DECEMBER }))),
      ...(await ids(leafAt('9', { l: usd('40'), r: 2n }), leafAt('20', { l: usd('40'), r: 2n }), raised)),
    ];
    expect(new Set(all).size).toBe(4);
  });
});
