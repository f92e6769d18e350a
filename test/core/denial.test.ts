import { describe, expect, test } from 'vitest';
import { epochMs, picoUsd } from '../../lambdas/core/brands.ts';
import { crowded, explainShort, undecided, type DenialContext } from '../../lambdas/core/admission/denial.ts';
import { fitToBudget, type OutputPlan } from '../../lambdas/core/admission/fit.ts';
import { rungRates } from '../../lambdas/core/caps/rung-rates.ts';
import type { Account, Hold, Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { usd } from '../../lambdas/core/money.ts';
import { alice, booksOf, NOON, testCap } from '../support/worlds.ts';

/** $0.01 for the input and $0.00001 an output token. */
const plan = (more: Partial<OutputPlan> = {}): OutputPlan => ({
  worst: {
    holdFor: (output) => picoUsd(usd('0.01') + output * usd('0.00001')),
    outputTokensFor: (budget) => (budget < usd('0.01') ? -1n : (budget - usd('0.01')) / usd('0.00001')),
  },
  inputTokensMax: 100n,
  choices: 1n,
  outputTokens: 32_000n,
  outputTokensFloor: 256n,
  clampAllowed: true,
  ...more,
});

const account = (limit: bigint, settled: bigint, held = 0n): Account => ({
  k: 0n,
  f: limit - settled - held,
  s: settled,
  l: limit,
  r: 1n,
});
const booksWith = (...of: Parameters<typeof leafWith>) => booksOf(leafWith(...of));
const leafWith = (accounts: Record<string, Account>, held: Record<string, bigint> = {}): Leaf => ({
  ...alice,
  v: 1n,
  t: 0n,
  a: accounts,
  h: Object.fromEntries(
    Object.entries(held).map(([name, n], i) => [
      `hold-${i}`,
      { at: BigInt(NOON - 4000) * 2n ** 40n, x: 0n, c: { [name]: { k: 0n, n, m: 'u' } } } as unknown as Hold,
    ]),
  ),
});
const life = (id: string, limit: bigint) => testCap(id, 'usd', 'lifetime', limit);
const context = (caps: DenialContext['caps'], more: Partial<DenialContext> = {}): DenialContext => ({
  now: NOON,
  plan: plan(),
  caps,
  jitter: 0,
  ahead: 0,
  requestUrl: 'https://spend.example/me',
  ...more,
});

describe('fitting a call to the money left', () => {
  const cap = life('c', usd('1'));

  test('an output limit that the money left pays stays as it is', () => {
    const fit = fitToBudget(plan({ outputTokens: 1000n }), [cap], booksWith({ c: account(usd('1'), 0n) }));
    expect(fit.outputTokensMax).toBe(1000n);
    expect(fit.amounts).toEqual({ u: usd('0.02'), t: 1100n, r: 1n, c: 1n });
  });

  test('one that it does not pay is lowered to what it pays, whatever others hold', () => {
    const books = booksWith({ c: account(usd('1'), usd('0.95'), usd('0.03')) }, { c: usd('0.03') });
    const fit = fitToBudget(plan(), [cap], books);
    expect(fit.outputTokensMax).toBe(4000n); // $0.05 left, $0.01 of it for the input
    expect(fit.amounts.u).toBe(usd('0.05'));
    expect(fit.smallest.u).toBe(usd('0.01256'));
  });

  test('never below the floor, nor below a smaller limit of its own', () => {
    const books = booksWith({ c: account(usd('1'), usd('0.99')) });
    expect(fitToBudget(plan(), [cap], books).outputTokensMax).toBe(256n);
    expect(fitToBudget(plan({ outputTokens: 40n }), [cap], books).outputTokensMax).toBe(40n);
  });

  test('not at all where the caller forbids it', () => {
    const books = booksWith({ c: account(usd('1'), usd('0.95')) });
    const fit = fitToBudget(plan({ clampAllowed: false }), [cap], books);
    expect(fit.outputTokensMax).toBe(32_000n);
    expect(fit.smallest).toEqual(fit.amounts);
  });

  test('a cap on tokens clamps too, over all choices', () => {
    const tokens = testCap('t', 'tokens', 'lifetime', 1100n);
    const books = booksWith({ t: account(1100n, 0n) });
    const fit = fitToBudget(plan({ choices: 2n, outputTokensFloor: 1n }), [tokens], books);
    expect(fit.outputTokensMax).toBe(500n);
    expect(fit.amounts.t).toBe(1100n);
  });
});

describe('a refusal by a cap', () => {
  test('says nothing of where to ask where nobody has said', () => {
    const cap = life('c', usd('1'));
    const books = booksWith({ c: account(usd('1'), usd('0.99')) });
    const nowhere = context([cap], { requestUrl: '' });
    const { message } = explainShort([cap], books, fitToBudget(plan(), [cap], books), nowhere);
    expect(message).toMatch(/it does not reset\.$/);
  });

  test('is "cap reached" only when the money is really gone', () => {
    const cap = life('c', usd('1'));
    const books = booksWith({ c: account(usd('1'), usd('0.99')) });
    const refusal = explainShort([cap], books, fitToBudget(plan(), [cap], books), context([cap]));
    expect(refusal).toEqual({
      reached: expect.objectContaining({ pk: 'L#user:alice', reason: 'cap_reached', held: 0n }) as object,
      notice: undefined,
      code: 'cap_reached',
      message:
        'Your cap of $1.00 in all (c) is reached: $0.99 spent and $0.00 held, and this call needs up to $0.01256; it does not reset; ask for more at https://spend.example/me.',
      limit: {
        reason: 'cap_reached',
        cap: 'c',
        scope: { type: 'user', id: 'alice' },
        metric: 'usd',
        window: 'lifetime',
        limit: '1.00',
        effective_limit: '1.00',
        settled: '0.99',
        reserved: '0.00',
        requested: '0.01256',
        fits: null,
        resets_at: null,
        request_url: 'https://spend.example/me',
      },
      resetsAt: null,
      retryAfterMs: null,
    });
  });

  test('is "held" while it would fit once calls in flight settle; wait about as long as they have taken', () => {
    const cap = life('c', usd('1'));
    const books = booksWith({ c: account(usd('1'), usd('0.90'), usd('0.09')) }, { c: usd('0.09') });
    const refusal = explainShort([cap], books, fitToBudget(plan(), [cap], books), context([cap]));
    expect(refusal).toMatchObject({
      code: 'throttled',
      message:
        'Your cap of $1.00 in all (c) is busy: calls in flight hold $0.09 of it; this call fits as soon as they settle; try again in 4 s.',
      limit: { reason: 'held', reserved: '0.09', fits: { max_output_tokens: 9000 } },
      retryAfterMs: 4000,
    });
  });

  test('by the rate of a rung names the cap whose rung it is, the true wait and the ways out', () => {
    const cap = testCap('month', 'usd', 'month', usd('20'));
    const spent = { ...account(usd('20'), usd('19.2')), g: 'throttled' as const };
    const books = booksWith({ month: spent, 'throttled:10': account(10n, 9n, 1n) }, { 'throttled:10': 1n });
    const [rate] = rungRates([cap], books, () => 10);
    const later = context([cap], { now: epochMs(NOON + 37_000) });
    const refusal = explainShort([rate!], books, fitToBudget(plan(), [cap], books), later);
    expect(refusal).toEqual({
      code: 'throttled',
      message:
        'Your cap of $20.00 a month (month) is at stage throttled, with $19.20 settled, and admits 10 requests a minute of each caller: 9 requests used and 1 held in this minute; try again in 23 s; the rate lasts until the cap resets 2026-12-01T00:00:00Z or is raised; ask for more at https://spend.example/me.',
      limit: {
        reason: 'throttled',
        cap: 'month',
        scope: { type: 'user', id: 'alice' },
        metric: 'requests',
        window: 'minute',
        limit: '10',
        effective_limit: '10',
        settled: '9',
        reserved: '1',
        requested: '1',
        fits: { max_output_tokens: 79_000 },
        resets_at: '2026-11-24T12:01:00Z',
        request_url: 'https://spend.example/me',
      },
      retryAfterMs: 23_000,
      isFreedByOwnCalls: false,
    });
  });

  test('is "too large" when no wait will help', () => {
    const cap = life('c', usd('0.01'));
    const books = booksWith({ c: account(usd('0.01'), 0n) });
    const refusal = explainShort([cap], books, fitToBudget(plan(), [cap], books), context([cap]));
    expect(refusal).toMatchObject({
      code: 'cap_reached',
      limit: { reason: 'too_large', requested: '0.01256' },
    });
    expect(refusal.message).toContain('too small: this call needs up to $0.01256, more than the whole cap');
  });

  test('names no output that would fit where a request is what is missing', () => {
    const requests = testCap('per-hour', 'requests', 'rolling_1h', 3n);
    const caps = [requests, life('c', usd('1'))];
    const books = booksWith({ 'per-hour': account(3n, 3n), c: account(usd('1'), 0n) });
    const refusal = explainShort([requests], books, fitToBudget(plan(), caps, books), context(caps));
    expect(refusal).toMatchObject({ limit: { fits: null } });
    expect(refusal.message).toMatch(
      /^Your cap of 3 requests in any hour \(per-hour\) is reached: 3 requests used and 0 held, and this call needs up to 1 request; it resets /,
    );
  });

  test('is a throttle until the minute ends for a cap on requests', () => {
    const cap = testCap('rpm', 'requests', 'minute', 2n);
    const books = booksWith({ rpm: account(2n, 2n) });
    const now = epochMs(NOON + 15_000);
    const refusal = explainShort([cap], books, fitToBudget(plan(), [cap], books), context([cap], { now }));
    expect(refusal).toMatchObject({
      code: 'throttled',
      message:
        'Your cap of 2 requests a minute (rpm) is busy: 2 requests used and 0 held in this minute; try again in 45 s.',
      limit: { reason: 'throttled', resets_at: '2026-11-24T12:01:00Z' },
      retryAfterMs: 45_000,
    });
  });

  test('for calls in flight has no window and no reset', () => {
    const cap = testCap('two', 'concurrent', '', 2n);
    const books = booksWith({ two: account(2n, 0n, 2n) });
    const refusal = explainShort([cap], books, fitToBudget(plan(), [cap], books), context([cap]));
    expect(refusal).toMatchObject({
      code: 'throttled',
      limit: { reason: 'throttled', window: null, resets_at: null },
    });
  });

  test('cap reached wins over a throttle; of several, the one that resets last', () => {
    const rpm = testCap('rpm', 'requests', 'minute', 1n);
    const day = testCap('day', 'usd', 'day', usd('1'));
    const month = testCap('month', 'usd', 'month', usd('1'));
    const books = booksWith({
      rpm: account(1n, 1n),
      day: account(usd('1'), usd('1')),
      month: account(usd('1'), usd('1')),
    });
    const caps = [rpm, month, day];
    const refusal = explainShort(caps, books, fitToBudget(plan(), caps, books), context(caps));
    expect(refusal).toMatchObject({
      code: 'cap_reached',
      limit: { cap: 'month', resets_at: '2026-12-01T00:00:00Z' },
    });
  });

  test('too many calls in flight name no cap', () => {
    const leaf = leafWith({ c: account(usd('1'), 0n) }, { c: 0n });
    expect(crowded(leaf, context([]))).toMatchObject({
      code: 'throttled',
      limit: { reason: 'throttled', cap: null, scope: null },
      retryAfterMs: 4000,
    });
  });
});

test('what lies with more callers than one call may look at is worth a second', () => {
  const cap = { ...life('team-life', usd('1')), scope: { type: 'team', id: 'growth' } as const };
  const books = {
    ...booksWith({}),
    pools: new Map([['team-life', account(usd('1'), usd('0.3'), usd('0.7'))]]),
  };
  const refusal = undecided(cap, books, fitToBudget(plan(), [cap], books), context([cap]));
  expect(refusal).toMatchObject({
    code: 'throttled',
    message:
      'The cap of $1.00 in all of the team growth (team-life) is busy: what is left of it lies with other callers and is being gathered; try again in 1 s.',
    limit: { reason: 'held', cap: 'team-life', settled: '0.30', reserved: '0.70' },
    retryAfterMs: 1000,
  });
});
