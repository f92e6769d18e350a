/** What this installation pays instead of list prices: a factor or a card of its own, from an instant on. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import type { EpochMs } from '../core/brands.ts';
import { priceCardSchema, type PriceCard, type Provider } from '../core/pricing/card.ts';
import { EVERY_MODEL, ownCardId, type PriceOverride } from '../core/pricing/override.ts';
import { parseRfc3339, toRfc3339 } from '../core/time.ts';
import { detailOf, Problem } from './problems.ts';
import { factorSchema, modelParams, overrideSchema, overrideView, ownCardSchema } from './price-views.ts';
import {
  adminRoute,
  conflict,
  jsonAnswer,
  jsonBody,
  newApp,
  noQuery,
  notFound,
  pageOf,
  type AdminDeps,
} from './routes.ts';

const listOverrides = adminRoute({
  method: 'get',
  path: '/prices/overrides',
  request: { query: noQuery },
  responses: { 200: jsonAnswer(pageOf(overrideSchema), 'Every revision, by model and then by date') },
});

const inputSchema = z
  .strictObject({
    factor: factorSchema.optional(),
    card: ownCardSchema.optional(),
    /** RFC 3339; now if left out. One in the past changes no charge: see `prices/rerate`. */
    from: z.string().optional(),
  })
  .refine(
    ({ factor, card }) => (factor === undefined) !== (card === undefined),
    'give a factor or a card, one of the two',
  );

const putOverride = adminRoute({
  method: 'put',
  path: '/prices/overrides/{provider}/{model}',
  request: { params: modelParams, query: noQuery, body: jsonBody(inputSchema) },
  responses: {
    201: jsonAnswer(
      overrideSchema,
      'The revision; before it begins, list prices or the revision before hold',
    ),
    409: conflict('A revision of that instant is there already'),
  },
});

const endOverride = adminRoute({
  method: 'delete',
  path: '/prices/overrides/{provider}/{model}',
  request: { params: modelParams, query: noQuery },
  responses: {
    204: { description: 'List prices hold from now on; nothing begins later either' },
    404: notFound,
  },
});

const MODEL_CHARACTERS = /^[\x21-\x7e]+$/;

export function priceOverrideRoutes({ office, clock }: AdminDeps): OpenAPIHono {
  const app = newApp();
  const { prices, records } = office;

  app.openapi(listOverrides, async (c) =>
    c.json({ items: (await records.overrides()).map(overrideView), next_cursor: null }, 200),
  );

  app.openapi(putOverride, async (c) => {
    const target = c.req.valid('param');
    const input = c.req.valid('json');
    const from = instant(input.from, clock.now());
    const set: PriceOverride['set'] =
      input.card === undefined
        ? { kind: 'factor', factor: input.factor! }
        : { kind: 'card', card: ownCard(target, input.card, from) };
    const override = { ...target, from, set };
    if (set.kind === 'card') await refuseOthersNames(set.card);
    if (!(await records.putOverride(override)))
      throw new Problem(
        'already_decided',
        `${target.provider}/${target.model} has a revision from ${toRfc3339(from)}.`,
      );
    prices.forget();
    return c.json(overrideView(override), 201);
  });

  app.openapi(endOverride, async (c) => {
    const target = c.req.valid('param');
    const now = clock.now();
    const revisions = (await records.overrides())
      .filter(({ provider, model }) => provider === target.provider && model === target.model)
      .sort((a, b) => b.from - a.from);
    const later = revisions.filter(({ from, set }) => from > now && set.kind !== 'ended');
    const inForce = revisions.find(({ from }) => from <= now);
    if (later.length === 0 && (inForce === undefined || inForce.set.kind === 'ended'))
      throw new Problem('not_found', `Nothing is agreed for ${target.provider}/${target.model}.`);
    const ended = later.map((revision) => ({ ...revision, set: { kind: 'ended' as const } }));
    if (!(await records.putOverride({ ...target, from: now, set: { kind: 'ended' } }, ended)))
      throw new Problem('already_decided', 'It was changed in this very moment; look, and try again.');
    prices.forget();
    return c.body(null, 204);
  });

  /** A name stands for one model, or calls of another would be charged by this card. */
  async function refuseOthersNames(card: PriceCard): Promise<void> {
    const book = await prices.current();
    for (const endpoint of card.endpoints) {
      for (const name of [card.model, ...card.aliases]) {
        const other = book.find(endpoint, name, clock.now());
        if (other && (other.provider !== card.provider || other.model !== card.model))
          throw new Problem(
            'invalid_request',
            `card: "${name}" stands for ${other.provider}/${other.model} already`,
          );
      }
    }
  }
  return app;
}

/** Also of the past: what was charged stays as it is until somebody has it rated again. */
function instant(text: string | undefined, now: EpochMs): EpochMs {
  if (text === undefined) return now;
  const at = parseRfc3339(text);
  if (at === undefined)
    throw new Problem('invalid_request', 'from: use an instant such as 2027-01-01T00:00:00Z');
  return at;
}

function ownCard(
  { provider, model }: { provider: Provider; model: string },
  { tiers, context_tokens, max_output_tokens, image_tokens_max, ...input }: z.output<typeof ownCardSchema>,
  from: EpochMs,
): PriceCard {
  if (model === EVERY_MODEL)
    throw new Problem('invalid_request', 'card: is one of a model; for all models give a factor');
  if (!MODEL_CHARACTERS.test(model))
    throw new Problem('invalid_request', 'model: use printable ASCII without spaces');
  const effectiveFrom = toRfc3339(from);
  const card = priceCardSchema.safeParse({
    ...input,
    id: ownCardId(provider, model, from),
    provider,
    model,
    tiers: tiers.map(({ above, rates }) => ({
      basis: 'total_input_tokens',
      op: 'gt',
      threshold: BigInt(above),
      rates,
    })),
    limits: { contextTokens: BigInt(context_tokens), maxOutputTokens: BigInt(max_output_tokens) },
    bounds: { ...(image_tokens_max !== undefined && { imageTokensMax: BigInt(image_tokens_max) }) },
    effectiveFrom,
    checkedOn: effectiveFrom.slice(0, 'YYYY-MM-DD'.length),
    sources: [OWN_SOURCE],
  });
  if (!card.success) throw new Problem('invalid_request', `card: ${detailOf(card.error)}`);
  const { rates, fees, limits } = card.data;
  const hasInput = rates.input !== undefined || Object.keys(fees).length > 0;
  if (!hasInput || (rates.output === undefined && limits.maxOutputTokens > 0n))
    throw new Problem(
      'invalid_request',
      'card.rates: give input, and output where the model writes; 0 for what is free',
    );
  return card.data;
}

/** Whoever set it knows where it stands. */
const OWN_SOURCE = 'urn:spendcap:override';
