/** What OpenAI's cards have in common. */
import type { Endpoint, PriceCardInput } from '../lambdas/core/pricing/card.ts';
import { CHECKED_ON, GENAI_PRICES, LITELLM, MODELS_DEV } from './sources.ts';

type Terms = Omit<PriceCardInput, 'id' | 'provider' | 'endpoints' | 'checkedOn' | 'sources'> & {
  sources?: string[];
};

export function openAiCard(endpoints: Endpoint[], terms: Terms): PriceCardInput {
  return {
    id: `openai/${terms.model}@${terms.effectiveFrom}`,
    provider: 'openai',
    endpoints,
    checkedOn: CHECKED_ON,
    sources: [GENAI_PRICES, LITELLM, MODELS_DEV],
    ...terms,
  };
}

export const chat = (terms: Terms) => openAiCard(['openai-chat', 'openai-responses'], terms);
/** Models that the chat endpoint refuses. */
export const responses = (terms: Terms) => openAiCard(['openai-responses'], terms);

export const GPT_5 = { contextTokens: 400_000n, maxOutputTokens: 128_000n };
export const LONG = { contextTokens: 1_050_000n, maxOutputTokens: 128_000n };

export const FLEX = { when: 'response.service_tier=flex', factor: '0.5' };

/** Fast mode; the answer says `priority` however it was asked for, and its typings allow `fast`. */
export function fast(factor: string) {
  return [
    { when: 'response.service_tier=priority', factor },
    { when: 'response.service_tier=fast', factor },
  ];
}

export function fastAt(rates: PriceCardInput['rates']) {
  return [
    { when: 'response.service_tier=priority', rates },
    { when: 'response.service_tier=fast', rates },
  ];
}

/** genai-prices reads "<272K" on the page as the standard rate; at 272,000 itself the dearer reading counts. */
export function from272k(rates: PriceCardInput['rates']) {
  return { basis: 'total_input_tokens' as const, op: 'gte' as const, threshold: 272_000n, rates };
}

/** "More than 272K", as the page has it for GPT-6 Sol and Luna. */
export function above272k(rates: PriceCardInput['rates']) {
  return { ...from272k(rates), op: 'gt' as const };
}

/** Per thousand calls. What a search finds is billed as input tokens on top, inside usage. */
export const TOOLS = { web_search: { usd: '10', per: '1000' }, file_search: { usd: '2.5', per: '1000' } };
