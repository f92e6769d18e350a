import { describe, expect, it, test } from 'vitest';
import { picoUsd } from '../../lambdas/core/brands.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { fitToBudget, leftOf, type OutputPlan } from '../../lambdas/core/admission/fit.ts';
import type { Books } from '../../lambdas/core/ledger/books.ts';
import { newLeaf, type Account } from '../../lambdas/core/ledger/leaf.ts';
import { usd } from '../../lambdas/core/money.ts';
import { alice, testCap, booksOf } from '../support/worlds.ts';

/** A cent for 1,000 tokens of input at most, and a cent for each 1,000 tokens of output. */
const plan = (more: Partial<OutputPlan> = {}): OutputPlan => ({
  worst: {
    holdFor: (output) => picoUsd(usd('0.01') + output * 10_000_000n),
    outputTokensFor: (budget) => (budget < usd('0.01') ? -1n : (budget - usd('0.01')) / 10_000_000n),
  },
  inputTokensMax: 1000n,
  choices: 1n,
  outputTokens: 16_384n,
  outputTokensFloor: 256n,
  clampAllowed: true,
  ...more,
});

/** Effective limit, settled, held by calls in flight. */
type Figures = [bigint, bigint, bigint];
function standing(figures: Record<string, [Cap, ...Figures]>): { caps: Cap[]; books: Books } {
  const leaf = newLeaf(alice);
  for (const [name, [, l, s, held]] of Object.entries(figures)) {
    leaf.a[name] = { k: 0n, f: l - s - held, s, l, r: 1n };
  }
  return { caps: Object.values(figures).map(([cap]) => cap), books: booksOf(leaf) };
}
const dollars = (limit: string, settled = '0', held = '0'): [Cap, ...Figures] => [
  testCap('usd', 'usd', 'lifetime', usd('1')),
  usd(limit),
  usd(settled),
  usd(held),
];
const tokens = (limit: bigint, settled = 0n, held = 0n): [Cap, ...Figures] => [
  testCap('tokens', 'tokens', 'lifetime', limit),
  limit,
  settled,
  held,
];

describe('an output limit is what the money left pays', () => {
  it.each<[string, Record<string, [Cap, ...Figures]>, Partial<OutputPlan>, bigint]>([
    ['enough for the default', { usd: dollars('1') }, {}, 16_384n],
    ['just enough for it', { usd: dollars('0.17384') }, {}, 16_384n],
    ['a picodollar short of it', { usd: dollars('0.173839999999') }, {}, 16_383n],
    ['a part of it', { usd: dollars('1', '0.95') }, {}, 4000n],
    ['counted from the effective limit: a grant counts', { usd: dollars('1.5', '1.45') }, {}, 4000n],
    ['not less what others hold', { usd: dollars('1', '0.5', '0.48') }, {}, 16_384n],
    ['not less what others hold, when clamped', { usd: dollars('1', '0.95', '0.05') }, {}, 4000n],
    ['not below the floor', { usd: dollars('1', '0.989') }, {}, 256n],
    ['not below the floor, with nothing left', { usd: dollars('1', '1') }, {}, 256n],
    ['not below the floor, after an overrun', { usd: dollars('1', '2') }, {}, 256n],
    ['its own, where that is below the floor', { usd: dollars('1', '1') }, { outputTokens: 40n }, 40n],
    ['its own, where that is affordable', { usd: dollars('1') }, { outputTokens: 40n }, 40n],
    ['as asked, where nothing may be clamped', { usd: dollars('1', '1') }, { clampAllowed: false }, 16_384n],
    ['as asked, where no cap stands', {}, {}, 16_384n],
    ['the least of all caps', { usd: dollars('1', '0.95'), tokens: tokens(3000n) }, {}, 2000n],
    [
      'the least of all caps, money being it',
      { usd: dollars('1', '0.98'), tokens: tokens(3000n) },
      {},
      1000n,
    ],
    ['tokens not less what others hold', { tokens: tokens(5000n, 1000n, 3000n) }, {}, 3000n],
    ['tokens shared by choices', { tokens: tokens(5000n) }, { choices: 4n }, 1000n],
    ['tokens, not below the floor', { tokens: tokens(5000n, 4990n) }, {}, 256n],
    [
      'as asked, where only requests are counted',
      { rate: [testCap('rate', 'requests', 'minute', 2n), 2n, 2n, 0n] },
      {},
      16_384n,
    ],
    [
      'as asked, where only calls in flight are counted',
      { busy: [testCap('busy', 'concurrent', '', 2n), 2n, 0n, 2n] },
      {},
      16_384n,
    ],
  ])('%s', (_what, figures, change, output) => {
    const { caps, books } = standing(figures);
    expect(fitToBudget(plan(change), caps, books).outputTokensMax).toBe(output);
  });
});

describe('what is held', () => {
  test('is the clamped call; the smallest is the same at the floor', () => {
    const { caps, books } = standing({ usd: dollars('1', '0.95') });
    expect(fitToBudget(plan(), caps, books)).toEqual({
      outputTokensMax: 4000n,
      amounts: { u: usd('0.05'), t: 5000n, r: 1n, c: 1n },
      smallest: { u: usd('0.01256'), t: 1256n, r: 1n, c: 1n },
      isLowered: true,
    });
  });

  test('is the call as asked, and no smaller one, where clamping is forbidden', () => {
    const { caps, books } = standing({ usd: dollars('1', '0.95') });
    const asked = { u: usd('0.03'), t: 3000n, r: 1n, c: 1n };
    const fit = fitToBudget(plan({ clampAllowed: false, outputTokens: 2000n }), caps, books);
    expect(fit).toEqual({ outputTokensMax: 2000n, amounts: asked, smallest: asked, isLowered: false });
  });

  test('counts each choice as output tokens', () => {
    const { amounts } = fitToBudget(plan({ outputTokens: 300n, choices: 3n }), [], booksOf(newLeaf(alice)));
    expect(amounts.t).toBe(1900n);
  });

  test('is the input alone for a call without output, such as embeddings', () => {
    const { caps, books } = standing({ usd: dollars('1', '0.999') });
    const input = { u: usd('0.01'), t: 1000n, r: 1n, c: 1n };
    expect(fitToBudget(plan({ outputTokens: null }), caps, books)).toEqual({
      outputTokensMax: null,
      amounts: input,
      smallest: input,
      isLowered: false,
    });
  });
});

test('money left is the effective limit less what is settled', () => {
  const account: Account = { k: 0n, f: 1n, s: 30n, l: 100n, r: 1n };
  expect(leftOf(account)).toBe(70n);
});
