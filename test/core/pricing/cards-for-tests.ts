/** Cards that tests write down in full, so that no expectation depends on a price that may change. */
import { priceCardSchema, type PriceCard, type PriceCardInput } from '../../../lambdas/core/pricing/card.ts';
import type { TokenCounts, Usage } from '../../../lambdas/core/pricing/usage.ts';

export function testCard(terms: Partial<PriceCardInput> = {}): PriceCard {
  const model = terms.model ?? 'm';
  const effectiveFrom = terms.effectiveFrom ?? '2026-01-01';
  const provider = terms.provider ?? 'openai';
  return priceCardSchema.parse({
    id: `${provider}/${model}@${effectiveFrom}`,
    provider,
    model,
    endpoints: ['openai-chat'],
    rates: { input: '2.5', cache_read: '0.25', output: '15' },
    limits: { contextTokens: 1_000_000n, maxOutputTokens: 100_000n },
    effectiveFrom,
    checkedOn: '2026-01-02',
    sources: ['https://example.com/prices'],
    ...terms,
  });
}

export function testUsage(
  tokens: TokenCounts,
  { tierInputTokens, ...rest }: Partial<Omit<Usage, 'parts'>> & { tierInputTokens?: bigint } = {},
): Usage {
  const inputTokens = Object.entries(tokens)
    .filter(([kind]) => !kind.startsWith('output'))
    .reduce((total, [, n]) => total + n, 0n);
  return {
    parts: [{ tokens, tierInputTokens: tierInputTokens ?? inputTokens }],
    fees: {},
    conditions: {},
    ...rest,
  };
}
