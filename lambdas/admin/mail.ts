/** Mail to finance, for whoever sets it up. */
import { z, type OpenAPIHono } from '@hono/zod-openapi';
import { testMail } from '../core/finance/test-mail.ts';
import type { Approver } from '../core/grants/same-person.ts';
import { Problem } from './problems.ts';
import { adminRoute, conflict, jsonAnswer, newApp, noQuery, type AdminDeps } from './routes.ts';

const postTest = adminRoute({
  method: 'post',
  path: '/mail/test',
  request: { query: noQuery },
  responses: {
    202: jsonAnswer(
      z.strictObject({
        /** Of the policy file; null where it names nobody: then whoever subscribed to the topic gets it. */
        to: z.string().nullable(),
        subject: z.string(),
        text: z.string(),
      }),
      'It is on its way to finance',
    ),
    502: conflict('The mail was not taken'),
  },
});

const ID_BITS = 128;

export function mailRoutes(
  { mail, clock, ids, org }: AdminDeps,
  adminOf: (headers: Headers) => Promise<Approver | undefined>,
): OpenAPIHono {
  const app = newApp();

  app.openapi(postTest, async (c) => {
    const by = (await adminOf(c.req.raw.headers))!.name;
    const id = `test_${ids.randomBits(ID_BITS).toString(36)}`;
    const { subject, text, ...rest } = testMail({ id, at: clock.now(), by, org: org.name });
    try {
      await mail.send({ ...rest, subject, text });
    } catch (error) {
      throw new Problem('mail_not_taken', `Whoever sends the mails said: ${String(error)}`);
    }
    return c.json({ to: org.financeEmail ?? null, subject, text }, 202);
  });
  return app;
}
