/** Models that cost more than their bound: list, and lift. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Quarantine } from '../core/directory/directory.ts';
import { toRfc3339 } from '../core/time.ts';
import { Problem } from './problems.ts';
import {
  adminRoute,
  jsonAnswer,
  listPage,
  newApp,
  noQuery,
  notFound,
  pageOf,
  pageQuery,
  type AdminDeps,
} from './routes.ts';

const quarantineSchema = z.strictObject({ model: z.string(), since: z.string(), reason: z.string() });

const listQuarantine = adminRoute({
  method: 'get',
  path: '/quarantine',
  request: { query: pageQuery },
  responses: { 200: jsonAnswer(pageOf(quarantineSchema), 'Models that are refused until somebody looked') },
});

/** Names of models hold slashes and colons; callers escape them. */
const liftQuarantine = adminRoute({
  method: 'delete',
  path: '/quarantine/{model}',
  request: { params: z.strictObject({ model: z.string().min(1).max(200) }), query: noQuery },
  responses: { 204: { description: 'Calls of the model are let through again' }, 404: notFound },
});

export function quarantineRoutes({ directory }: AdminDeps): OpenAPIHono {
  const app = newApp();

  app.openapi(listQuarantine, async (c) => {
    const page = await listPage((...at) => directory.listQuarantines(...at), c.req.valid('query'), toWire);
    return c.json(page, 200);
  });

  app.openapi(liftQuarantine, async (c) => {
    const { model } = c.req.valid('param');
    if (!(await directory.deleteQuarantine(model)))
      throw new Problem('not_found', `The model "${model}" is not in quarantine.`);
    return c.body(null, 204);
  });
  return app;
}

const toWire = ({ model, at, requestId }: Quarantine) => ({
  model,
  since: toRfc3339(at),
  reason: `request ${requestId} cost more than its hold`,
});
