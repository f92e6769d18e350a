import { describe, expect, it, test } from 'vitest';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { AccountCaps } from '../../lambdas/core/escalation/account-caps.ts';
import { crossingsOf, leafChange } from '../../lambdas/core/escalation/crossings.ts';
import {
  capThresholdCrossedSchema,
  type CapThresholdCrossed,
} from '../../lambdas/core/events/cap-threshold-crossed.ts';
import { epochMs, type EpochMs } from '../../lambdas/core/brands.ts';
import type { Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { ladderSchema } from '../../lambdas/core/policy/ladder.ts';
import { usd } from '../../lambdas/core/money.ts';
import { alice, ManualClock, minutes, NOON, testCap } from '../support/worlds.ts';
import { DECEMBER, leafAt, monthly, NOVEMBER, defaultLadder } from './leaves.ts';

const crossed = (
  old: Leaf | undefined,
  next: Leaf,
  cap: Cap | undefined = monthly(),
): Promise<CapThresholdCrossed[]> => crossingsOf(leafChange(old, next, NOON), async () => cap, defaultLadder);
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
      await crossingsOf(leafChange(undefined, leafAt('20'), NOON), async () => undefined, defaultLadder),
    ).toEqual([]);
    const slots = testCap('month', 'concurrent', '', 20n);
    expect(await crossed(undefined, leafAt('20'), slots)).toEqual([]);
  });
});

describe('what the ladder does', () => {
  const LATE = epochMs(Date.UTC(2026, 10, 24, 21, 30));
  const actions = async (
    { ladder = {}, at = NOON, before = '0' }: { ladder?: object; at?: EpochMs; before?: string },
    after: string,
  ) => {
    const told = await crossingsOf(
      leafChange(leafAt(before), leafAt(after), at),
      async () => monthly({ ladder: 'strict' }),
      (name) => ladderSchema.parse(name === 'strict' ? ladder : {}),
    );
    return told.map(({ rung, threshold, actions: { mail, mail_at, stage_at } }) => [
      `${rung} ${threshold}`,
      mail,
      mail_at.slice(5, 16),
      stage_at.slice(5, 16),
    ]);
  };
  const SAME = ['11-24T12:00', '11-24T12:00'];

  test('of those that are reached at once, the highest is mailed', async () => {
    expect(await actions({}, '20')).toEqual([
      ['warn 0.5', false, ...SAME],
      ['warn 0.8', false, ...SAME],
      ['throttle 0.95', false, ...SAME],
      ['block 1', true, ...SAME],
    ]);
    expect(await actions({ before: '12' }, '19.5')).toEqual([
      ['warn 0.8', false, ...SAME],
      ['throttle 0.95', true, ...SAME],
    ]);
  });

  test('a rung without a mail leaves it to the one below', async () => {
    const ladder = { throttle: { mail: false } };
    expect(await actions({ ladder }, '19')).toEqual([
      ['warn 0.5', false, ...SAME],
      ['warn 0.8', true, ...SAME],
      ['throttle 0.95', false, ...SAME],
    ]);
    const silent = { warn: { mail: false }, throttle: { mail: false }, block: { mail: false } };
    expect((await actions({ ladder: silent }, '20')).map(([, mail]) => mail)).toEqual(
      Array<boolean>(4).fill(false),
    );
  });

  test('a grace is of the stage throttled alone', async () => {
    const ladder = { throttle: { graceMinutes: 90 } };
    expect(await actions({ ladder, before: '16' }, '20')).toEqual([
      ['throttle 0.95', false, '11-24T12:00', '11-24T13:30'],
      ['block 1', true, ...SAME],
    ]);
  });

  test('quiet hours hold back all mails but those of a block', async () => {
    const ladder = { quietHours: { from: '19:00', to: '07:30', timeZone: 'Europe/Helsinki' } };
    const [warn, , , block] = await actions({ ladder, at: LATE }, '20');
    expect(warn).toEqual(['warn 0.5', false, '11-25T05:30', '11-24T21:30']);
    expect(block).toEqual(['block 1', true, '11-24T21:30', '11-24T21:30']);
    expect(await actions({ ladder }, '12')).toEqual([['warn 0.5', true, ...SAME]]);
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
  test('says who, how much of which cap, which rung that is, what is left, and what comes next', async () => {
    const held = { at: 1n, x: 0n, c: { month: { k: NOVEMBER, n: usd('0.5'), m: 'u' as const } } };
    const at = leafAt('16.314729000001', { f: usd('3.185270999999') });
    const leaf = { ...at, h: { one: held } } as unknown as Leaf;
    const [event] = await crossed(leafAt('15'), leaf);
    expect(event!.mail.subject).toBe('Spendcap: alice has used 81.5% of month (warning at 80%)');
    expect(event!.mail.text)
      .toBe(`User alice has used $16.31 of $20.00 (81.5%) and so reached the 80% warning of the cap "month".

Who       user alice
Cap       month: $20.00 a month
Used      $16.314729000001
Held      $0.50 by calls in flight, which are charged what they cost
Left      $3.185270999999
Pace      $0.6942 a day; at this pace the limit is reached about 2026-11-29 19:23 UTC; without a limit about $20.82 by the end of the window
Resets    2026-12-01 00:00 UTC
Noticed   2026-11-24 12:00 UTC

What happens next
Calls go on as long as they fit into what is left. Nobody has to act.
At 95% ($19.00) the stage becomes "throttled": each caller may begin 10 calls a minute.
At 100% ($20.00) every new call is refused.

Event ${event!.id}
`);
  });

  const textsOf = async (old: Leaf, next: Leaf, cap?: Cap): Promise<string[]> =>
    (await crossed(old, next, cap)).map(({ mail }) => `${mail.subject}\n${mail.text}`);

  test('of the throttle rung names the stage and the way out', async () => {
    const [text] = await textsOf(leafAt('18'), leafAt('19.25'));
    expect(text).toContain('alice is at stage throttled, 96.2% of month used');
    expect(text).toContain('$19.25 of $20.00 (96.2%) and so reached the 95% at which the cap "month"');
    expect(text).toContain(
      'Calls go on as long as they fit into what is left. Each caller may begin 10 calls a minute.\nThe caller sees the stage',
    );
    expect(text).toContain('spendcap cap set user:alice --id month');
  });

  test.each([
    [{ requestsPerMinute: null }, 'Nothing is refused by it.'],
    [
      { cheaperModel: true },
      'Each caller may begin 10 calls a minute and calls go to a cheaper model where one can do them.',
    ],
    [
      { cheaperModel: true, maxOutputTokens: 1000 },
      'Each caller may begin 10 calls a minute, calls go to a cheaper model where one can do them, and answers have 1000 tokens at most.',
    ],
  ])('of the throttle rung says all that it does: %j', async (throttle, says) => {
    const change = leafChange(leafAt('18'), leafAt('19.25'), NOON);
    const [event] = await crossingsOf(
      change,
      async () => monthly(),
      () => ladderSchema.parse({ throttle }),
    );
    expect(event!.mail.text).toContain(`as they fit into what is left. ${says}`);
  });

  test('of a blocked cap names the way out', async () => {
    const [text] = await textsOf(leafAt('19'), leafAt('20'));
    expect(text).toContain('Spendcap: alice is blocked, 100% of month used');
    expect(text).toContain('User alice has used $20.00 of $20.00 (100%): the cap "month" is blocked.');
    expect(text).toContain('refused until somebody raises it or until 2026-12-01 00:00 UTC');
    expect(text).toContain('spendcap cap set user:alice --id month');
  });

  test('of a cap that is blocked before its end says from where', async () => {
    const cap = monthly({ thresholds: { warn: null, throttle: null, block: 900 } });
    const [text] = await textsOf(leafAt('17'), leafAt('18.5'), cap);
    expect(text).toContain('alice is blocked, 92.5% of month used');
    expect(text).toContain('$18.50 of $20.00 (92.5%): the cap "month" is blocked from 90% on.');
  });

  test('of a milder rung reached in the same moment does not say that calls go on', async () => {
    const texts = await textsOf(leafAt('0'), leafAt('20'));
    expect(texts).toHaveLength(4);
    for (const text of texts) {
      expect(text).not.toContain('Calls go on');
      expect(text).toContain('New calls under this cap are refused');
    }
    expect(texts[0]).toContain('alice has used 100% of month (warning at 50%)');
  });

  test('of a cap that everybody has does not raise it for everybody first', async () => {
    const cap = monthly({ scope: { type: 'user', id: '*' } });
    const [text] = await textsOf(leafAt('19'), leafAt('20'), cap);
    expect(text).toContain('give alice a cap of their own: spendcap cap set user:alice (');
    expect(text).toContain("spendcap cap set 'user:*' --id month, raises it for everybody");
  });

  test('counts shares of limit and grants for a warning, of the effective limit for a block', async () => {
    const cap = monthly({ overage: usd('10') });
    const at = (settled: string): Leaf => leafAt(settled, { l: usd('30') });
    const texts = await textsOf(at('19'), at('30'), cap);
    expect(texts.map((text) => /\$30\.00 of \S+ \(\S+\)/.exec(text)?.[0])).toEqual([
      '$30.00 of $30.00 (100%)',
    ]);
    const [warning] = await textsOf(at('9'), at('15'), cap);
    expect(warning).toContain('$15.00 of $20.00 (75%)');
    expect(warning).toContain('Cap       month: $20.00 a month, $30.00 with overage');
  });

  test('shows less than a dollar to the last digit, and requests whole', async () => {
    const cent = monthly({ limit: usd('0.01') });
    const [text] = await textsOf(
      leafAt('0', { l: usd('0.01') }),
      leafAt('0.00834', { l: usd('0.01') }),
      monthly({ ...cent, thresholds: { warn: [800], throttle: null, block: null } }),
    );
    expect(text).toContain('$0.00834 of $0.01 (83.4%)');
    const requests = testCap('month', 'requests', 'month', 20n);
    const [calls] = await textsOf(leafAt('0', { l: 20n }), { ...leafAt('0'), a: requestsAt(11n) }, requests);
    expect(calls).toContain('has used 11 of 20 requests (55%)');
  });
  const requestsAt = (s: bigint): Leaf['a'] => ({ month: { k: NOVEMBER, f: 20n - s, s, l: 20n, r: 1n } });

  test('of a limit that was lowered to nothing has no share', async () => {
    const cap = monthly({ limit: 0n });
    const [text] = await textsOf(leafAt('5'), leafAt('5', { l: 0n, f: 0n - usd('5') }), cap);
    expect(text).toContain('User alice has used $5.00 of $0.00 and so reached');
    expect(text).toContain('Spendcap: alice has used over 999% of month');
  });

  test('keeps its subject short and ASCII whatever the names', async () => {
    const leaf = { ...leafAt('20'), pk: `L#user:${'käyttäjä'.repeat(16)}` };
    const cap = { ...monthly(), id: 'c'.repeat(64) as Cap['id'] };
    const tiny = monthly({ ...cap, limit: 1n, thresholds: { warn: [999], throttle: 999, block: 999 } });
    const lowered = { ...leaf, a: { month: { ...leaf.a['month']!, l: 1n, f: 1n - usd('20') } } };
    for (const events of [await crossed(undefined, leaf, cap), await crossed(undefined, lowered, tiny)]) {
      for (const { mail } of events) expect(mail.subject).toMatch(/^[\x20-\x7e]{1,99}$/);
      expect(events[0]!.mail.text).toContain('käyttäjä'.repeat(16));
    }
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
