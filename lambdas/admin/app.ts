/**
 * The admin API as a fetch-shaped app below `/admin/v1`. Who is an admin is the host's to say: a key locally,
 * IAM or OIDC when deployed.
 */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Approver } from '../core/grants/same-person.ts';
import { capRoutes } from './caps.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { grantRoutes } from './grants.ts';
import { feedRoutes } from './feed.ts';
import { keyRoutes } from './keys.ts';
import { ledgerRoutes } from './ledger.ts';
import { mailRoutes } from './mail.ts';
import { priceCorrectionRoutes } from './price-corrections.ts';
import { priceOverrideRoutes } from './price-overrides.ts';
import { priceRoutes } from './prices.ts';
import { onError, Problem, renderProblem } from './problems.ts';
import { quarantineRoutes } from './quarantine.ts';
import { reconciliationRoutes, type ReconciledBill } from './reconciliations.ts';
import { reportRoutes } from './reports.ts';
import { newApp, type AdminDeps } from './routes.ts';
import { webhookRoutes } from './webhooks.ts';
import { userRoutes } from './users.ts';

export interface AdminHost {
  /** Who asks; undefined for nobody who may. Throws TableUnavailable. */
  adminOf(headers: Headers): Promise<Approver | undefined>;
  /** Told what is our own fault. */
  report(reason: string): void;
  /** Told of each bill that was compared. */
  reconciled(bill: ReconciledBill): void;
}

const BODY_BYTES_MAX = 256 * 1024;

export function createAdminApp(deps: AdminDeps, host: AdminHost): OpenAPIHono {
  const app = newApp().basePath('/admin/v1') as OpenAPIHono;
  app.onError(onError((reason) => host.report(reason)));
  app.notFound((c) => renderProblem('not_found', `Nothing is at ${c.req.method} ${c.req.path}.`));

  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'Spendcap admin API', version: '1' },
    servers: [{ url: '/' }],
  });
  app.use(async (c, next) => {
    if (!(await host.adminOf(c.req.raw.headers)))
      throw new Problem('unauthorized', 'Send the admin key as "Authorization: Bearer …".');
    if (Number(c.req.header('content-length') ?? 0) > BODY_BYTES_MAX)
      throw new Problem('invalid_request', `body: larger than ${BODY_BYTES_MAX} bytes`);
    await next();
  });
  for (const routesOf of [
    capRoutes,
    keyRoutes,
    userRoutes,
    ledgerRoutes,
    quarantineRoutes,
    priceRoutes,
    priceOverrideRoutes,
    priceCorrectionRoutes,
    reportRoutes,
    feedRoutes,
    deadLetterRoutes,
  ]) {
    app.route('/', routesOf(deps));
  }
  app.route(
    '/',
    grantRoutes(deps, (headers) => host.adminOf(headers)),
  );
  app.route(
    '/',
    mailRoutes(deps, (headers) => host.adminOf(headers)),
  );
  app.route(
    '/',
    webhookRoutes(deps, (headers) => host.adminOf(headers)),
  );
  app.route(
    '/',
    reconciliationRoutes(deps, (bill) => host.reconciled(bill)),
  );
  return app;
}
