/** The reviewed snapshot: every price that ships with Spendcap, validated as it is loaded. */
import * as z from 'zod';
import { priceCardSchema, type PriceCard } from '../lambdas/core/pricing/card.ts';
import { priceBook, type PriceBook } from '../lambdas/core/pricing/price-book.ts';
import { anthropicCards } from './anthropic.ts';
import { bedrockCards } from './bedrock.ts';
import { deepSeekCards } from './deepseek.ts';
import { googleCards } from './google.ts';
import { mistralCards } from './mistral.ts';
import { openAiCacheWritingCards } from './openai-cache-writing.ts';
import { openAiMediaCards } from './openai-media.ts';
import { openAiCards } from './openai.ts';
import { xaiCards } from './xai.ts';

export const reviewedCards: readonly PriceCard[] = z
  .array(priceCardSchema)
  .parse([
    ...openAiCards,
    ...openAiCacheWritingCards,
    ...openAiMediaCards,
    ...anthropicCards,
    ...googleCards,
    ...bedrockCards,
    ...mistralCards,
    ...deepSeekCards,
    ...xaiCards,
  ]);

let book: PriceBook | undefined;

/** One price book a process. */
export function reviewedPrices(): PriceBook {
  return (book ??= priceBook(reviewedCards));
}
