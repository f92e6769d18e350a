/** Users and their teams: PUT, GET, list, DELETE. A user without an entry belongs to the team of the key. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { nameSchema, userIdSchema } from '../core/caps/cap-definition.ts';
import type { User } from '../core/directory/users.ts';
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
  type AdminDeps,
} from './routes.ts';

const userParams = z.strictObject({ id: userIdSchema });
const userInputSchema = z.strictObject({ team: nameSchema });
const userSchema = z.strictObject({ id: z.string(), team: z.string() });

const putUser = adminRoute({
  method: 'put',
  path: '/users/{id}',
  request: { params: userParams, query: noQuery, body: jsonBody(userInputSchema) },
  responses: {
    200: jsonAnswer(userSchema, 'The user as it stands now; calls in flight settle under the team before'),
    201: jsonAnswer(userSchema, 'The user was not known before'),
  },
});

const getUser = adminRoute({
  method: 'get',
  path: '/users/{id}',
  request: { params: userParams, query: noQuery },
  responses: { 200: jsonAnswer(userSchema, 'The user and their team'), 404: notFound },
});

const listUsers = adminRoute({
  method: 'get',
  path: '/users',
  request: { query: pageQuery },
  responses: { 200: jsonAnswer(pageOf(userSchema), 'Users in order of id') },
});

const deleteUser = adminRoute({
  method: 'delete',
  path: '/users/{id}',
  request: { params: userParams, query: noQuery },
  responses: {
    204: { description: 'The user has no team of their own; their caps and their spend stay' },
    404: notFound,
  },
});

export function userRoutes({ directory: { users } }: AdminDeps): OpenAPIHono {
  const app = newApp();

  app.openapi(putUser, async (c) => {
    const { id } = c.req.valid('param');
    const user: User = { id, ...c.req.valid('json'), source: 'admin' };
    const put = await users.put(user);
    return c.json(toWire(user), put === 'created' ? 201 : 200);
  });

  app.openapi(getUser, async (c) => {
    const { id } = c.req.valid('param');
    const user = await users.get(id);
    if (!user) throw noSuchUser(id);
    return c.json(toWire(user), 200);
  });

  app.openapi(listUsers, async (c) => {
    const page = await listPage((...at) => users.list(...at), c.req.valid('query'), toWire);
    return c.json(page, 200);
  });

  app.openapi(deleteUser, async (c) => {
    const { id } = c.req.valid('param');
    if (!(await users.delete(id))) throw noSuchUser(id);
    return c.body(null, 204);
  });
  return app;
}

const noSuchUser = (id: string): Problem =>
  new Problem(
    'not_found',
    `No team is known for the user "${id}": their calls count for the team of the key.`,
  );

const toWire = ({ id, team }: User) => ({ id, team });
