/** App keys: create, show, list, delete. The key itself is in the answer to its creation and nowhere else. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { keyFrom, makeKey, type NewKey } from '../core/directory/app-keys.ts';
import { nameSchema, userIdSchema } from '../core/caps/cap-definition.ts';
import type { AppKey } from '../core/directory/directory.ts';
import { sha256 } from '../core/request-ids.ts';
import { toRfc3339 } from '../core/time.ts';
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

const keyIdSchema = z.string().regex(/^key_[0-9A-Za-z]{12}$/, 'use the id of a key, as in key_…');
const keyParams = z.strictObject({ id: keyIdSchema });

const keyInputSchema = z.strictObject({
  app: nameSchema,
  team: nameSchema,
  scopes: z
    .array(z.enum(['call', 'delegate', 'admin']))
    .min(1)
    .max(3)
    .default(['call']),
  user: userIdSchema.nullable().default(null),
  require_user: z.boolean().default(false),
});
type KeyInput = z.output<typeof keyInputSchema>;

const keySchema = z.strictObject({
  id: keyIdSchema,
  app: z.string(),
  team: z.string(),
  scopes: z.array(z.string()),
  user: z.string().nullable(),
  require_user: z.boolean(),
  created_at: z.string(),
});
const newKeySchema = keySchema.extend({ key: z.string() });

const idempotencyHeader = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'use 1 to 255 visible ASCII characters')
    .optional(),
});

const createKey = adminRoute({
  method: 'post',
  path: '/keys',
  request: { query: noQuery, headers: idempotencyHeader, body: jsonBody(keyInputSchema) },
  responses: {
    201: jsonAnswer(newKeySchema, 'The key; a repeat with the same Idempotency-Key answers the same'),
    422: unprocessable('The idempotency key created another key'),
  },
});

const getKey = adminRoute({
  method: 'get',
  path: '/keys/{id}',
  request: { params: keyParams, query: noQuery },
  responses: { 200: jsonAnswer(keySchema, 'What the key may do'), 404: notFound },
});

const listKeys = adminRoute({
  method: 'get',
  path: '/keys',
  request: { query: pageQuery },
  responses: { 200: jsonAnswer(pageOf(keySchema), 'Keys, without their secrets') },
});

const deleteKey = adminRoute({
  method: 'delete',
  path: '/keys/{id}',
  request: { params: keyParams, query: noQuery },
  responses: { 204: { description: 'Calls with the key are refused from now on' }, 404: notFound },
});

export function keyRoutes(deps: AdminDeps): OpenAPIHono {
  const { directory } = deps;
  const app = newApp();

  app.openapi(createKey, async (c) => {
    const input = c.req.valid('json');
    const idempotencyKey = c.req.valid('header')['idempotency-key'];
    const { key, stored } =
      idempotencyKey === undefined
        ? await createFresh(deps, input)
        : await createOnce(deps, input, idempotencyKey);
    return c.json({ ...keyToWire(stored), key }, 201);
  });

  app.openapi(getKey, async (c) => {
    const { id } = c.req.valid('param');
    const key = await directory.getKey(id);
    if (!key) throw noSuchKey(id);
    return c.json(keyToWire(key), 200);
  });

  app.openapi(listKeys, async (c) => {
    const page = await listPage((...at) => directory.listKeys(...at), c.req.valid('query'), keyToWire);
    return c.json(page, 200);
  });

  app.openapi(deleteKey, async (c) => {
    const { id } = c.req.valid('param');
    if (!(await directory.deleteKey(id))) throw noSuchKey(id);
    return c.body(null, 204);
  });
  return app;
}

const noSuchKey = (id: string): Problem => new Problem('not_found', `There is no key "${id}".`);

type Created = { key: string; stored: AppKey };

async function createFresh(deps: AdminDeps, input: KeyInput): Promise<Created> {
  for (;;) {
    const made = await makeKey(deps.keyEnvironment, deps.ids);
    const stored = storedKey(deps, input, made);
    if ((await deps.directory.createKey(stored)) === 'created') return { key: made.key, stored };
  }
}

const SALT_BITS = 256;

/**
 * A repeat must answer the same key, which is not stored: it is made again, from the idempotency key and a salt
 * that stands beside its hash. Whoever reads the table still has to guess the idempotency key.
 */
async function createOnce(deps: AdminDeps, input: KeyInput, idempotencyKey: string): Promise<Created> {
  const salt = deps.ids.randomBits(SALT_BITS).toString(16);
  const made = await keyOf(deps, idempotencyKey, salt);
  const stored = { ...storedKey(deps, input, made), salt };
  if ((await deps.directory.createKey(stored)) === 'created') return { key: made.key, stored };
  const known = await deps.directory.getKey(made.id);
  if (known?.salt === undefined || !isSameRequest(known, input)) {
    throw new Problem(
      'idempotency_mismatch',
      `This idempotency key created ${made.id}, with other members; use a new one for a new key.`,
    );
  }
  return { key: (await keyOf(deps, idempotencyKey, known.salt)).key, stored: known };
}

async function keyOf(deps: AdminDeps, idempotencyKey: string, salt: string): Promise<NewKey> {
  const [id, secret] = await Promise.all([
    sha256(`key id ${idempotencyKey}`),
    sha256(`key secret ${salt} ${idempotencyKey}`),
  ]);
  return keyFrom(deps.keyEnvironment, { id: BigInt(`0x${id}`), secret: BigInt(`0x${secret}`) });
}

const storedKey = (deps: AdminDeps, input: KeyInput, made: NewKey): AppKey => ({
  id: made.id,
  hash: made.hash,
  app: input.app,
  team: input.team,
  scopes: [...new Set(input.scopes)],
  user: input.user,
  requireUser: input.require_user,
  createdAt: deps.clock.now(),
});

const isSameRequest = (key: AppKey, input: KeyInput): boolean =>
  key.app === input.app &&
  key.team === input.team &&
  key.user === input.user &&
  key.requireUser === input.require_user &&
  key.scopes.join() === [...new Set(input.scopes)].join();

const keyToWire = ({ id, app, team, scopes, user, requireUser, createdAt }: AppKey) => ({
  id,
  app,
  team,
  scopes,
  user,
  require_user: requireUser,
  created_at: toRfc3339(createdAt),
});
