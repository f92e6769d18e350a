import { describe, expect, it, test } from 'vitest';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { AccountCaps } from '../../lambdas/core/escalation/account-caps.ts';
import { crossingsOf } from '../../lambdas/core/escalation/crossings.ts';
import { capThresholdCrossedSchema, type CapThresholdCrossed } from '../../lambdas/core/escalation/event.ts';
import type { Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { usd } from '../../lambdas/core/money.ts';
import { alice, ManualClock, minutes, NOON, testCap } from '../support/worlds.ts';
import { DECEMBER, leafAt, monthly, NOVEMBER } from './leaves.ts';

const crossed = (
  old: Leaf | undefined,
  next: Leaf,
  cap: Cap | undefined = monthly(),
): Promise<CapThresholdCrossed[]> => crossingsOf({ old, next, at: NOON }, async () => cap);
const rungs = (events: CapThresholdCrossed[]): string[] =>
  events.map(({ rung, threshold }) => `${rung} ${threshold}`);

describe('crossings', () => {
  it.each<[string, string, string, string[]]>([
    ['nothing reached', '0', '9.999999999999', []],
    ['half reached exactly', '9.999999999999', '10', ['warn 0.5']],
    ['half stays reached', '10', '15.999999999999', []],
    ['two at once', '0', '16', ['warn 0.5', 'warn 0.8']],
    ['the throttle rung', '16', '19', ['throttle 0.95']],
    ['the limit', '19', '20', ['block 1']],
    ['all in one burst', '0', '20', ['warn 0.5', 'warn 0.8', 'throttle 0.95', 'block 1']],
  ])('%s', async (_name, before, after, expected) => {
    expect(rungs(await crossed(leafAt(before), leafAt(after)))).toEqual(expected);
  });

  test('fit the schema and carry totals', async () => {
    const [event] = await crossed(leafAt('9'), leafAt('12.5', { f: usd('7.25') }));
    expect(capThresholdCrossedSchema.parse(event)).toEqual(event);
    expect(event).toMatchObject({
      version: 1,
      cap: 'month',
      account: 'month',
      principal: { type: 'user', id: 'alice' },
      window: 'month',
      window_key: NOVEMBER.toString(),
      threshold: '0.5',
      threshold_amount: '10.00',
      limit: '20.00',
      effective_limit: '20.00',
      settled: '12.50',
      remaining: '7.25',
      resets_at: '2026-12-01T00:00:00Z',
      at: '2026-11-24T12:00:00Z',
    });
  });

  test('warn and throttle without overage, block with it', async () => {
    const cap = monthly({ overage: usd('10') });
    const at = (settled: string): Leaf => leafAt(settled, { l: usd('30') });
    expect(rungs(await crossed(at('0'), at('20'), cap))).toEqual(['warn 0.5', 'warn 0.8', 'throttle 0.95']);
    expect(rungs(await crossed(at('20'), at('30'), cap))).toEqual(['block 1']);
  });

  test('a rung that is switched off is none; nor is anything where nothing is settled', async () => {
    const cap = monthly({ thresholds: { warn: null, throttle: null, block: null } });
    expect(await crossed(leafAt('0'), leafAt('20'), cap)).toEqual([]);
    expect(await crossed(undefined, leafAt('0', { l: 0n }), monthly({ limit: 0n }))).toEqual([]);
  });

  test('a cap that is gone, and calls in flight, cross nothing', async () => {
    expect(
      await crossingsOf({ old: undefined, next: leafAt('20'), at: NOON }, async () => undefined),
    ).toEqual([]);
    const slots = testCap('month', 'concurrent', '', 20n);
    expect(await crossed(undefined, leafAt('20'), slots)).toEqual([]);
  });
});

describe('the id of a crossing', () => {
  const idsOf = (events: CapThresholdCrossed[]): string[] => events.map(({ id }) => id);

  test('is the same for a repeat, a lost older image, and an image out of order', async () => {
    const first = idsOf(await crossed(leafAt('0'), leafAt('10')));
    expect(idsOf(await crossed(leafAt('0'), leafAt('10')))).toEqual(first);
    expect(idsOf(await crossed(undefined, leafAt('12')))).toEqual(first);
    expect(idsOf(await crossed(leafAt('15'), leafAt('11')))).toEqual([]);
  });

  test('is another one for the next window, another limit and another rung', async () => {
    const ids = new Set([
      ...idsOf(await crossed(undefined, leafAt('16'))),
      ...idsOf(await crossed(leafAt('16'), leafAt('16', { k: DECEMBER }))),
      ...idsOf(
        await crossed(
          leafAt('16'),
          leafAt('16', { l: usd('18'), r: 2n }),
          monthly({ limit: usd('18'), revision: 2n }),
        ),
      ),
    ]);
    expect(ids.size).toBe(6);
  });
});

describe('a cap that changes', () => {
  const lowered = monthly({ limit: usd('10'), revision: 2n });

  test('is told of by the new limit before the account has followed, and not otherwise afterwards', async () => {
    const before = await crossed(leafAt('4'), leafAt('8'), lowered);
    expect(before.map(({ effective_limit }) => effective_limit)).toEqual(['10.00', '10.00']);
    const followed = await crossed(leafAt('8'), leafAt('8', { l: usd('10'), r: 2n }), lowered);
    expect(followed.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    const later = leafAt('8.5', { l: usd('10'), r: 2n });
    expect(await crossed(leafAt('8', { l: usd('10'), r: 2n }), later, lowered)).toEqual([]);
  });
});

describe('a rolling window', () => {
  const cap = testCap('month', 'usd', 'rolling_24h', usd('20'));
  const at = (bucket: bigint, settled: string): Leaf =>
    leafAt(settled, { k: bucket, b: { [String(bucket)]: usd(settled) } });

  test('goes on over its buckets', async () => {
    expect(rungs(await crossed(at(3600n, '9'), at(7200n, '10'), cap))).toEqual(['warn 0.5']);
    expect(await crossed(at(3600n, '10'), at(7200n, '11'), cap)).toEqual([]);
  });
});

describe('the mail', () => {
  test('says who, which cap, what is settled, held and left, until when, and what comes next', async () => {
    const held = { at: 1n, x: 0n, c: { month: { k: NOVEMBER, n: usd('0.5'), m: 'u' as const } } };
    const leaf = { ...leafAt('10', { f: usd('9.5') }), h: { one: held } } as unknown as Leaf;
    const [event] = await crossed(leafAt('9'), leaf);
    expect(event!.mail.subject).toBe('Spendcap: alice has used 50% of month');
    expect(event!.mail.text).toBe(`user alice has used 50% of the cap "month".

Who       user alice
Cap       month: $20.00 a month
Settled   $10.00
Held      $0.50 by calls in flight, charged when they end
Left      $9.50
Resets    2026-12-01T00:00:00Z
Noticed   2026-11-24T12:00:00Z

What happens next
Nothing is refused yet, and nobody has to act.
At 80% ($16.00) there is another notice like this one.
At 95% ($19.00) the stage becomes "throttled", which refuses nothing by itself.
At 100% ($20.00) new calls are refused.

Event ${event!.id}
`);
  });

  test('of a blocked cap names the way out', async () => {
    const [event] = await crossed(leafAt('19'), leafAt('20'));
    expect(event!.mail.subject).toBe('Spendcap: alice is blocked, 100% of month used');
    expect(event!.mail.text).toContain('refused until somebody raises it or until 2026-12-01T00:00:00Z');
    expect(event!.mail.text).toContain('spendcap cap set user:alice --id month');
  });

  test('keeps its subject short and ASCII whatever the names', async () => {
    const leaf = { ...leafAt('20'), pk: `L#user:${'käyttäjä'.repeat(16)}` };
    const cap = { ...monthly(), id: 'c'.repeat(64) as Cap['id'] };
    const events = await crossed(undefined, leaf, cap);
    for (const { mail } of events) expect(mail.subject).toMatch(/^[\x20-\x7e]{1,99}$/);
    expect(events[0]!.mail.text).toContain('käyttäjä'.repeat(16));
  });
});

describe('caps by account', () => {
  test('are remembered for a moment, and read again for an account that is newer', async () => {
    let reads = 0;
    let standing: Cap = monthly();
    const clock = new ManualClock();
    const directory = { getCap: async () => ((reads += 1), standing) };
    const caps = new AccountCaps({ directory: directory as never, clock });
    expect(await caps.of('month', 1n)).toBe(standing);
    expect(await caps.of('month', 1n)).toBe(standing);
    expect(reads).toBe(1);
    standing = monthly({ revision: 2n });
    expect((await caps.of('month', 2n))?.revision).toBe(2n);
    standing = monthly({ account: 'month~1', revision: 3n });
    clock.advance(minutes(1));
    expect(await caps.of('month', 2n)).toBeUndefined();
    expect(await caps.of('month~1', 3n)).toBe(standing);
    expect(alice.pk).toBe('L#user:alice');
  });
});
