import { expect, it } from 'vitest';
import { explainQuote } from '../../../lambdas/core/pricing/explain-quote.ts';
import { whole } from '../../../lambdas/core/pricing/ratio.ts';
import { testCard, testUsage } from './cards-for-tests.ts';

const card = testCard({
  multipliers: [{ when: 'response.service_tier=priority', factor: '2' }],
  fees: { web_search: { usd: '10', per: '1000' } },
});

it('explains an amount row by row', () => {
  const usage = testUsage(
    { input: 1000n, output: 7n },
    { fees: { web_search: whole(2n) }, conditions: { 'response.service_tier': 'priority' } },
  );
  expect(explainQuote(card, usage)).toEqual([
    'input: 1000 x 2.5 USD / 1000000 x 2 = 0.005 USD',
    'output: 7 x 15 USD / 1000000 x 2 = 0.00021 USD',
    'fee:web_search: 2 x 10 USD / 1000 = 0.02 USD',
    'total: 0.02521 USD',
    'card: openai/m@2026-01-01',
  ]);
});

it('names the card of another model', () => {
  const other = testCard({ model: 'advisor', rates: { output: '25' } });
  const usage = {
    ...testUsage({}),
    parts: [{ model: 'advisor', tokens: { output: 2n }, tierInputTokens: 0n }],
  };
  expect(explainQuote(card, usage, { cardOf: () => other })[0]).toBe(
    'output: 2 x 25 USD / 1000000 = 0.00005 USD  (openai/advisor@2026-01-01)',
  );
});

it('says what has no price', () => {
  expect(explainQuote(card, testUsage({ cache_write_1h: 1n }))).toEqual([
    'no price: the card openai/m@2026-01-01 has none for token kind cache_write_1h',
  ]);
});
