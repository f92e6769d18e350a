/** Models without a card: what takes them in, and with which card. */
import { describe, expect, it } from 'vitest';
import { decideNew } from '../../../lambdas/core/price-changes/new-model.ts';
import type { PriceReading } from '../../../lambdas/core/price-changes/reading.ts';
import type { Provider, Rates } from '../../../lambdas/core/pricing/card.ts';
import { says } from './statements-for-tests.ts';

const PRICE: Rates = { input: '2', output: '10' };
const LITELLM = { use: 'chat', contextTokens: 900_000n, maxOutputTokens: 128_000n } as const;
const NOW = { sources: ['https://feeds.example/a'], effectiveFrom: '2026-11-29T12:00:00Z' };

const decide = (statements: ReturnType<typeof says>[], model = 'gpt-9', provider: Provider = 'openai') =>
  decideNew({ provider, model }, statements, NOW);

describe('a new model', () => {
  it('comes in when two families agree, with the wider of their limits and the dearer of what one alone says', () => {
    const proposal = decide([
      says('litellm', { ...PRICE, cache_write: '2.5' }, LITELLM),
      says(
        'models-dev',
        { ...PRICE, cache_read: '0.2' },
        {
          ...{ use: 'chat', contextTokens: 1_000_000n, maxOutputTokens: 100_000n },
          list: {
            rates: { ...PRICE, cache_read: '0.2' },
            tiers: [{ threshold: 272_000n, rates: { input: '4', output: '15' } }],
          },
        },
      ),
    ]);
    expect(proposal).toMatchObject({
      families: ['litellm', 'models-dev'],
      verdict: { kind: 'accept', by: 'two_families' },
      card: {
        id: 'openai/gpt-9@2026-11-29T12:00:00Z',
        endpoints: ['openai-chat', 'openai-responses'],
        rates: { input: '2', output: '10', cache_read: '0.2', cache_write: '2.5' },
        tiers: [{ op: 'gte', threshold: 272_000n, rates: { input: '4', output: '15' } }],
        limits: { contextTokens: 1_000_000n, maxOutputTokens: 128_000n },
        multipliers: [],
        fees: {},
        sources: NOW.sources,
      },
    });
  });

  it.each<[string, Partial<PriceReading>, string[]]>([
    ['chat', { use: 'chat' }, ['openai-chat', 'openai-responses']],
    ['responses', { use: 'responses' }, ['openai-responses']],
    ['embeddings', { use: 'embeddings' }, ['openai-embeddings']],
  ])('for %s is served there', (_, more, endpoints) => {
    const rates = more.use === 'embeddings' ? { input: '2' } : PRICE;
    const proposal = decide([says('litellm', rates, { ...LITELLM, ...more }), says('aws', rates)]);
    expect(proposal).toMatchObject({ card: { endpoints }, verdict: { kind: 'accept' } });
  });

  it('waits where one family alone says so', () => {
    const proposal = decide([says('litellm', PRICE, LITELLM)]);
    expect(proposal.verdict).toMatchObject({ kind: 'pending' });
    const disagreeing = decide([says('litellm', PRICE, LITELLM), says('aws', { input: '2', output: '11' })]);
    expect(disagreeing).toMatchObject({ families: ['litellm'], verdict: { kind: 'pending' } });
  });

  it('waits where the two differ in their unit', () => {
    const thousandth = { input: '0.002', output: '0.01' };
    const proposal = decide([says('litellm', PRICE, LITELLM), says('aws', thousandth)]);
    expect(proposal.verdict.kind).toBe('pending');
  });

  const MORE_THAN_TOKENS = 'a call of it costs more than its tokens';
  const NO_PRICE = 'no price of input and output that holds at all hours';
  const NO_LIMITS = 'nobody says what it is for, or how many tokens it takes';
  it.each<[string, string, ReturnType<typeof says>[], string?]>([
    ['nobody gives limits', NO_LIMITS, [says('genai-prices', PRICE), says('aws', PRICE)]],
    [
      'nobody says what it is for',
      NO_LIMITS,
      [says('genai-prices', PRICE, { contextTokens: 1n, maxOutputTokens: 1n })],
    ],
    [
      'somebody knows of a price that no card has',
      'it has a price that no card could hold',
      [says('litellm', PRICE, LITELLM), says('aws', PRICE, { notUnderstood: ['per_image'] })],
    ],
    ['it is dearer at some hours', NO_PRICE, [says('litellm', PRICE, { ...LITELLM, knowsHours: true })]],
    ['a reseller alone has it', 'a reseller alone has it', [says('openrouter', PRICE, LITELLM)]],
    ['nobody has a price for output', NO_PRICE, [says('litellm', { input: '2' }, LITELLM)]],
    [
      'it searches at a price of its own',
      MORE_THAN_TOKENS,
      [says('litellm', PRICE, LITELLM), says('aws', PRICE)],
      'gpt-9-search-preview',
    ],
    ['it speaks', MORE_THAN_TOKENS, [says('litellm', PRICE, LITELLM), says('aws', PRICE)], 'gpt-audio-9'],
  ])('gets no card where %s: %s', (_, reason, statements, model) => {
    expect(decide(statements, model)).toEqual({ verdict: { kind: 'no_card', reason } });
  });

  it('is refused outside of the gates', () => {
    const rates = { input: '2', output: '100' };
    expect(decide([says('litellm', rates, LITELLM), says('aws', rates)]).verdict).toMatchObject({
      kind: 'refused',
    });
  });

  it('of Anthropic has the tokens that it hides', () => {
    const statements = [says('litellm', PRICE, LITELLM), says('models-dev', PRICE)];
    const proposal = decide(statements, 'claude-new-1', 'anthropic');
    expect(proposal).toMatchObject({
      card: { endpoints: ['anthropic-messages'], bounds: { hiddenInputTokens: 1_024n } },
    });
  });
});
