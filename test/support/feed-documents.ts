/** What feeds say of one OpenAI model, in the forms of genai-prices and LiteLLM. */

/** Dollars for a million tokens. */
export interface FeedPrice {
  input: number;
  cacheRead: number;
  output: number;
}

/** So many times the list price of gpt-4.1. */
export const timesList = (factor: number): FeedPrice => ({
  input: 2 * factor,
  cacheRead: 0.5 * factor,
  output: 8 * factor,
});

export const genaiPrices = (price: FeedPrice, model = 'gpt-4.1') => [
  {
    id: 'openai',
    models: [
      {
        id: model,
        context_window: 1_000_000,
        prices: { input_mtok: price.input, cache_read_mtok: price.cacheRead, output_mtok: price.output },
      },
    ],
  },
];

/** Dollars a token, as Python writes them. */
const aToken = (dollarsAMillion: number): string => `${dollarsAMillion}e-06`;

export const liteLlm = (price: FeedPrice, model = 'gpt-4.1'): string =>
  `{"${model}": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 1000000, "max_output_tokens": 32768,
    "input_cost_per_token": ${aToken(price.input)}, "cache_read_input_token_cost": ${aToken(price.cacheRead)},
    "output_cost_per_token": ${aToken(price.output)}}}`;
