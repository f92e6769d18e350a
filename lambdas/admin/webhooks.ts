/** Webhooks, for whoever sets them up. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Approver } from '../core/grants/same-person.ts';
import { Problem } from './problems.ts';
import { adminRoute, jsonAnswer, newApp, noQuery, notFound, type AdminDeps } from './routes.ts';

const postTest = adminRoute({
  method: 'post',
  path: '/webhooks/{id}/test',
  request: { params: z.strictObject({ id: z.string().min(1).max(200) }), query: noQuery },
  responses: {
    200: jsonAnswer(
      z.strictObject({
        /** True where it answered 2xx. */
        delivered: z.boolean(),
        /** Null where no answer came. */
        status: z.int().nullable(),
        ms: z.int(),
        /** Why no answer came. */
        reason: z.string().nullable(),
        /** `webhook-id` of the message. */
        webhook_id: z.string(),
      }),
      'A signed test was posted once, and this came of it',
    ),
    404: notFound,
  },
});

const ID_BITS = 128;

export function webhookRoutes(
  { testWebhook, ids }: AdminDeps,
  adminOf: (headers: Headers) => Promise<Approver | undefined>,
): OpenAPIHono {
  const app = newApp();

  app.openapi(postTest, async (c) => {
    const { id } = c.req.valid('param');
    const by = (await adminOf(c.req.raw.headers))!.name;
    const webhook_id = `test_${ids.randomBits(ID_BITS).toString(36)}`;
    const outcome = await testWebhook(id, { id: webhook_id, by });
    if (outcome.kind === 'no_webhook') {
      const known = outcome.known.length === 0 ? 'none' : outcome.known.join(', ');
      throw new Problem('not_found', `The policy file has no webhook "${id}"; it has: ${known}.`);
    }
    const { delivered, status, ms, reason } = outcome;
    return c.json({ delivered, status, ms, reason, webhook_id }, 200);
  });
  return app;
}
