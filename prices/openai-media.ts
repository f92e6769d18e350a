/**
 * OpenAI's images, transcription and speech, from stored copies of its model and price pages, genai-prices and
 * LiteLLM 1.110.2, all read on 2026-11-29. GPT Image 1, 1 Mini and 1.5 are gone by 2026-12-01; GPT Image 2.6 and
 * gpt-4o-mini-tts have prices, but nobody documents how much they make at most (see image-tokens.ts, speech.ts).
 */
import type { PriceCardInput } from '../lambdas/core/pricing/card.ts';
import { openAiCard } from './openai-terms.ts';
import { GENAI_PRICES, LITELLM, MODELS_DEV, OPENAI_DOCS } from './sources.ts';

/** A prompt has 32,000 characters of up to four bytes; the dearest image 23,719 tokens, and three partial ones 300. */
const IMAGE = { contextTokens: 128_000n, maxOutputTokens: 24_019n };
const IMAGE_RATES = { input: '5', cache_read: '1.25', input_image: '8', output_image: '30' };
const TRANSCRIBE = { contextTokens: 16_000n, maxOutputTokens: 2_000n };
/** Billed by what is heard or said, not by tokens. */
const NO_TOKENS = { contextTokens: 0n, maxOutputTokens: 0n };

export const openAiMediaCards: readonly PriceCardInput[] = [
  image('gpt-image-2', '2026-04-21'),
  image('gpt-image-2.5-sunburst', '2026-09-08'),
  image('gpt-image-2.5-flare', '2026-09-08'),

  // What sound costs: $6 and $3 in genai-prices and by OpenAI's "$0.006 a minute", $2.5 and $1.25 in LiteLLM and on
  // the model page. The dearer reading counts until they agree.
  transcription({
    model: 'gpt-4o-transcribe',
    rates: { input: '2.5', input_audio: '6', output: '10' },
    limits: TRANSCRIBE,
    effectiveFrom: '2025-03-20',
  }),
  transcription({
    model: 'gpt-4o-mini-transcribe',
    aliases: ['gpt-4o-mini-transcribe-2025-03-20', 'gpt-4o-mini-transcribe-2025-12-15'],
    rates: { input: '1.25', input_audio: '3', output: '5' },
    limits: TRANSCRIBE,
    effectiveFrom: '2025-03-20',
  }),
  transcription({
    model: 'gpt-transcribe',
    rates: {},
    fees: { audio_second: { usd: '0.0045', per: '60' } },
    limits: NO_TOKENS,
    effectiveFrom: '2026-09-23',
  }),
  transcription({
    model: 'whisper-1',
    rates: {},
    fees: { audio_second: { usd: '0.006', per: '60' } },
    limits: NO_TOKENS,
    effectiveFrom: '2023-03-01',
  }),
  speech('tts-1', '15'),
  speech('tts-1-hd', '30'),
];

function image(model: string, effectiveFrom: string): PriceCardInput {
  return openAiCard(['openai-images'], {
    model,
    aliases: [`${model}-${effectiveFrom}`],
    rates: IMAGE_RATES,
    limits: IMAGE,
    effectiveFrom,
    sources: [LITELLM, MODELS_DEV, OPENAI_DOCS],
  });
}

function transcription(terms: Parameters<typeof openAiCard>[1]): PriceCardInput {
  return openAiCard(['openai-transcription'], { sources: [GENAI_PRICES, LITELLM], ...terms });
}

function speech(model: string, usdPerMillionCharacters: string): PriceCardInput {
  return openAiCard(['openai-speech'], {
    model,
    aliases: [`${model}-1106`],
    rates: {},
    fees: { character: { usd: usdPerMillionCharacters, per: '1000000' } },
    limits: NO_TOKENS,
    effectiveFrom: '2023-11-06',
    sources: [LITELLM, OPENAI_DOCS],
  });
}
