import { describe, expect, it, test } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { capFromInput } from '../../lambdas/core/caps/cap-definition.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import type { RungStage } from '../../lambdas/core/caps/rungs.ts';
import { stageOf } from '../../lambdas/core/caps/stage.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import { crossingsOf, leafChange } from '../../lambdas/core/escalation/crossings.ts';
import type { CapThresholdCrossed } from '../../lambdas/core/events/cap-threshold-crossed.ts';
import { setStage, withStage } from '../../lambdas/core/escalation/set-stage.ts';
import { prepareLeaf } from '../../lambdas/core/ledger/accounts.ts';
import type { Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { usd } from '../../lambdas/core/money.ts';
import { epochMs } from '../../lambdas/core/brands.ts';
import {
  alice,
  chargeOf,
  hours,
  ledgerOver,
  ManualClock,
  NOON,
  testCall,
  testCap,
} from '../support/worlds.ts';
import { leafAt, monthly, defaultLadder } from './leaves.ts';

const eventsAt = (leaf: Leaf, cap: Cap = monthly()): Promise<CapThresholdCrossed[]> =>
  crossingsOf(leafChange(undefined, leaf, NOON), async () => cap, defaultLadder);
const eventOf = async (rung: string, leaf: Leaf, cap?: Cap): Promise<CapThresholdCrossed> =>
  (await eventsAt(leaf, cap)).findLast((event) => event.rung === rung)!;

describe('the stage that the ladder sets', () => {
  it.each<[string, RungStage]>([
    ['warn', 'warned'],
    ['throttle', 'throttled'],
    ['block', 'blocked'],
  ])('%s', async (rung, stage) => {
    const leaf = leafAt('20');
    const set = withStage(leaf, monthly(), await eventOf(rung, leaf), NOON);
    expect(set?.a['month']).toEqual({ ...leaf.a['month'], g: stage });
  });

  test('only rises within a window, in whatever order events come', async () => {
    const leaf = leafAt('20', { g: 'throttled' });
    expect(withStage(leaf, monthly(), await eventOf('warn', leaf), NOON)).toBeUndefined();
    expect(withStage(leaf, monthly(), await eventOf('throttle', leaf), NOON)).toBeUndefined();
    expect(withStage(leaf, monthly(), await eventOf('block', leaf), NOON)?.a['month']!.g).toBe('blocked');
  });

  test('is not set by an event of an older window or of another limit', async () => {
    const event = await eventOf('throttle', leafAt('20'));
    const december = epochMs(Date.UTC(2026, 11, 2));
    expect(withStage(leafAt('20'), monthly(), event, december)).toBeUndefined();
    const raised = monthly({ limit: usd('40'), revision: 2n });
    expect(withStage(leafAt('20'), raised, event, NOON)).toBeUndefined();
    expect(withStage({ ...leafAt('20'), a: {} }, monthly(), event, NOON)).toBeUndefined();
  });

  test('is not set by an event of older thresholds, nor by who has not heard of the newer ones', async () => {
    const event = await eventOf(
      'block',
      leafAt('15'),
      monthly({ thresholds: { warn: [500], throttle: null, block: 700 } }),
    );
    const calmer = monthly({ thresholds: { warn: [500], throttle: null, block: 1000 }, revision: 2n });
    expect(event.rung).toBe('block');
    expect(withStage(leafAt('15'), calmer, event, NOON)).toBeUndefined();
    const stale = monthly({ thresholds: { warn: [500], throttle: null, block: 700 } });
    expect(withStage(leafAt('15', { r: 2n }), stale, event, NOON)).toBeUndefined();
  });

  test('lapses with the window and with the limit', () => {
    const leaf = leafAt('19', { g: 'throttled' });
    const december = epochMs(Date.UTC(2026, 11, 2));
    expect(prepareLeaf(leaf, [monthly()], december)!.a['month']).not.toHaveProperty('g');
    const raised = monthly({ limit: usd('40'), revision: 2n });
    expect(prepareLeaf(leaf, [raised], NOON)!.a['month']).not.toHaveProperty('g');
    const renamed = monthly({ ladder: 'other', revision: 2n });
    expect(prepareLeaf(leaf, [renamed], NOON)!.a['month']!.g).toBe('throttled');
    const calmer = monthly({ thresholds: { warn: [500], throttle: null, block: 1000 }, revision: 2n });
    expect(prepareLeaf(leaf, [calmer], NOON)!.a['month']!.g).toBe('warned');
  });

  test('of a rolling window falls as its buckets leave', () => {
    const cap = testCap('month', 'usd', 'rolling_2h', usd('20'));
    const hour = (n: number): bigint => BigInt(NOON) / 1000n + BigInt(n * 3600);
    const b = { [String(hour(0))]: usd('9'), [String(hour(1))]: usd('10') };
    const leaf = leafAt('19', { k: hour(1), g: 'throttled', b });
    const later = (n: number) => prepareLeaf(leaf, [cap], epochMs(NOON + hours(n)))!.a['month']!;
    expect(later(2).g).toBe('throttled');
    expect(later(3).g).toBe('warned');
    expect(later(4)).not.toHaveProperty('g');
  });

  test('is the higher of both', () => {
    const at = (settled: string, g?: RungStage) =>
      stageOf(monthly(), leafAt(settled, g === undefined ? {} : { g }).a['month']!);
    expect(at('19')).toBe('warned');
    expect(at('19', 'throttled')).toBe('throttled');
    expect(at('20', 'throttled')).toBe('blocked');
  });
});

test('over the table: set at a version, kept by reserve and settle, and the books balance', async () => {
  const clock = new ManualClock();
  const { table, ledger, ids } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
  const directory = new Directory({ table, clock });
  const input = {
    scope: { type: 'user', id: 'alice' },
    metric: 'usd',
    window: 'month',
    limit: '20',
  } as const;
  const definition = capFromInput('month', input);
  if ('kind' in definition) throw new Error(definition.message);
  const { cap } = await directory.putCap(definition, 'admin');

  const call = async (picoUsd: bigint): Promise<Leaf> => {
    const held = await ledger.reserve(testCall([cap], ids, { picoUsd }));
    if (held.kind !== 'held') throw new Error(held.kind);
    return (await ledger.finish(chargeOf(held.call, picoUsd), alice)).leaf!;
  };
  const leaf = await call(usd('19'));
  for (const event of (await eventsAt(leaf, cap)).reverse())
    await setStage({ ledger, directory, clock }, event);
  expect((await ledger.leaves.read(alice))!.a['month']!.g).toBe('throttled');
  expect((await call(usd('0.5'))).a['month']!.g).toBe('throttled');
  await directory.deleteCap('month');
  await setStage({ ledger, directory, clock }, await eventOf('throttle', leaf));
  expect((await ledger.leaves.read(alice))!.a['month']!.s).toBe(usd('19.5'));
});
