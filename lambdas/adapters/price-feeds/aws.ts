/**
 * AWS Price List, the bulk file of one service (checked 2026-11-30 against records of the versions of 2026-09): products
 * by SKU, of which the usage type says what is sold, and their terms with a price as decimal text and a unit in words.
 * What is sold in us-east-1 is read: Claude costs the same in every other region, but for GovCloud. A name, usage type
 * or unit that is not known here is reported and never guessed.
 */
import * as z from 'zod';
import type { LeftOutRow } from '../../core/price-changes/left-out.ts';
import type { PriceReading } from '../../core/price-changes/reading.ts';
import type { TokenKind } from '../../core/pricing/card.ts';
import { rateText, type PER } from './feed-number.ts';
import { documentOf, NotThisFeed, ratesOf, type ParseFeed } from './feed.ts';

const documentSchema = z.looseObject({
  products: z.record(z.string(), z.unknown()),
  terms: z.looseObject({ OnDemand: z.record(z.string(), z.unknown()) }),
});
const productSchema = z.looseObject({
  attributes: z.looseObject({
    usagetype: z.string(),
    servicename: z.string().optional(),
    model: z.string().optional(),
    titanModel: z.string().optional(),
  }),
});
const termsSchema = z.record(
  z.string(),
  z.looseObject({
    priceDimensions: z.record(
      z.string(),
      z.looseObject({
        unit: z.string(),
        description: z.string().optional(),
        beginRange: z.string().optional(),
        pricePerUnit: z.looseObject({ USD: z.string() }),
      }),
    ),
  }),
);

/** Ids by the names of the price list: the profile of all regions, and the one of some, which costs what a region does. */
const CLAUDE: Record<string, string> = {
  'Claude Fable 5': 'claude-fable-5',
  'Claude Fable 5.1': 'claude-fable-5-1',
  'Claude Opus 5.5': 'claude-opus-5-5',
  'Claude Opus 5': 'claude-opus-5',
  'Claude Opus 4.8': 'claude-opus-4-8',
  'Claude Opus 4.7': 'claude-opus-4-7',
  'Claude Opus 4.6': 'claude-opus-4-6-v1',
  'Claude Opus 4.5': 'claude-opus-4-5-20251101-v1:0',
  'Claude Sonnet 5.5': 'claude-sonnet-5-5',
  'Claude Sonnet 5': 'claude-sonnet-5',
  'Claude Sonnet 4.6': 'claude-sonnet-4-6',
  'Claude Sonnet 4.5': 'claude-sonnet-4-5-20250929-v1:0',
  'Claude Haiku 5.5': 'claude-haiku-5-5',
  'Claude Haiku 4.5': 'claude-haiku-4-5-20251001-v1:0',
};
interface NovaProfiles {
  region: string;
  /** Where a call may go to any region, for less. */
  global?: string;
}
const NOVA: Record<string, NovaProfiles> = {
  NovaMicro: { region: 'amazon.nova-micro-v1:0' },
  NovaLite: { region: 'amazon.nova-lite-v1:0' },
  NovaPro: { region: 'amazon.nova-pro-v1:0' },
  NovaPremier: { region: 'us.amazon.nova-premier-v1:0' },
  'Nova2.0Lite': { region: 'us.amazon.nova-2-lite-v1:0', global: 'global.amazon.nova-2-lite-v1:0' },
};

const CLAUDE_KINDS: Record<string, TokenKind> = {
  InputTokenCount: 'input',
  OutputTokenCount: 'output',
  CacheReadInputTokenCount: 'cache_read',
  CacheWriteInputTokenCount: 'cache_write_5m',
  CacheWrite1hInputTokenCount: 'cache_write_1h',
  input_tokens: 'input',
  output_tokens: 'output',
  cache_read_tokens: 'cache_read',
  cache_write_tokens: 'cache_write_5m',
  cache_write_tokens_1h: 'cache_write_1h',
};
const NOVA_KINDS: Record<string, TokenKind> = {
  'input-tokens': 'input',
  'output-tokens': 'output',
  'cache-read-input-token-count': 'cache_read',
  // Listed at zero, which says nothing.
  'cache-write-input-token-count': 'cache_write',
};

/** `USE1-MP:USE1_InputTokenCount_Global-Units`, `USE1-MP:USE1_input_tokens_global_standard-Units`. */
const CLAUDE_USAGE =
  /^USE1-MP:USE1_((?:Input|Output|CacheReadInput|CacheWriteInput|CacheWrite1hInput)TokenCount|(?:input|output|cache_read|cache_write)_tokens(?:_1h)?)(_Global|_global)?(?:_standard)?-Units$/;
/** `USE1-NovaPro-cache-read-input-token-count`, `USE1-Nova2.0Lite-input-tokens-cross-region-global`. */
const NOVA_USAGE = /^USE1-(Nova[A-Za-z0-9.]+)-([a-z-]+?)(-cross-region-global)?$/;
const IN_REGION = /^USE1-/;
/** What no endpoint here takes: batches, reserved and provisioned capacity, training, other service tiers. */
const NOT_ON_DEMAND =
  /batch|reserved|provisioned|custom|training|latency|flex|priority|long|lctx|image|video|speech|audio|guardrail|storage|search/i;

export const parseAws: ParseFeed = (document) => {
  const { products, terms } = documentOf(documentSchema, document);
  const models = new Map<string, Record<string, string>>();
  const dropped: LeftOutRow[] = [];
  for (const [sku, entry] of Object.entries(products)) {
    const product = productSchema.safeParse(entry);
    if (!product.success) continue;
    const { usagetype } = product.data.attributes;
    if (!IN_REGION.test(usagetype) || NOT_ON_DEMAND.test(usagetype)) continue;
    const sold = soldAs(product.data.attributes);
    if (sold === undefined) continue;
    const drop = (reason: string): void => {
      dropped.push({ entry: `${sku} ${usagetype}`, reason });
    };
    if ('reason' in sold) {
      drop(sold.reason);
      continue;
    }
    const price = priceOf(terms.OnDemand[sku]);
    if ('reason' in price) {
      drop(price.reason);
      continue;
    }
    const rates = models.get(sold.model) ?? {};
    models.set(sold.model, rates);
    const known = rates[sold.kind];
    if (known === undefined) rates[sold.kind] = price.rate;
    else if (known !== price.rate) drop(`a second price, ${price.rate}, beside ${known}`);
  }
  if (models.size === 0) throw new NotThisFeed('no model that is known here is in it');
  const readings = [...models].map(([model, rates]): PriceReading => ({
    provider: 'bedrock',
    model,
    list: { rates: ratesOf(rates), tiers: [] },
    services: {},
    knowsHours: false,
    notUnderstood: [],
  }));
  return { readings, dropped };
};

type Attributes = z.output<typeof productSchema>['attributes'];

/** Undefined for models that have no card here, whatever their usage types look like. */
function soldAs({
  usagetype,
  servicename,
}: Attributes): { model: string; kind: TokenKind } | { reason: string } | undefined {
  const name = servicename?.replace(/ \(Amazon Bedrock Edition\)$/, '');
  const claude = name === undefined ? undefined : CLAUDE[name];
  if (claude !== undefined) {
    const match = CLAUDE_USAGE.exec(usagetype);
    const kind = match === null ? undefined : CLAUDE_KINDS[match[1]!];
    if (match === null || kind === undefined) return UNKNOWN_USAGE;
    return { model: `${match[2] === undefined ? 'us' : 'global'}.anthropic.${claude}`, kind };
  }
  if (name?.startsWith('Claude ')) return { reason: `the model "${name}" is not known here` };
  const [, novaName = '', what = '', global] = NOVA_USAGE.exec(usagetype) ?? [];
  const nova = NOVA[novaName];
  if (nova === undefined) return undefined;
  const kind = NOVA_KINDS[what];
  const model = global === undefined ? nova.region : nova.global;
  return kind === undefined || model === undefined ? UNKNOWN_USAGE : { model, kind };
}

const UNKNOWN_USAGE = { reason: 'a usage type that is not known here' };

function priceOf(entry: unknown): { rate: string } | { reason: string } {
  const terms = termsSchema.safeParse(entry);
  const dimensions = terms.success
    ? Object.values(terms.data).flatMap(({ priceDimensions }) => Object.values(priceDimensions))
    : [];
  const [dimension, ...more] = dimensions;
  if (dimension === undefined || more.length > 0) return { reason: 'not one price' };
  const unit = unitOf(dimension);
  if (unit === undefined) return { reason: `the unit "${dimension.unit}" is not known here` };
  const rate = rateText(dimension.pricePerUnit.USD, unit);
  return rate === undefined ? { reason: 'the price is no number' } : { rate };
}

/** Units of a marketplace product are what their description says. */
function unitOf({
  unit,
  description = '',
}: {
  unit: string;
  description?: string | undefined;
}): keyof typeof PER | undefined {
  const words = (unit === 'Units' ? description : unit).toLowerCase();
  if (/\b1k tokens\b|\bthousand\b/.test(words)) return 'thousandTokens';
  return /\b1m tokens\b|\bmillion\b/.test(words) ? 'millionTokens' : undefined;
}
