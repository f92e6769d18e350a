/** A shared cap's ladder: rungs by what its pool knows to be settled, mails to read, the stage on the pool. */
import { describe, expect, it, test } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { durationMs } from '../../lambdas/core/brands.ts';
import { capFromInput } from '../../lambdas/core/caps/cap-definition.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { stageOf } from '../../lambdas/core/caps/stage.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import { crossingsOf, leafChange, poolChange } from '../../lambdas/core/escalation/crossings.ts';
import {
  capThresholdCrossedSchema,
  type CapThresholdCrossed,
} from '../../lambdas/core/events/cap-threshold-crossed.ts';
import { setStage } from '../../lambdas/core/escalation/set-stage.ts';
import { accountOf } from '../../lambdas/core/ledger/books.ts';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import type { Pool } from '../../lambdas/core/ledger/pool.ts';
import { usd } from '../../lambdas/core/money.ts';
import { alice, chargeOf, hours, ledgerOver, ManualClock, NOON, testCall } from '../support/worlds.ts';
import { DECEMBER, growth, leafAt, NOVEMBER, poolAt, defaultLadder } from './leaves.ts';

const crossed = (old: Pool | undefined, next: Pool, cap: Cap = growth()): Promise<CapThresholdCrossed[]> =>
  crossingsOf(poolChange(old, next, NOON), async () => cap, defaultLadder);
const rungs = (events: CapThresholdCrossed[]): string[] =>
  events.map(({ rung, threshold }) => `${rung} ${threshold}`);

describe('crossings of a pool', () => {
  it.each<[string, string, string, string[]]>([
    ['nothing reached', '0', '249.999999999999', []],
    ['half reached exactly', '249', '250', ['warn 0.5']],
    ['half stays reached', '250', '399', []],
    ['all in one return', '0', '500', ['warn 0.5', 'warn 0.8', 'throttle 0.95', 'block 1']],
  ])('%s', async (_name, before, after, expected) => {
    expect(rungs(await crossed(poolAt(before), poolAt(after)))).toEqual(expected);
  });

  test('look at what is settled, never at what is on lease', async () => {
    expect(await crossed(poolAt('10'), poolAt('10', '490'))).toEqual([]);
  });

  test('carry the pool, and nobody as their principal', async () => {
    const [event] = await crossed(poolAt('200'), poolAt('260', '15'));
    expect(capThresholdCrossedSchema.parse(JSON.parse(JSON.stringify(event)))).toEqual(event);
    expect(event).toMatchObject({
      version: 1,
      cap: 'growth-month',
      scope: { type: 'team', id: 'growth' },
      principal: null,
      settled: '260.00',
      reserved: '15.00',
      remaining: '225.00',
      resets_at: '2026-12-01T00:00:00Z',
    });
  });

  test('share an id with their repeats, and with nothing else', async () => {
    const id = async (next: Pool, cap?: Cap) =>
      (await crossed(undefined, next, cap)).map((event) => event.id);
    expect(await id(poolAt('250'))).toEqual(await id(poolAt('260', '40')));
    const raised = growth({ limit: usd('520'), revision: 2n });
    const others = [
      ...(await id(poolAt('250'))),
      ...(await id(poolAt('250', '0', { k: DECEMBER }))),
      ...(await id(poolAt('260', '0', { l: usd('520'), r: 2n }), raised)),
    ];
    expect(new Set(others).size).toBe(3);
  });

  test('are not told by a lease, whose figures are a part', async () => {
    const lease = { k: NOVEMBER, f: 0n, s: usd('400'), l: usd('400'), q: 8n, d: BigInt(NOON) };
    const leaf = { ...leafAt('0'), a: { 'growth-month': lease } };
    expect(await crossingsOf(leafChange(undefined, leaf, NOON), async () => growth(), defaultLadder)).toEqual(
      [],
    );
  });
});

describe('the mail', () => {
  const mailOf = async (rung: string, next: Pool, cap?: Cap) =>
    (await crossed(undefined, next, cap)).findLast((event) => event.rung === rung)!.mail;

  test('of a team says whose cap it is, and that its figures are the least', async () => {
    const [, event] = await crossed(undefined, poolAt('410', '12'));
    expect(event!.mail.subject).toBe('Spendcap: team growth has used 82% of growth-month (warning at 80%)');
    expect(event!.mail.text)
      .toBe(`Team growth has used $410.00 of $500.00 (82%) and so reached the 80% warning of the cap "growth-month".

Who       team growth, all callers together
Cap       growth-month: $500.00 a month
Used      at least $410.00
On lease  $12.00 with callers: held by calls, free for the next ones, or spent in the last hour
Left      $78.00
Pace      $17.44 a day; at this pace the limit is reached about 2026-11-29 15:48 UTC; without a limit about $523.40 by the end of the window
Resets    2026-12-01 00:00 UTC
Noticed   2026-11-24 12:00 UTC

What happens next
Calls go on as long as they fit into what is left. Nobody has to act.
At 95% ($475.00) the stage becomes "throttled": each caller may begin 10 calls a minute.
At 100% ($500.00) every new call is refused.

Event ${event!.id}
`);
  });

  test('names the way out', async () => {
    const { subject, text } = await mailOf('throttle', poolAt('480'));
    expect(subject).toBe('Spendcap: team growth is at stage throttled, 96% of growth-month used');
    expect(text).toContain('Callers see the stage "throttled" on every answer.');
    expect(text).toContain('have the limit raised: spendcap cap set team:growth --id growth-month');
  });

  it.each<[Cap['scope'], string, string]>([
    [{ type: 'app', id: 'web' }, 'app web is blocked', 'App web has used $500.00 of $500.00 (100%): the cap'],
    [
      { type: 'feature', id: 'web/summarise' },
      'feature web/summarise is blocked',
      'Feature web/summarise has',
    ],
    [{ type: 'org', id: 'org' }, 'the organisation is blocked', 'The organisation has used $500.00'],
  ])('of %j', async (scope, subject, text) => {
    const mail = await mailOf('block', poolAt('500'), growth({ scope }));
    expect(mail.subject).toContain(`Spendcap: ${subject}, 100% of growth-month used`);
    expect(mail.text.startsWith(text)).toBe(true);
  });

  test('keeps its subject short and ASCII whatever the names', async () => {
    const scope = { type: 'feature', id: `${'käyttö'.repeat(20)}/${'yhteenveto'.repeat(10)}` } as const;
    const cap = growth({ scope, id: 'c'.repeat(64) as Cap['id'], limit: 1n });
    for (const { mail } of await crossed(undefined, poolAt('500', '0', { l: 1n, f: 1n - usd('500') }), cap)) {
      expect(mail.subject).toMatch(/^[\x20-\x7e]{1,99}$/);
      expect(mail.text).toContain(scope.id);
    }
  });
});

describe('the stage', () => {
  async function world() {
    const clock = new ManualClock();
    const engine = { api: openMemoryEngine({ clock }), tableName: 't' };
    const { table, ledger, ids } = ledgerOver(engine, clock);
    const directory = new Directory({ table, clock });
    const put = async (limit: string) => {
      const scope = { type: 'team', id: 'growth' } as const;
      const definition = capFromInput('growth-month', { scope, metric: 'usd', window: 'month', limit });
      if ('kind' in definition) throw new Error(definition.message);
      return (await directory.putCap(definition, 'admin')).cap;
    };
    /** A process of its own, which has read the pool before. */
    const { ledger: elsewhere } = ledgerOver(engine, clock);
    const spend = async (cap: Cap, picoUsd: bigint): Promise<void> => {
      const held = await ledger.reserve(testCall([cap], ids, { picoUsd }));
      if (held.kind !== 'held') throw new Error(held.kind);
      await ledger.finish(chargeOf(held.call, picoUsd), alice);
      await ledger.pools.giveBack((await ledger.leaves.read(alice))!, cap.account);
    };
    const eventsOf = async (cap: Cap) => crossed(undefined, (await ledger.pools.read(cap.account))!, cap);
    const set = (event: CapThresholdCrossed) => setStage({ ledger, directory, clock }, event);
    const stage = async () => (await ledger.pools.read('growth-month'))?.g;
    return { clock, ledger, elsewhere, ids, put, spend, eventsOf, set, stage, directory };
  }

  test('stands on the pool, rises only, and every member sees it within ten seconds', async () => {
    const { clock, elsewhere, ids, put, spend, eventsOf, set, stage } = await world();
    const cap = await put('500');
    const bob = leafKey({ type: 'user', id: 'bob' });
    const seenByBob = async () => {
      const held = await elsewhere.reserve({ ...testCall([cap], ids, { picoUsd: 1n }), leaf: bob });
      if (held.kind !== 'held') throw new Error(held.kind);
      return stageOf(cap, accountOf(held.books, cap));
    };
    await spend(cap, usd('480'));
    expect(await seenByBob()).toBe('warned');
    for (const event of (await eventsOf(cap)).reverse()) await set(event);
    expect(await stage()).toBe('throttled');
    expect(await seenByBob()).toBe('warned');
    clock.advance(durationMs(10_000));
    expect(await seenByBob()).toBe('throttled');
  });

  test('outlives draws and returns, and lapses with the limit and the window', async () => {
    const { clock, ledger, put, spend, eventsOf, set, stage } = await world();
    const cap = await put('500');
    await spend(cap, usd('480'));
    for (const event of await eventsOf(cap)) await set(event);
    await spend(cap, usd('1'));
    expect(await stage()).toBe('throttled');
    const raised = await put('600');
    await ledger.pools.change(raised);
    expect(await stage()).toBeUndefined();
    for (const event of await eventsOf(raised)) await set(event);
    expect(await stage()).toBe('warned');
    clock.advance(hours(24 * 10));
    await ledger.pools.change(raised);
    expect(await stage()).toBeUndefined();
  });

  test('is not set by an event of another limit or window, nor where there is no pool or cap', async () => {
    const { clock, put, spend, eventsOf, set, stage, directory, ledger } = await world();
    const cap = await put('500');
    const [, , throttle] = await crossed(undefined, poolAt('480'), cap);
    await set(throttle!);
    expect(await ledger.pools.read(cap.account)).toBeUndefined();
    await spend(cap, usd('480'));
    const events = await eventsOf(cap);
    await put('490');
    for (const event of events) await set(event);
    expect(await stage()).toBeUndefined();
    await put('500');
    await directory.deleteCap('growth-month');
    for (const event of events) await set(event);
    expect(await stage()).toBeUndefined();
    await put('500');
    clock.advance(hours(24 * 10));
    for (const event of events) await set(event);
    expect(await stage()).toBeUndefined();
  });
});
