/** Prices: what calls are priced by and since when, what is proposed and who decides, and what is paid instead. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { cardsInForce } from '../core/price-changes/propose.ts';
import { acceptanceOf, CARD } from '../core/pricing/price-items.ts';
import type { PersonsDecision } from '../core/price-changes/price-desk.ts';
import { pricesFrom, type PriceBook } from '../core/pricing/price-book.ts';
import type { PriceCard } from '../core/pricing/card.ts';
import { Problem } from './problems.ts';
import { cardSchema, cardView, pendingSchema, pendingView } from './price-views.ts';
import {
  adminRoute,
  conflict,
  jsonAnswer,
  newApp,
  noQuery,
  notFound,
  pageOf,
  pageQuery,
  type AdminDeps,
} from './routes.ts';

const listPrices = adminRoute({
  method: 'get',
  path: '/prices',
  request: { query: pageQuery },
  responses: { 200: jsonAnswer(pageOf(cardSchema), 'The cards in force, by their ids') },
});

const getHistory = adminRoute({
  method: 'get',
  path: '/prices/history',
  request: { query: pageQuery.extend({ model: z.string().min(1).max(200) }) },
  responses: {
    200: jsonAnswer(pageOf(cardSchema), 'Every card of the model that there was or will be, newest first'),
  },
});

const listPending = adminRoute({
  method: 'get',
  path: '/prices/pending',
  request: { query: pageQuery },
  responses: { 200: jsonAnswer(pageOf(pendingSchema), 'Changes that wait for a second family or a person') },
});

const decideParams = { params: z.strictObject({ id: z.string().min(1).max(80) }), query: noQuery };
const acceptPending = adminRoute({
  method: 'post',
  path: '/prices/pending/{id}/accept',
  request: decideParams,
  responses: {
    200: jsonAnswer(cardSchema, 'The card, in force from now on'),
    404: notFound,
    409: conflict('It was decided before, or another change came first'),
  },
});
const rejectPending = adminRoute({
  method: 'post',
  path: '/prices/pending/{id}/reject',
  request: decideParams,
  responses: {
    204: { description: 'It stays as it is, until more families say so' },
    404: notFound,
    409: conflict('It was decided before'),
  },
});

/** The most frequent reason first. */
const leftOut = z.array(z.strictObject({ reason: z.string(), rows: z.int(), examples: z.array(z.string()) }));
const refreshSchema = z.strictObject({
  feeds: z.array(
    z.strictObject({
      family: z.string(),
      url: z.string(),
      status: z.enum(['read', 'unchanged', 'failed']),
      reason: z.string().nullable(),
      models: z.int(),
      /** Rows that could not be read. */
      left_out: leftOut,
      /** Models that no card is for, and why none is proposed. */
      without_card: leftOut,
    }),
  ),
  /** Ids of cards that came into force. */
  accepted: z.array(z.string()),
  pending: z.int(),
  /** Changes that cannot be right. */
  refused: z.array(
    z.strictObject({
      provider: z.string(),
      model: z.string(),
      families: z.array(z.string()),
      reason: z.string(),
    }),
  ),
  /** Cards of the table that price no call, since a card of the release has their name. */
  shadowed: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
});
const postRefresh = adminRoute({
  method: 'post',
  path: '/prices/refresh',
  request: { query: noQuery },
  responses: { 200: jsonAnswer(refreshSchema, 'What became of each feed, and of what they say') },
});

export function priceRoutes({ office, clock }: AdminDeps): OpenAPIHono {
  const app = newApp();
  const { prices, records, desk } = office;

  /** Cards as the API shows them. */
  async function views(): Promise<{
    book: PriceBook;
    view: (card: PriceCard) => z.infer<typeof cardSchema>;
  }> {
    const book = await prices.current();
    const inForce = new Set([...cardsInForce(book, clock.now()).values()].map(({ id }) => id));
    const acceptances = new Map(
      (await records.items(CARD)).map((item) => [item['id'], acceptanceOf(item)?.by]),
    );
    const acceptedBy = ({ id }: PriceCard) =>
      id.includes('~') ? 'override' : (acceptances.get(id) ?? 'release');
    return {
      book,
      view: (card) => cardView(card, { acceptedBy: acceptedBy(card), isInForce: inForce.has(card.id) }),
    };
  }

  app.openapi(listPrices, async (c) => {
    const { book, view } = await views();
    const cards = [...new Set(cardsInForce(book, clock.now()).values())].sort(byId);
    return c.json(pageFrom(cards, view, c.req.valid('query')), 200);
  });

  app.openapi(getHistory, async (c) => {
    const { model, ...page } = c.req.valid('query');
    const { book, view } = await views();
    // A share of a list price is in force as a card of its own, which calls cite; one that begins later will be.
    const instants = [clock.now(), ...(await records.overrides()).map(({ from }) => from)];
    const named = book.cards.filter((card) => card.model === model || card.aliases.includes(model));
    const inForce = instants.flatMap((at) =>
      named.flatMap((card) => book.find(card.endpoints[0]!, card.model, at) ?? []),
    );
    const newestFirst = [...new Set([...inForce, ...named])].sort((a, b) => pricesFrom(b) - pricesFrom(a));
    return c.json(pageFrom(newestFirst, view, page), 200);
  });

  app.openapi(listPending, async (c) => {
    const book = await prices.current();
    const pending = (await desk.proposals()).filter(({ state }) => state === 'pending');
    const view = (record: (typeof pending)[number]) =>
      pendingView(record, record.replaces === null ? undefined : book.byId(record.replaces));
    return c.json(pageFrom(pending.sort(byId), view, c.req.valid('query')), 200);
  });

  app.openapi(acceptPending, async (c) => {
    const { id } = c.req.valid('param');
    const decided = await office.decide(id, 'accept');
    if (decided.kind !== 'accepted') throw notDecided(id, decided);
    return c.json(cardView(decided.card, { acceptedBy: 'person', isInForce: true }), 200);
  });

  app.openapi(rejectPending, async (c) => {
    const { id } = c.req.valid('param');
    const decided = await office.decide(id, 'reject');
    if (decided.kind !== 'rejected') throw notDecided(id, decided);
    return c.body(null, 204);
  });

  app.openapi(postRefresh, async (c) => {
    const { feeds, accepted, pending, refused, shadowed } = await office.refresh();
    return c.json(
      {
        feeds: feeds.map(({ leftOut, withoutCard, ...feed }) => ({
          ...feed,
          left_out: leftOut,
          without_card: withoutCard,
        })),
        accepted: accepted.map(({ id }) => id),
        pending: pending.length,
        ...{ refused, shadowed },
      },
      200,
    );
  });
  return app;
}

function notDecided(id: string, decided: PersonsDecision): Problem {
  switch (decided.kind) {
    case 'unknown':
      return new Problem('not_found', `No change has the id "${id}"; see the list of pending ones.`);
    case 'decided':
      return new Problem('already_decided', `The change ${id} is ${decided.state} already.`);
    case 'accepted':
    case 'rejected':
      throw new Error(`${id} was ${decided.kind} and not as asked`);
  }
}

const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);

/** Cursors are the last id of the page before. */
function pageFrom<T extends { id: string }, W>(
  items: readonly T[],
  view: (item: T) => W,
  { limit, cursor }: z.infer<typeof pageQuery>,
): { items: W[]; next_cursor: string | null } {
  const first = cursor === undefined ? 0 : items.findIndex(({ id }) => id === cursor) + 1;
  if (cursor !== undefined && first === 0)
    throw new Problem('invalid_request', 'cursor: give the next_cursor of the page before, unchanged');
  const page = items.slice(first, first + limit);
  return { items: page.map(view), next_cursor: first + limit < items.length ? page.at(-1)!.id : null };
}
