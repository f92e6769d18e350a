import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  capFromInput,
  capIdSchema,
  capInputSchema,
  capSchema,
  capToWire,
  nameSchema,
  type CapWire,
} from '../../lambdas/core/caps/cap-definition.ts';

const ALICE = {
  scope: { type: 'user', id: 'alice' },
  metric: 'usd',
  window: 'month',
  limit: '20.00',
};
type Json = Record<string, unknown>;
type Ending = { cap: CapWire } | { problem: 'malformed' | 'invalid' | 'not_supported'; message: string };

/** What the API does with a body: 201 and the cap, 400 (malformed or invalid) or 422 (not supported). */
function put(change: Json = {}): Ending {
  const parsed = capInputSchema.safeParse({ ...ALICE, ...change });
  if (!parsed.success) return { problem: 'malformed', message: parsed.error.message };
  const cap = capFromInput('alice-month', parsed.data);
  return 'kind' in cap ? { problem: cap.kind, message: cap.message } : { cap: capToWire(cap) };
}
const cap = (change: Json = {}): CapWire => {
  const ending = put(change);
  if ('problem' in ending) throw new Error(ending.message);
  return ending.cap;
};

describe('a cap as people write it', () => {
  test('gets the defaults of the contract', () => {
    expect(cap()).toEqual({
      id: 'alice-month',
      scope: { type: 'user', id: 'alice' },
      metric: 'usd',
      window: 'month',
      limit: '20.00',
      time_zone: 'UTC',
      anchor_day: 1,
      overage: '0.00',
      thresholds: { warn: [0.5, 0.8], throttle: 0.95, block: 1 },
      ladder: 'default',
    });
  });

  it.each<[string, Json, Partial<CapWire>]>([
    ['each user', { scope: { type: 'user', id: '*' } }, { scope: { type: 'user', id: '*' } }],
    ['a user and feature', { scope: { type: 'user_feature', id: 'alice/summarise' } }, { metric: 'usd' }],
    ['an address as a name', { scope: { type: 'user', id: 'bob@example.com' } }, { window: 'month' }],
    [
      'a name in any script',
      { scope: { type: 'user', id: 'Zoë·李' } },
      { scope: { type: 'user', id: 'Zoë·李' } },
    ],
    ['dollars without decimals', { limit: '20' }, { limit: '20.00' }],
    ['a fraction of a cent', { limit: '0.0075' }, { limit: '0.0075' }],
    ['a limit of nothing', { limit: '0' }, { limit: '0.00' }],
    ['a rate', { metric: 'requests', window: 'minute', limit: '60' }, { window: 'minute', overage: '0' }],
    ['tokens an hour', { metric: 'tokens', window: 'hour', limit: '100000' }, { limit: '100000' }],
    [
      'calls in flight',
      { metric: 'concurrent', window: undefined, limit: '2' },
      { window: null, limit: '2' },
    ],
    ['calls in flight, window null', { metric: 'concurrent', window: null, limit: '2' }, { window: null }],
    ['a lifetime', { window: 'lifetime' }, { window: 'lifetime' }],
    ['a rolling window of hours', { window: 'rolling_5h' }, { window: 'rolling_5h' }],
    ['a rolling window of days', { window: 'rolling_30d' }, { window: 'rolling_30d' }],
    [
      'a zone and a day',
      { time_zone: 'Europe/Helsinki', anchor_day: 28 },
      { time_zone: 'Europe/Helsinki', anchor_day: 28 },
    ],
    ['a week from Sunday', { window: 'week', anchor_day: 7 }, { window: 'week', anchor_day: 7 }],
    ['an overage', { overage: '2.5' }, { overage: '2.50' }],
    ['a ladder', { ladder: 'strict' }, { ladder: 'strict' }],
  ])('%s', (_what, change, expected) => {
    expect(cap(change)).toMatchObject(expected);
  });
});

describe('thresholds', () => {
  it.each<[string, Json, CapWire['thresholds']]>([
    ['one is merged with the defaults', { throttle: 0.9 }, { warn: [0.5, 0.8], throttle: 0.9, block: 1 }],
    ['warn alone', { warn: [0.25] }, { warn: [0.25], throttle: 0.95, block: 1 }],
    ['block alone', { block: 0.99 }, { warn: [0.5, 0.8], throttle: 0.95, block: 0.99 }],
    ['null switches warn off', { warn: null }, { warn: null, throttle: 0.95, block: 1 }],
    ['null switches throttle off', { throttle: null }, { warn: [0.5, 0.8], throttle: null, block: 1 }],
    ['null switches block off', { block: null }, { warn: [0.5, 0.8], throttle: 0.95, block: null }],
    ['none at all', { warn: null, throttle: null, block: null }, { warn: null, throttle: null, block: null }],
    ['an empty object changes nothing', {}, { warn: [0.5, 0.8], throttle: 0.95, block: 1 }],
    ['the finest', { warn: [0.001], throttle: 0.999 }, { warn: [0.001], throttle: 0.999, block: 1 }],
  ])('%s', (_what, thresholds, expected) => {
    expect(cap({ thresholds }).thresholds).toEqual(expected);
  });

  // A share that is not kept as it was written would be another one: 0.0004 rounded is "blocked from nothing on".
  it.each<[string, Json]>([
    ['a percentage', { warn: [50] }],
    ['more than everything', { block: 1.01 }],
    ['nothing', { throttle: 0 }],
    ['less than nothing', { throttle: -0.5 }],
    ['text', { block: '1' }],
    ['a number where a list stands', { warn: 0.5 }],
    ['an unknown rung', { mail: 0.5 }],
    ['too fine, near nothing', { block: 0.0004 }],
    ['too fine, near everything', { throttle: 0.9996 }],
    ['too fine, in a list', { warn: [0.5, 0.12345] }],
  ])('%s is refused', (_what, thresholds) => {
    expect(put({ thresholds })).toMatchObject({ problem: 'malformed' });
  });
});

describe('mistakes (400)', () => {
  it.each<[string, Json]>([
    ['an unknown member', { amount: '20' }],
    ['an unknown member of scope', { scope: { type: 'user', id: 'alice', name: 'Alice' } }],
    ['an unknown scope', { scope: { type: 'group', id: 'x' } }],
    ['an empty name', { scope: { type: 'user', id: '' } }],
    ['an unknown metric', { metric: 'eur' }],
    ['money as a number', { limit: 20 }],
    ['no limit', { limit: undefined }],
    ['anchor day 0', { anchor_day: 0 }],
    ['anchor day 29', { anchor_day: 29 }],
    ['half an anchor day', { anchor_day: 1.5 }],
  ])('%s is malformed', (_what, change) => {
    expect(put(change)).toMatchObject({ problem: 'malformed' });
  });

  it.each<[string, Json, RegExp]>([
    ['a name with a space', { scope: { type: 'user', id: 'a b' } }, /user id "a b"/],
    ['a user with a slash', { scope: { type: 'user', id: 'alice/summarise' } }, /user id/],
    ['a name too long', { scope: { type: 'user', id: 'a'.repeat(129) } }, /too long/],
    ['another org', { scope: { type: 'org', id: 'acme' } }, /"org"/],
    ['a feature without its app', { scope: { type: 'feature', id: 'summarise' } }, /"web\/summarise"/],
    [
      'a user_feature without its user',
      { scope: { type: 'user_feature', id: 'summarise' } },
      /"alice\/summarise"/,
    ],
    ['a user_feature of three parts', { scope: { type: 'user_feature', id: 'a/b/c' } }, /"alice\/summarise"/],
    [
      'a user_feature with an empty part',
      { scope: { type: 'user_feature', id: 'alice/' } },
      /"alice\/summarise"/,
    ],
    ['dollars below nothing', { limit: '-1' }, /dollars/],
    ['dollars with an exponent', { limit: '2e1' }, /dollars/],
    ['half a request', { metric: 'requests', limit: '1.5' }, /requests as a whole number/],
    ['dollars as tokens', { metric: 'tokens', limit: '20.00' }, /tokens as a whole number/],
    ['an overage in another unit', { metric: 'tokens', limit: '20', overage: '1.00' }, /whole number/],
    ['no window', { window: undefined }, /window/],
    ['no window, said so', { window: null }, /window/],
    ['an unknown window', { window: 'year' }, /"year"/],
    ['a rolling window of nothing', { window: 'rolling_0h' }, /"rolling_0h"/],
    ['calls in flight a day', { metric: 'concurrent', window: 'day', limit: '2' }, /window/],
    [
      'calls in flight with an overage',
      { metric: 'concurrent', window: null, limit: '2', overage: '1' },
      /overage/,
    ],
    ['a week from day 8', { window: 'week', anchor_day: 8 }, /anchor_day/],
    ['no zone', { time_zone: '' }, /zone/],
    ['an unknown zone', { time_zone: 'Mars/Olympus' }, /"Mars\/Olympus"/],
    ['an offset as a zone', { time_zone: '+02:00' }, /IANA/],
    ['an instant as a zone', { time_zone: '2026-01-01T00:00Z' }, /IANA/],
  ])('%s is explained', (_what, change, message) => {
    const ending = put(change);
    expect(ending).toMatchObject({ problem: 'invalid' });
    expect('message' in ending && ending.message).toMatch(message);
  });
});

describe('what the ledger cannot hold strictly (422)', () => {
  it.each<[string, Json]>([
    ['tokens of a team', { scope: { type: 'team', id: 'growth' }, metric: 'tokens', limit: '1000' }],
    ['requests of an app', { scope: { type: 'app', id: 'web' }, metric: 'requests', limit: '60' }],
    [
      'calls in flight of the org',
      { scope: { type: 'org', id: 'org' }, metric: 'concurrent', window: null, limit: '2' },
    ],
    ['a shared hour', { scope: { type: 'team', id: 'growth' }, window: 'hour' }],
    ['a shared minute', { scope: { type: 'feature', id: 'web/summarise' }, window: 'minute' }],
    ['a shared rolling window', { scope: { type: 'app', id: 'web' }, window: 'rolling_7d' }],
    ['more rolling hours than a leaf keeps', { window: 'rolling_49h' }],
    ['more rolling days than a leaf keeps', { window: 'rolling_365d' }],
    ['a feature of each user', { scope: { type: 'user_feature', id: '*/summarise' } }],
    ['each feature of a user', { scope: { type: 'user_feature', id: 'alice/*' } }],
  ])('%s', (_what, change) => {
    const ending = put(change);
    expect(ending).toMatchObject({ problem: 'not_supported' });
    expect('message' in ending && ending.message).toMatch(/\w.*\.$/);
  });
});

describe('names', () => {
  it.each([
    ['alice', true],
    ['*', true],
    ['a'.repeat(128), true],
    ['李'.repeat(128), true],
    ['', false],
    ['a'.repeat(129), false],
    ['a b', false],
    ['a\tb', false],
    ['a\u00a0b', false],
    ['a\u200bb', false],
    ['a\u0000', false],
    ['a\ud800', false],
    ['a/b', false],
    ['a#b', false],
  ])('%j of a person, team, app or feature: %s', (name, valid) => {
    expect(nameSchema.safeParse(name).success).toBe(valid);
  });

  it.each([
    ['alice-month', true],
    ['7', true],
    ['a._-z', true],
    ['a'.repeat(64), true],
    ['', false],
    ['a'.repeat(65), false],
    ['Alice', false],
    ['-a', false],
    ['a~1', false],
    ['a/b', false],
    ['a\n', false],
    // What every object has.
    ['constructor', false],
    ['constructor-2', true],
  ])('%j of a cap: %s', (id, valid) => {
    expect(capIdSchema.safeParse(id).success).toBe(valid);
  });
});

// A failure prints seed and path: give both to fc.assert as { seed, path } to see it again.
test('what the API answers can be put again and is the same cap', () => {
  const whole = fc.bigInt({ min: 0n, max: 10n ** 17n }).map(String);
  const share = fc.option(fc.integer({ min: 1, max: 1000 }).map((thousandths) => thousandths / 1000));
  const rolling = fc.tuple(fc.integer({ min: 1, max: 48 }), fc.constantFrom('h', 'd'));
  const input = fc.record({
    scope: fc.constantFrom({ type: 'user', id: '*' }, { type: 'user_feature', id: 'bob/default' }),
    metric: fc.constantFrom('usd', 'tokens', 'requests'),
    window: fc.oneof(
      fc.constantFrom('minute', 'hour', 'day', 'week', 'month', 'lifetime'),
      rolling.map(([n, unit]) => `rolling_${n}${unit}`),
    ),
    limit: whole,
    overage: whole,
    time_zone: fc.constantFrom('UTC', 'Europe/Helsinki', 'Asia/Kolkata'),
    anchor_day: fc.integer({ min: 1, max: 7 }),
    thresholds: fc.record({
      warn: fc.option(
        fc.array(
          share.map((s) => s ?? 1),
          { maxLength: 10 },
        ),
      ),
      throttle: share,
      block: share,
    }),
    ladder: fc.constantFrom('default', 'strict'),
  });
  fc.assert(
    fc.property(input, (wanted) => {
      const first = cap(wanted);
      expect(capSchema.parse(first)).toEqual(first);
      const again: Json = { ...first };
      delete again['id'];
      expect(cap(again)).toEqual(first);
      const { warn, throttle, block } = wanted.thresholds;
      expect(first.thresholds).toEqual({ warn: warn && [...warn].sort((a, b) => a - b), throttle, block });
      expect(first).toMatchObject({
        scope: wanted.scope,
        window: wanted.window,
        anchor_day: wanted.anchor_day,
      });
      expect(first.limit).toBe(wanted.metric === 'usd' ? `${wanted.limit}.00` : wanted.limit);
    }),
  );
});
