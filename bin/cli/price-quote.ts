/** Prices a usage block with the reviewed price book: the same reader and calculator that charge calls. */
import {
  isUsageDialect,
  usageReaders,
  type UsageDialect,
} from '../../lambdas/adapters/providers/usage-readers.ts';
import { formatUsd } from '../../lambdas/core/money.ts';
import { priceUsage, type PriceLine } from '../../lambdas/core/pricing/calculator.ts';
import { ENDPOINTS, type Endpoint, type PriceCard } from '../../lambdas/core/pricing/card.ts';
import type { PriceBook } from '../../lambdas/core/pricing/price-book.ts';
import { systemClock } from '../../lambdas/runtime/clock.ts';
import { reviewedPrices } from '../../prices/reviewed.ts';
import { CliError, EXIT, usageError } from './exit.ts';

export interface QuoteQuestion {
  model: string;
  dialect: string;
  usage: unknown;
  serviceTier?: string;
}

export type QuoteLine = PriceLine & { amountUsd: string };

export interface PriceQuote {
  card: PriceCard;
  /** Canonical dollars, rounded up to a picodollar. */
  totalUsd: string;
  details: Record<string, string>;
  lines: QuoteLine[];
}

/** Today's price; throws a CliError where there is no exact amount, for then there is no amount at all. */
export async function quoteUsage({ model, dialect, usage, serviceTier }: QuoteQuestion): Promise<PriceQuote> {
  if (!isUsageDialect(dialect)) {
    throw usageError(
      `${JSON.stringify(dialect)} is no dialect.`,
      `Choose from ${Object.keys(usageReaders).join(', ')}.`,
    );
  }
  const book = reviewedPrices();
  const card = findCard(book, dialect, model);

  const tier = serviceTier === undefined ? {} : { service_tier: serviceTier };
  const reading = usageReaders[dialect]({ usage: withTier(dialect, usage, tier), response: tier });
  if (reading.kind === 'unreadable') {
    throw usageError(
      `The usage block is not one of ${dialect}: ${reading.reason}.`,
      'The gateway would charge such a call at its hold.',
    );
  }
  const now = systemClock.now();
  const pricing = priceUsage(card, reading.usage, {
    time: { from: now, to: now },
    cardOf: (other) => cardsNamed(book, other)[0],
  });
  if (pricing.kind === 'unpriced') {
    throw new CliError(
      EXIT.refused,
      `The card ${card.id} has no price for the ${pricing.reason.replace('_', ' ')} ${pricing.what}.`,
      'The gateway would charge such a call at its hold.',
    );
  }
  return {
    card,
    totalUsd: formatUsd(pricing.totalPicoUsd),
    details: Object.fromEntries(
      Object.entries(pricing.details).map(([kind, amount]) => [kind, formatUsd(amount)]),
    ),
    lines: pricing.lines.map((line) => ({ ...line, amountUsd: formatUsd(line.picoUsd) })),
  };
}

/** Anthropic reports the tier inside usage, OpenAI beside it. */
function withTier(dialect: UsageDialect, usage: unknown, tier: { service_tier?: string }): unknown {
  const isInside = dialect.startsWith('anthropic') || dialect === 'bedrock-invoke-anthropic';
  return isInside && typeof usage === 'object' && usage !== null ? { ...usage, ...tier } : usage;
}

function findCard(book: PriceBook, dialect: UsageDialect, model: string): PriceCard {
  const atEndpoint = book.find(endpointOf(dialect), model, systemClock.now());
  if (atEndpoint) return atEndpoint;
  const [only, ...others] = cardsNamed(book, model);
  if (only && others.length === 0) return only;
  const near = namesNear(book, model);
  throw new CliError(
    EXIT.refused,
    `The model ${JSON.stringify(model)} has no price for ${dialect} here.`,
    near.length > 0
      ? `Names must be exact. Near it: ${near.join(', ')}.`
      : 'Names must be exact, as the provider writes them; no model is guessed from a prefix.',
  );
}

function cardsNamed(book: PriceBook, model: string): PriceCard[] {
  const now = systemClock.now();
  const found = ENDPOINTS.map((endpoint) => book.find(endpoint, model, now)).filter(
    (card) => card !== undefined,
  );
  return [...new Set(found)];
}

/** Only to help with typing errors. */
function namesNear(book: PriceBook, model: string): string[] {
  const wanted = model.toLowerCase();
  const names = new Set(book.cards.flatMap((card) => [card.model, ...card.aliases]));
  return [...names]
    .filter((name) => name.includes(wanted) || (name.length > 3 && wanted.includes(name)))
    .slice(0, 5);
}

function endpointOf(dialect: UsageDialect): Endpoint {
  switch (dialect) {
    case 'anthropic-stream':
      return 'anthropic-messages';
    case 'gemini':
      return 'gemini-generate';
    case 'deepseek-chat':
    case 'xai-chat':
    case 'mistral-chat':
    case 'groq-chat':
    case 'openrouter-chat':
    case 'cohere-v2':
    case 'mistral-ocr':
      return 'openai-chat';
    case 'groq-transcription':
      return 'openai-transcription';
    case 'bedrock-invoke-anthropic':
    case 'bedrock-invoke-metrics':
    case 'bedrock-invoke-titan-embed':
      return 'bedrock-invoke';
    case 'openai-chat':
    case 'openai-responses':
    case 'openai-embeddings':
    case 'openai-images':
    case 'openai-transcription':
    case 'openai-speech':
    case 'anthropic-messages':
    case 'bedrock-converse':
      return dialect;
  }
}
