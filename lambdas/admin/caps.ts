/** Caps: PUT, GET, list, DELETE. The schemas are those of the policy file: core/caps/cap-definition.ts. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import {
  capFromInput,
  capIdSchema,
  capInputSchema,
  capSchema,
  capToWire,
  nameSchema,
} from '../core/caps/cap-definition.ts';
import { isShared } from '../core/caps/cap.ts';
import type { StoredCap } from '../core/caps/cap-items.ts';
import { leafKey } from '../core/ledger/leaf.ts';
import { capView, STAGES } from '../core/caps/stage.ts';
import { Problem } from './problems.ts';
import {
  adminRoute,
  jsonAnswer,
  jsonBody,
  listPage,
  newApp,
  noQuery,
  notFound,
  pageOf,
  pageQuery,
  unprocessable,
  type AdminDeps,
} from './routes.ts';

const capParams = z.strictObject({ id: capIdSchema });

/** Figures are null where the cap is one of each user and none was chosen. */
const capWithFiguresSchema = capSchema.extend({
  effective_limit: z.string().nullable(),
  settled: z.string().nullable(),
  reserved: z.string().nullable(),
  remaining: z.string().nullable(),
  resets_at: z.string().nullable(),
  stage: z.enum(STAGES).nullable(),
  as_of: z.string().nullable(),
});

const putCap = adminRoute({
  method: 'put',
  path: '/caps/{id}',
  request: { params: capParams, query: noQuery, body: jsonBody(capInputSchema) },
  responses: {
    200: jsonAnswer(capSchema, 'The cap as it stands now'),
    201: jsonAnswer(capSchema, 'The cap was created'),
    422: unprocessable('The ledger cannot hold this cap strictly, or the policy has no such ladder'),
  },
});

const getCap = adminRoute({
  method: 'get',
  path: '/caps/{id}',
  request: { params: capParams, query: z.strictObject({ user: nameSchema.optional() }) },
  responses: { 200: jsonAnswer(capWithFiguresSchema, 'The cap and where it stands'), 404: notFound },
});

const listCaps = adminRoute({
  method: 'get',
  path: '/caps',
  request: { query: pageQuery },
  responses: { 200: jsonAnswer(pageOf(capSchema), 'Caps in order of id') },
});

const deleteCap = adminRoute({
  method: 'delete',
  path: '/caps/{id}',
  request: { params: capParams, query: noQuery },
  responses: { 204: { description: 'The cap is gone' }, 404: notFound },
});

export function capRoutes({ directory, ledger, clock, ladders }: AdminDeps): OpenAPIHono {
  const app = newApp();

  app.openapi(putCap, async (c) => {
    const definition = capFromInput(c.req.valid('param').id, c.req.valid('json'));
    if ('kind' in definition) {
      const code = definition.kind === 'invalid' ? 'invalid_request' : 'cap_not_supported';
      throw new Problem(code, definition.message);
    }
    if (!ladders.includes(definition.ladder)) throw noSuchLadder(definition.ladder, ladders);
    const { cap, created } = await directory.putCap(definition, 'admin');
    return c.json(capToWire(cap), created ? 201 : 200);
  });

  app.openapi(getCap, async (c) => {
    const cap = await existing(c.req.valid('param').id);
    const user = userOf(cap, c.req.valid('query').user);
    if (user === undefined && !isShared(cap)) return c.json({ ...capToWire(cap), ...NO_FIGURES }, 200);
    const leaf = user === undefined ? undefined : leafKey({ type: 'user', id: user });
    const books = await ledger.books(leaf, [cap]);
    const { effective_limit, settled, reserved, remaining, resets_at, stage, as_of } = capView(
      cap,
      books,
      clock.now(),
    );
    const figures = { effective_limit, settled, reserved, remaining, resets_at, stage, as_of };
    return c.json({ ...capToWire(cap), ...figures }, 200);
  });

  app.openapi(listCaps, async (c) => {
    const page = await listPage((...at) => directory.listCaps(...at), c.req.valid('query'), capToWire);
    return c.json(page, 200);
  });

  app.openapi(deleteCap, async (c) => {
    const { id } = c.req.valid('param');
    if (!(await directory.deleteCap(id))) throw noSuchCap(id);
    return c.body(null, 204);
  });

  async function existing(id: string): Promise<StoredCap> {
    const cap = await directory.getCap(id);
    if (!cap) throw noSuchCap(id);
    return cap;
  }
  return app;
}

const noSuchCap = (id: string): Problem => new Problem('not_found', `There is no cap "${id}".`);

const noSuchLadder = (name: string, known: readonly string[]): Problem =>
  new Problem(
    'ladder_unknown',
    `ladder: the policy describes no "${name}"; it has ${known.join(', ')}. Describe it there first, under "ladders".`,
  );

const NO_FIGURES = {
  effective_limit: null,
  settled: null,
  reserved: null,
  remaining: null,
  resets_at: null,
  stage: null,
  as_of: null,
};

/** Whose figures are shown: the one person of the scope, or the one asked for; undefined for nobody's. */
function userOf(cap: StoredCap, asked: string | undefined): string | undefined {
  const { id, scope } = cap;
  if (isShared(cap)) {
    if (asked === undefined) return undefined;
    throw new Problem('invalid_request', `user: the cap "${id}" is one of the ${scope.type} ${scope.id}`);
  }
  const own = scope.type === 'user_feature' ? scope.id.split('/')[0]! : scope.id;
  if (own !== '*' && asked !== undefined && asked !== own)
    throw new Problem('invalid_request', `user: the cap "${id}" is one of ${own}, not of ${asked}`);
  return own === '*' ? asked : own;
}
