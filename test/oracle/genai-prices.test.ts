/**
 * A second opinion: @pydantic/genai-prices 0.1.8, which has its own readers and calculator in binary floating point.
 * It must agree wherever it supports a rule; where it does not, the table says why, and an explanation that is not
 * needed any more fails like a disagreement that has none.
 */
import { readFileSync } from 'node:fs';
import { calcPrice, extractUsage, findProvider, TieredPrices, type Provider } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { usageReaders, type UsageDialect } from '../../lambdas/adapters/providers/usage-readers.ts';
import { priceUsage } from '../../lambdas/core/pricing/calculator.ts';
import type { PriceCard, TokenKind } from '../../lambdas/core/pricing/card.ts';
import { parseRfc3339 } from '../../lambdas/core/time.ts';
import { reviewedCards, reviewedPrices } from '../../prices/reviewed.ts';
import { testUsage } from '../core/pricing/cards-for-tests.ts';

/** Its provider and flavour, by our dialect. */
const FLAVOURS: Partial<Record<UsageDialect, [provider: string, flavour: string]>> = {
  'openai-chat': ['openai', 'chat'],
  'openai-responses': ['openai', 'responses'],
  'openai-embeddings': ['openai', 'embeddings'],
  'openai-images': ['openai', 'images'],
  'anthropic-messages': ['anthropic', 'default'],
  'bedrock-converse': ['aws', 'default'],
  'bedrock-invoke-anthropic': ['aws', 'anthropic'],
  gemini: ['google', 'default'],
  'deepseek-chat': ['deepseek', 'chat'],
  'xai-chat': ['x-ai', 'chat'],
  'mistral-chat': ['mistral', 'default'],
  'mistral-ocr': ['mistral', 'ocr'],
  'groq-chat': ['groq', 'default'],
  'openrouter-chat': ['openrouter', 'chat'],
  'cohere-v2': ['cohere', 'tokens'],
};
/** Dialects of ours that it has no reader for. */
const UNREAD: Partial<Record<UsageDialect, string>> = {
  'openai-transcription': 'no reader of transcriptions',
  'groq-transcription': 'no reader of transcriptions',
  'openai-speech': 'characters are no unit of its',
  'anthropic-stream': 'reads one block, not two events',
  'bedrock-invoke-metrics': 'no reader of the metrics of a stream',
  'bedrock-invoke-titan-embed': 'no reader of Titan',
};

const ROOTS: Partial<Record<UsageDialect, string>> = { gemini: 'usageMetadata', 'mistral-ocr': 'usage_info' };

const PRICE_KEYS: Partial<Record<TokenKind, string>> = {
  input: 'input_mtok',
  output: 'output_mtok',
  cache_read: 'cache_read_mtok',
  cache_write: 'cache_write_mtok',
  cache_write_5m: 'cache_write_mtok',
  cache_write_1h: 'cache_write_1h_mtok',
  input_audio: 'input_audio_mtok',
  cache_read_audio: 'cache_audio_read_mtok',
  output_audio: 'output_audio_mtok',
  input_image: 'input_image_mtok',
  output_image: 'output_image_mtok',
};
const FEE_KEYS: Record<string, [price: string, usage: string]> = {
  web_search: ['web_searches_kcount', 'web_searches'],
  file_search: ['storage_searches_kcount', 'storage_searches'],
  page: ['input_document_kpages', 'input_document_pages'],
};

interface Vector {
  id: string;
  dialect: UsageDialect;
  usage: Record<string, unknown>;
  prices: {
    rates: Partial<Record<TokenKind, string>>;
    tiers?: { op: 'gt' | 'gte'; threshold: number; rates: Partial<Record<TokenKind, string>> }[];
    multipliers?: { when: string; factor: string }[];
    fees?: Record<string, { usd: string; per: string }>;
  };
  context?: { tool_calls?: Record<string, number>; search_queries?: number };
  expected_cost_usd: string;
}
const { vectors } = JSON.parse(readFileSync(new URL('../vectors/cost.json', import.meta.url), 'utf8')) as {
  vectors: Vector[];
};

/** It knows no multipliers: they are applied to the rates that it is given. */
function pricesOf({ prices, context, usage }: Vector): Record<string, number | TieredPrices> {
  const { rates, tiers = [], multipliers = [], fees = {} } = prices;
  const holds = ({ when }: { when: string }): boolean => {
    const [path, value] = when.split('=') as [string, string];
    const [root, ...members] = path.split('.') as [string, ...string[]];
    let found: unknown = root === 'usage' ? usage : context;
    for (const member of members) found = (found as Record<string, unknown> | undefined)?.[member];
    return String(found) === value;
  };
  const factor = multipliers.filter(holds).reduce((product, one) => product * Number(one.factor), 1);
  const known: Record<string, number | TieredPrices> = {};
  for (const [kind, rate] of Object.entries(rates) as [TokenKind, string][]) {
    const key = PRICE_KEYS[kind]!;
    const dearer = tiers.filter((tier) => tier.rates[kind] !== undefined);
    known[key] =
      dearer.length === 0
        ? Number(rate) * factor
        : new TieredPrices({
            base: Number(rate) * factor,
            tiers: dearer.map((tier) => ({
              // Its tiers begin above their start.
              start: tier.op === 'gt' ? tier.threshold : tier.threshold - 1,
              price: Number(tier.rates[kind]) * factor,
            })),
          });
  }
  for (const [name, { usd, per }] of Object.entries(fees)) {
    const key = FEE_KEYS[name]?.[0];
    if (key !== undefined) known[key] = (Number(usd) / Number(per)) * 1000;
  }
  return known;
}

function opinionOf(vector: Vector): number | string {
  const [providerId, flavour] = FLAVOURS[vector.dialect]!;
  const theirs = findProvider({ providerId })!;
  const model = { id: 'm', match: { equals: 'm' }, prices: pricesOf(vector) };
  const provider: Provider = { ...theirs, models: [model] };
  try {
    const root = ROOTS[vector.dialect] ?? 'usage';
    const { usage } = extractUsage(provider, { model: 'm', [root]: vector.usage }, flavour);
    const counted: Record<string, number> = { ...(usage as Record<string, number>) };
    for (const [name, calls] of Object.entries(vector.context?.tool_calls ?? {})) {
      const key = FEE_KEYS[name]?.[1];
      if (key !== undefined) counted[key] = calls;
    }
    if (vector.context?.search_queries !== undefined) counted['web_searches'] = vector.context.search_queries;
    return calcPrice(counted, 'm', { provider })?.total_price ?? 'no price';
  } catch (error) {
    return String(error);
  }
}

const isSame = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.abs(b) + 1e-15;

/** Vectors on which it disagrees, with its amount, and why ours is right. The document has the same table. */
const EXPLAINED: Record<string, [theirs: string, why: string]> = {
  'ant-25-advisor': ['0.0133686', 'leaves iterations out, which the top level does not have'],
  'br-08-invoke-anthropic': ['0.0108075', 'does not read the lifetimes of writes on Bedrock'],
  'oai-img-01-gen': ['0.04185', 'bills images at the rate of text where the block does not split its output'],
  'oai-resp-08-tools-mixed': ['0.18', 'has no unit for containers'],
};

describe('the vectors', () => {
  it('are all of a dialect that it reads, or that says why not', () => {
    for (const dialect of Object.keys(usageReaders) as UsageDialect[]) {
      expect(Number(dialect in FLAVOURS) + Number(dialect in UNREAD), dialect).toBe(1);
    }
  });

  it('agree, but for those that are explained', () => {
    const disagreeing = vectors
      .filter(({ dialect }) => dialect in FLAVOURS)
      .map((vector) => [vector.id, opinionOf(vector), Number(vector.expected_cost_usd)] as const)
      .filter(([, theirs, ours]) => typeof theirs === 'string' || !isSame(theirs, ours))
      .map(
        ([id, theirs]) => `${id}: ${typeof theirs === 'string' ? theirs : Number(theirs.toPrecision(12))}`,
      );
    const explained = Object.entries(EXPLAINED).map(([id, [theirs]]) => `${id}: ${theirs}`);
    expect(disagreeing.sort()).toEqual(explained.sort());
  });

  it('are explained in the document, too', () => {
    const document = readFileSync(new URL('../../docs/billing-rules.md', import.meta.url), 'utf8');
    for (const [id, [theirs, why]] of Object.entries(EXPLAINED)) {
      expect(document).toMatch(new RegExp(`\\| \`${id}\` +\\| ${theirs} +\\|.*${why}`));
    }
  });
});

/** Its provider, by ours. */
const PROVIDERS: Partial<Record<PriceCard['provider'], string>> = {
  openai: 'openai',
  anthropic: 'anthropic',
  google: 'google',
  bedrock: 'aws',
  mistral: 'mistral',
  deepseek: 'deepseek',
  xai: 'x-ai',
};
/** A Sunday: every card with hours is off-peak. */
const AT = '2026-11-22T12:00:00Z';
const USAGE_KEYS: Partial<Record<TokenKind, string>> = {
  cache_read: 'cache_read_tokens',
  cache_write: 'cache_write_tokens',
  cache_write_5m: 'cache_write_tokens',
  cache_write_1h: 'cache_write_1h_tokens',
  input_audio: 'input_audio_tokens',
};

interface Difference {
  card: string;
  kind: TokenKind;
  size: bigint;
  theirs: number | string;
  ours: number;
}

/** Its answer for each kind of token by itself, below and beyond each threshold; none where it knows no such model. */
function differencesOn(card: PriceCard): Difference[] {
  const providerId = PROVIDERS[card.provider]!;
  const timestamp = new Date(AT);
  if (!calcPrice({ input_tokens: 1 }, card.model, { providerId, timestamp })) return [];
  const at = parseRfc3339(AT)!;
  const found: Difference[] = [];
  const sizes = [
    1000n,
    ...card.tiers.flatMap(({ threshold }) => [threshold - 1n, threshold, threshold + 1n]),
  ];
  for (const kind of Object.keys(card.rates) as TokenKind[]) {
    if (kind !== 'input' && kind !== 'output' && !(kind in USAGE_KEYS)) continue;
    for (const size of sizes) {
      const tokens = kind === 'output' ? { input: size, output: 1000n } : { [kind]: size };
      const pricing = priceUsage(card, testUsage(tokens), { time: { from: at, to: at } });
      const ours = pricing.kind === 'priced' ? Number(pricing.totalPicoUsd) / 1e12 : NaN;
      const counts: Record<string, number> = { input_tokens: Number(size) };
      if (kind === 'output') counts['output_tokens'] = 1000;
      else if (kind !== 'input') counts[USAGE_KEYS[kind]!] = Number(size);
      if (kind === 'cache_write_1h') counts['cache_write_tokens'] = Number(size);
      let theirs: number | string;
      try {
        theirs = calcPrice(counts, card.model, { providerId, timestamp })!.total_price;
      } catch (error) {
        theirs = String(error);
      }
      if (typeof theirs === 'string' || !isSame(theirs, ours)) {
        found.push({ card: card.id, kind, size, theirs, ours });
      }
    }
  }
  return found;
}

/** Its own prices against the cards that ship: where and why they differ. */
const CARDS_EXPLAINED: { cards: RegExp; kinds: readonly TokenKind[]; why: string }[] = [
  {
    cards: /^bedrock\/.*claude/,
    kinds: ['cache_write_1h'],
    why: 'has no rate for writes of an hour on Bedrock but for two models, and bills them as five minutes',
  },
  {
    cards: /^bedrock\/.*claude-sonnet-4-5/,
    kinds: ['input', 'cache_read', 'cache_write_5m', 'output'],
    why: 'has no tier above 200,000 tokens for Sonnet 4.5 on Bedrock',
  },
  {
    cards: /claude-sonnet-5-5@/,
    kinds: ['cache_read'],
    why: 'does not know Sonnet 5.5, and takes it for Sonnet 5 by its name',
  },
  {
    cards: /^deepseek\/deepseek-v4-flash@2026-09-22$/,
    kinds: ['input', 'cache_read', 'output'],
    why: 'still has the price before 2026-09-22, on which LiteLLM and models.dev agree',
  },
];

describe('the reviewed cards', () => {
  it('agree, but for those that are explained', () => {
    const at = parseRfc3339(AT)!;
    const inForce = reviewedCards.filter(
      (card) =>
        card.provider in PROVIDERS && reviewedPrices().find(card.endpoints[0]!, card.model, at) === card,
    );
    const known = inForce.filter(({ model, provider }) =>
      calcPrice({ input_tokens: 1 }, model, { providerId: PROVIDERS[provider]!, timestamp: new Date(AT) }),
    );
    expect(known.length).toBeGreaterThan(80);
    const differences = inForce.flatMap(differencesOn);
    const explains = (entry: (typeof CARDS_EXPLAINED)[number], { card, kind }: Difference): boolean =>
      entry.cards.test(card) && entry.kinds.includes(kind);
    expect(differences.filter((one) => !CARDS_EXPLAINED.some((entry) => explains(entry, one)))).toEqual([]);
    const needless = CARDS_EXPLAINED.filter((entry) => !differences.some((one) => explains(entry, one)));
    expect(needless).toEqual([]);
  });
});
