/** What no card may be, whoever says so; and that no card of the release is any of it. */
import { describe, expect, it } from 'vitest';
import { isSmall, isWrongUnit, problemsOf } from '../../../lambdas/core/price-changes/gates.ts';
import type { PriceCardInput } from '../../../lambdas/core/pricing/card.ts';
import { decimal } from '../../../lambdas/core/pricing/ratio.ts';
import { reviewedCards } from '../../../prices/reviewed.ts';
import { testCard } from '../pricing/cards-for-tests.ts';

const tier = (rates: PriceCardInput['rates']) => ({
  basis: 'total_input_tokens' as const,
  op: 'gt' as const,
  threshold: 200_000n,
  rates,
});

describe('the gates', () => {
  it('let every card of the release through', () => {
    const tokenPriced = reviewedCards.filter(({ rates }) => rates.input !== undefined);
    expect(tokenPriced.length).toBeGreaterThan(100);
    for (const card of tokenPriced) expect(problemsOf(card), card.id).toEqual([]);
  });

  it.each<[string, Partial<PriceCardInput>, string]>([
    ['a price of nothing', { rates: { input: '0', output: '15' } }, 'input is 0 dollars'],
    ['dollars a token', { rates: { input: '0.0000025', output: '0.000015' } }, 'input is 0.0000025 dollars'],
    ['more than anything costs', { rates: { input: '1001', output: '1001' } }, 'input is 1001 dollars'],
    [
      'the cache at a high price',
      { rates: { input: '1', cache_read: '1.01', output: '5' } },
      'cache_read is 1.01',
    ],
    [
      'a cache for nearly nothing',
      { rates: { input: '1', cache_read: '0.004', output: '5' } },
      'cache_read is 0.004',
    ],
    [
      'a write cheaper than input',
      { rates: { input: '1', cache_write_5m: '0.9', output: '5' } },
      'cache_write_5m is 0.9',
    ],
    // LiteLLM, 2026-08: claude-3-haiku at 24 times, claude-3-opus at 0.4 times input.
    [
      'an hour at 24 times',
      { rates: { input: '0.25', cache_write_1h: '6', output: '1.25' } },
      'cache_write_1h is 6',
    ],
    [
      'an hour below input',
      { rates: { input: '15', cache_write_1h: '6', output: '75' } },
      'cache_write_1h is 6',
    ],
    ['output at 21 times', { rates: { input: '1', output: '21' } }, 'output is 21'],
    ['output for nothing', { rates: { input: '10', output: '1.9' } }, 'output is 1.9'],
    ['no output', { rates: { input: '10' } }, 'it has no price for output'],
    ['no input', { rates: { output: '10' } }, 'it has no price for input'],
    ['a tier that is cheaper', { tiers: [tier({ input: '2', output: '22' })] }, 'input above 200000 is 2'],
    // LiteLLM, 2026-08: gpt-5-nano priority input at 50 times.
    [
      'a tier in another unit',
      { tiers: [tier({ input: '125', output: '750' })] },
      'input above 200000 is 125',
    ],
    [
      'flex at the full price',
      { variants: [{ when: 'response.service_tier=flex', rates: { input: '2.5', output: '15' } }] },
      'input, response.service_tier=flex is 2.5',
    ],
    [
      'priority at 50 times',
      { variants: [{ when: 'response.service_tier=priority', rates: { input: '125', output: '30' } }] },
      'input, response.service_tier=priority is 125',
    ],
    [
      'priority at the list price',
      { variants: [{ when: 'response.service_tier=priority', rates: { input: '2.5', output: '15' } }] },
      'input, response.service_tier=priority is 2.5',
    ],
  ])('stop %s', (_, terms, problem) => {
    expect(problemsOf(testCard(terms))[0]).toContain(problem);
  });

  it('know an embedding model, which writes nothing', () => {
    const limits = { contextTokens: 8_192n, maxOutputTokens: 0n };
    expect(problemsOf(testCard({ rates: { input: '0.02' }, limits }))).toEqual([]);
  });

  it.each([
    ['0.75', true, false],
    ['0.7499', false, false],
    ['1.25', true, false],
    ['1.2501', false, false],
    ['0.1001', false, false],
    ['0.1', false, true],
    ['9.999', false, false],
    ['10', false, true],
  ])('%s times is small: %s, a wrong unit: %s', (change, small, wrong) => {
    expect(isSmall(decimal(change))).toBe(small);
    expect(isWrongUnit(decimal(change))).toBe(wrong);
  });
});
