/**
 * The local Spendcap: the same gateway, ledger and admin API as on AWS, over a table in memory or on disk, with
 * a simulated provider where no real one is named. What it leaves out: IAM (a key opens the admin API instead),
 * several processes over one table, and sending mail.
 */
import { mkdirSync } from 'node:fs';
import { APPROVE_PATH } from '../lambdas/approve/app.ts';
import { createAdminApp } from '../lambdas/admin/app.ts';
import { DynamoDbTable } from '../lambdas/adapters/table/dynamodb-table.ts';
import type { DynamoDbApi } from '../lambdas/adapters/table/dynamodb-api.ts';
import { openMemoryEngine } from '../lambdas/adapters/table/local/memory-store.ts';
import { DirectoryInUse } from '../lambdas/adapters/table/local/single-opener.ts';
import { openSqliteEngine } from '../lambdas/adapters/table/local/sqlite-engine.ts';
import { HttpUpstream, type UpstreamTargets } from '../lambdas/adapters/upstream/http-upstream.ts';
import type { DurationMs } from '../lambdas/core/brands.ts';
import { applyPolicy, type AppliedPolicy } from '../lambdas/core/policy/apply-policy.ts';
import { Directory } from '../lambdas/core/directory/directory.ts';
import type { OperatorEvent, Timing } from '../lambdas/core/gateway.ts';
import { AccountCaps } from '../lambdas/core/escalation/account-caps.ts';
import { Ledger } from '../lambdas/core/ledger/ledger.ts';
import { DigestDesk } from '../lambdas/core/finance/digest-desk.ts';
import { FinanceDesk } from '../lambdas/core/finance/finance-desk.ts';
import { ladderOf, type Policy } from '../lambdas/core/policy/policy.ts';
import type { FinanceMail } from '../lambdas/core/ports.ts';
import { Periods } from '../lambdas/core/rollups/periods.ts';
import { fetchDocument } from '../lambdas/adapters/price-feeds/document.ts';
import type { Feed } from '../lambdas/adapters/price-feeds/families.ts';
import { toRfc3339 } from '../lambdas/core/time.ts';
import { PriceOffice } from '../lambdas/price-refresh/price-office.ts';
import { openPrices } from '../lambdas/runtime/stored-prices.ts';
import { createProxyApp } from '../lambdas/proxy/app.ts';
import { openGateway } from '../lambdas/proxy/open-gateway.ts';
import { reviewedCards } from '../prices/reviewed.ts';
import { adminAccess } from './admin-access.ts';
import { systemClock as clock } from '../lambdas/runtime/clock.ts';
import { createApprovals } from './approvals.ts';
import { localDeadLetters } from './dead-letters.ts';
import { startChangeFeed } from './change-feed.ts';
import { startCollector } from './collector.ts';
import { seedDemoOrg } from './demo-org.ts';
import type { LocalSettings } from './environment.ts';
import { startFinanceDesk } from './finance-desk.ts';
import { startHttpHost } from './http-host.ts';
import { systemIds as ids } from '../lambdas/runtime/ids.ts';
import { AccountChanges } from './account-changes.ts';
import { ChargeChanges } from './charge-changes.ts';
import { createOutboxApp, Outbox } from './outbox.ts';
import { startExpirySweeper } from './expiry.ts';
import { openStoredAnswers } from './stored-answers.ts';
import { startPriceRefresh } from './price-refresh.ts';
import { startRollUp } from './roll-up.ts';
import { startSimulatedProvider, type SimulatedProvider } from './simulated-provider/server.ts';
import { startWebhooks } from './webhooks.ts';

export interface LocalServerOptions extends Pick<
  LocalSettings,
  'host' | 'port' | 'dataDirectory' | 'adminKey' | 'upstreams'
> {
  policy: Policy;
  /** Without them prices are those of the release, and what people set. */
  priceFeeds?: readonly Feed[];
  /** By subscription; one without is not posted to. */
  webhookSecrets?: LocalSettings['webhookSecrets'];
  report: (event: OperatorEvent | LocalEvent) => void;
  timing?: Partial<Timing>;
  /** Between two rounds of the roll-up; a minute if left out. */
  rollUpEvery?: DurationMs;
}

/** What the functions of AWS say in logs of their own; `answer_cut`: a body broke after its status was sent. */
export interface LocalEvent {
  kind:
    | 'collector'
    | 'admin'
    | 'escalation'
    | 'finance_mail'
    | 'approvals'
    | 'roll_up'
    | 'prices'
    | 'webhooks'
    | 'expiry'
    | 'answer_cut';
  reason: string;
}

export interface LocalServer {
  url: string;
  adminKey: string;
  demoKey: string;
  applied: AppliedPolicy;
  /** Undefined where every provider is a real one. */
  provider: SimulatedProvider | undefined;
  /** Takes no further call, lets those in flight end and settle, then closes the books. */
  close(): Promise<void>;
}

/** Where no policy names one: local mode sends no mail, and the outbox should show how one looks. */
const FINANCE_EMAIL = 'finance@localhost';
const ADMIN_KEY_BITS = 192;
const SIMULATED = ['openai', 'azure', 'anthropic', 'bedrock'] as const;

export async function startLocalServer(options: LocalServerOptions): Promise<LocalServer> {
  const { policy, report } = options;
  const books = openBooks(options.dataDirectory);
  const changes = new AccountChanges();
  const charges = new ChargeChanges();
  const api = charges.watch(changes.watch(books.api));
  const table = new DynamoDbTable({ api, tableName: 'spendcap', clock, ids });
  const ledger = new Ledger({ table, clock, ids });
  const directory = new Directory({ table, clock });
  const prices = openPrices({ table, clock });
  const applied = await applyPolicy(directory, policy);
  const demo = await seedDemoOrg({ directory, clock, ids }, options.dataDirectory);
  const adminKey = options.adminKey ?? `adm_${ids.randomBits(ADMIN_KEY_BITS).toString(36)}`;
  const { provider, upstreams } = await providersOf(options.upstreams);
  const upstream = new HttpUpstream(upstreams);
  const answers = openStoredAnswers({ table, clock, ids, policy }, options.dataDirectory);

  const host = { table, ledger, directory, prices, upstream, answers, clock, ids, policy, report };
  const gateway = openGateway(host, options.timing);
  const inFlight = new Set<Promise<void>>();
  const proxy = createProxyApp(gateway, {
    onCompletion: (completion) => {
      const tracked = completion.finally(() => inFlight.delete(tracked));
      inFlight.add(tracked);
    },
  });
  const outbox = new Outbox(table);
  const financeEmail = policy.org.financeEmail ?? FINANCE_EMAIL;
  const mail: FinanceMail = {
    send: ({ id, ...news }) => outbox.put(id, { ...news, to: financeEmail, at: toRfc3339(clock.now()) }),
  };
  const approvals = createApprovals({
    ...{ table, ledger, directory, clock, ids, mail, financeEmail, org: policy.org.name },
    dataDirectory: options.dataDirectory,
    url: () => http.url,
    report: (reason) => report({ kind: 'approvals', reason }),
  });
  const { timeZone } = policy.org;
  const webhooks = startWebhooks({
    ...{ webhooks: policy.webhooks, table, clock },
    secrets: options.webhookSecrets ?? new Map<string, readonly string[]>(),
    report: (reason) => report({ kind: 'webhooks', reason }),
  });
  const closing = new AbortController();
  const office = new PriceOffice({
    ...{ table, clock, ids, prices, reviewed: reviewedCards, feeds: options.priceFeeds ?? [] },
    fetch: (url, known) => fetchDocument(url, known, { signal: closing.signal }),
    tell: async (detail) => webhooks.publish({ type: 'PricesChanged', detail }),
    mail,
  });
  const admin = createAdminApp(
    {
      directory,
      ledger,
      table,
      clock,
      ids,
      office,
      mail,
      grants: approvals.grants,
      deadLetters: localDeadLetters(webhooks.givenUp),
      testWebhook: webhooks.test,
      ladders: Object.keys(policy.ladders),
      keyEnvironment: 'local',
      org: { ...policy.org, financeEmail },
    },
    {
      adminOf: adminAccess(directory, adminKey),
      report: (reason) => report({ kind: 'admin', reason }),
      // Whoever asked is told, and the mail is in the outbox.
      reconciled: () => undefined,
    },
  );
  const http = await startHttpHost({
    host: options.host,
    port: options.port,
    fetch: byPath(
      { '/admin/v1': admin, '/outbox': createOutboxApp(outbox), [APPROVE_PATH]: approvals.page },
      proxy,
    ),
    report: (reason) => report({ kind: 'answer_cut', reason }),
  });
  gateway.requestUrl ||= `${http.url}/v1/grants`;
  const caps = new AccountCaps({ directory, clock });
  const collector = startCollector({
    table,
    ledger,
    clock,
    ids,
    capOf: (account) => caps.of(account),
    report: (reason) => report({ kind: 'collector', reason }),
  });
  const sweeper = startExpirySweeper({
    ...{ table, clock },
    report: (reason) => report({ kind: 'expiry', reason }),
  });
  const reader = { table, clock, periods: new Periods({ table, clock, ids }), zone: timeZone };
  const desk = new FinanceDesk({
    ...{ reader, mail, moreUrl: policy.org.reportUrl },
    report: (reason) => report({ kind: 'finance_mail', reason }),
  });
  const digests = new DigestDesk({
    ...{ reader, notes: desk.notes, mail, org: policy.org.name },
    ...{ moreUrl: policy.org.reportUrl, kinds: policy.org.digests },
  });
  const mailRounds = startFinanceDesk({
    ...{ desk, digests, zone: timeZone, clock },
    report: (reason) => report({ kind: 'finance_mail', reason }),
  });
  const changeFeed = startChangeFeed({
    changes,
    table,
    ledger,
    directory,
    ladderOf: (name) => ladderOf(policy, name),
    clock,
    desk,
    digests,
    asked: (event) => approvals.asked(event),
    published: (event) => webhooks.publish(event),
    report: (reason) => report({ kind: 'escalation', reason }),
  });

  approvals.start();
  const rollUp = startRollUp({
    ...{ changes: charges, reader, policy, mail, every: options.rollUpEvery },
    published: (event) => webhooks.publish(event),
    report: (reason) => report({ kind: 'roll_up', reason }),
  });

  const priceRefresh = startPriceRefresh({
    ...{ office, clock, everyMinutes: policy.priceRefreshMinutes },
    report: (reason) => report({ kind: 'prices', reason }),
  });

  return {
    url: http.url,
    adminKey,
    demoKey: demo.key,
    applied,
    provider,
    close: async () => {
      await http.stop();
      await Promise.all(inFlight);
      closing.abort();
      await priceRefresh.stop();
      await collector.stop();
      await sweeper.stop();
      await changeFeed.stop();
      await mailRounds.stop();
      await approvals.stop();
      await rollUp.stop();
      await webhooks.stop();
      await upstream.close();
      await provider?.close();
      books.close();
    },
  };
}

/** The data directory cannot hold the books, or holds something else; the message says which and why. */
export class CannotOpenBooks extends Error {
  override name = 'CannotOpenBooks';
}

function openBooks(directory: string | undefined): { api: DynamoDbApi; close(): void } {
  if (directory === undefined) return { api: openMemoryEngine({ clock }), close: () => undefined };
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const engine = openSqliteEngine({ directory, clock });
    return { api: engine, close: () => engine.close() };
  } catch (error) {
    if (error instanceof DirectoryInUse) throw error;
    const message = `SPENDCAP_DATA_DIR is "${directory}": the books cannot be opened there (${(error as Error).message}).`;
    throw new CannotOpenBooks(message, { cause: error });
  }
}

/** Providers without an address of their own are simulated. */
async function providersOf(
  real: UpstreamTargets,
): Promise<{ provider: SimulatedProvider | undefined; upstreams: UpstreamTargets }> {
  const missing = SIMULATED.filter((name) => real[name] === undefined);
  if (missing.length === 0) return { provider: undefined, upstreams: real };
  const provider = await startSimulatedProvider({});
  const simulated = Object.fromEntries(
    missing.map((name) => [name, { origin: provider.url, apiKey: undefined }]),
  );
  return { provider, upstreams: { ...simulated, ...real } };
}

interface FetchApp {
  fetch(request: Request): Response | Promise<Response>;
}

/** The app whose path is the longest to match; all other paths are the gateway's. */
function byPath(apps: Record<string, FetchApp>, otherwise: FetchApp): FetchApp['fetch'] {
  const entries = Object.entries(apps);
  return (request) => {
    const { pathname } = new URL(request.url);
    const found = entries.find(([path]) => pathname === path || pathname.startsWith(`${path}/`));
    return (found?.[1] ?? otherwise).fetch(request);
  };
}
