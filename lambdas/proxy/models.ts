/** GET /v1/models in both dialects: what has a price here, so that a picker never offers what would be refused. */
import { ENDPOINTS } from '../adapters/providers/endpoints.ts';
import type { EpochMs } from '../core/brands.ts';
import type { Gateway } from '../core/gateway.ts';
import type { Endpoint as EndpointName, PriceCard } from '../core/pricing/card.ts';
import { startOf, type PriceBook } from '../core/pricing/price-book.ts';
import { toRfc3339 } from '../core/time.ts';
import { dialectOf } from './caller-dialect.ts';
import { freeRoute } from './free-route.ts';

export function listModels(gateway: Gateway, request: Request): Promise<Response> {
  const dialect = dialectOf(request.headers);
  return freeRoute(gateway, dialect, request, async () => {
    const isAnthropic = dialect === 'anthropic';
    const book = await gateway.prices.current();
    const names = modelsOf(
      book,
      gateway.clock.now(),
      (card) => card.endpoints.includes('anthropic-messages') === isAnthropic,
    );
    return Response.json(isAnthropic ? anthropicList(names) : openAiList(names));
  });
}

type Named = [name: string, card: PriceCard];

/** Each id and alias in force now, once, in order of name. */
function modelsOf(book: PriceBook, now: EpochMs, includes: (card: PriceCard) => boolean): Named[] {
  const named = new Map<string, PriceCard>();
  for (const card of book.cards) {
    if (!includes(card) || !card.endpoints.some((endpoint) => SERVED.has(endpoint))) continue;
    for (const name of [card.model, ...card.aliases]) {
      const inForce = book.find(card.endpoints[0]!, name, now);
      if (inForce) named.set(name, inForce);
    }
  }
  return [...named].sort(([a], [b]) => (a < b ? -1 : 1));
}

const SERVED: ReadonlySet<EndpointName> = new Set(Object.values(ENDPOINTS).map(({ name }) => name));

const openAiList = (models: Named[]) => ({
  object: 'list',
  data: models.map(([id, card]) => ({
    id,
    object: 'model',
    created: Math.floor(startOf(card) / 1000),
    owned_by: card.provider,
  })),
});

const anthropicList = (models: Named[]) => ({
  data: models.map(([id, card]) => ({
    type: 'model',
    id,
    display_name: id,
    description: priceOf(card),
    created_at: toRfc3339(startOf(card)),
  })),
  has_more: false,
  first_id: models[0]?.[0] ?? null,
  last_id: models.at(-1)?.[0] ?? null,
});

const priceOf = ({ rates }: PriceCard): string =>
  `$${rates.input ?? '?'} in, $${rates.output ?? '?'} out per million tokens`;
