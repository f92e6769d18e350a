/**
 * A whole document of a feed: genai-prices as its package of 2026-09-23 carries it (0.1.8). All of it can be read, and
 * it speaks against no reviewed card but by what is listed here.
 */
import { findProvider } from '@pydantic/genai-prices';
import { expect, it } from 'vitest';
import { parseExactJson } from '../../lambdas/adapters/price-feeds/exact-json.ts';
import { parseGenaiPrices } from '../../lambdas/adapters/price-feeds/genai-prices.ts';
import { epochMs } from '../../lambdas/core/brands.ts';
import { propose } from '../../lambdas/core/price-changes/propose.ts';
import { priceBook } from '../../lambdas/core/pricing/price-book.ts';
import { reviewedCards } from '../../prices/reviewed.ts';

const PROVIDERS = ['openai', 'anthropic', 'google', 'mistral', 'deepseek', 'x-ai', 'groq', 'cohere', 'aws'];
const document = JSON.stringify(PROVIDERS.map((providerId) => findProvider({ providerId })));
const { readings, dropped } = parseGenaiPrices(parseExactJson(document), '2026-11-29');

it('is read to the last row', () => {
  expect(dropped).toEqual([]);
  expect(readings).toHaveLength(376);
  // Video, pages, hours and messages: no card holds such a price, and no call of ours pays it.
  expect([...new Set(readings.flatMap(({ notUnderstood }) => notUnderstood))].sort()).toEqual([
    ...['audio_hours', 'cache_image_read_mtok', 'input_annotated_document_kpages', 'input_audio_hours'],
    ...['input_document_kpages', 'input_text_messages_kcount', 'input_video_mtok', 'output_video_mtok'],
  ]);
});

it('says what the reviewed cards say, but for one price it lags behind on and one that a card leaves out', () => {
  const statements = readings.map((reading) => ({
    ...{ family: 'genai-prices' as const, source: 'https://feeds.example/genai', since: epochMs(0) },
    reading,
  }));
  const state = {
    reviewed: reviewedCards,
    added: [],
    acceptances: new Map(),
    book: priceBook(reviewedCards),
  };
  const { proposals } = propose(state, statements, epochMs(Date.UTC(2026, 10, 29)));
  const spoken = proposals.map(
    ({ proposal: { card, verdict } }) => `${card.provider}/${card.model} ${verdict.kind}`,
  );
  expect(spoken).toEqual(['openai/gpt-image-2 pending', 'deepseek/deepseek-v4-flash pending']);
});
