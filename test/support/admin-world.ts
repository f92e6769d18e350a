/** The admin API over the engine in memory, with the key `admin-key`. */
import type { Feed } from '../../lambdas/adapters/price-feeds/families.ts';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { createAdminApp } from '../../lambdas/admin/app.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import type { AdminDeps } from '../../lambdas/admin/routes.ts';
import { noDeadLetters } from './no-dead-letters.ts';
import { adminAccess } from '../../local/admin-access.ts';
import { testDesk } from './grant-desk.ts';
import { noWebhooks } from './no-webhooks.ts';
import { testOffice } from './price-office.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { ManualClock, SeededIds } from './worlds.ts';

export type Json = Record<string, unknown>;

export function adminWorld(feeds: readonly Feed[] = [], more: Partial<AdminDeps> = {}) {
  const clock = new ManualClock();
  const ids = new SeededIds();
  const table = new DynamoDbTable({ api: openMemoryEngine({ clock }), tableName: 't', clock, ids });
  const ledger = new Ledger({ table, clock, ids });
  const directory = new Directory({ table, clock });
  const { grants } = testDesk({ table, ledger, directory, clock });
  const { office, mail, mails } = testOffice({ table, clock, ids, feeds });
  const reported: string[] = [];
  const app = createAdminApp(
    {
      directory,
      ledger,
      table,
      clock,
      ids,
      office,
      grants,
      mail,
      deadLetters: noDeadLetters,
      testWebhook: noWebhooks,
      ladders: ['default'],
      keyEnvironment: 'test',
      org: parsePolicy({}).org,
      ...more,
    },
    {
      adminOf: adminAccess(directory, 'admin-key'),
      report: (reason) => void reported.push(reason),
      reconciled: () => undefined,
    },
  );
  const send = async (
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ) => {
    const response = await app.request(`/admin/v1${path}`, {
      method,
      headers: { authorization: 'Bearer admin-key', 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: (text === '' ? {} : JSON.parse(text)) as Json,
    };
  };
  return { clock, ids, table, ledger, directory, reported, app, office, mail, mails, send };
}
