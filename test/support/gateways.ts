/** A whole gateway in memory: the app that every host serves, with reviewed prices and a scripted provider. */
import { makeKey } from '../../lambdas/core/directory/app-keys.ts';
import { capFromInput, type CapInput } from '../../lambdas/core/caps/cap-definition.ts';
import { Directory, type AppKey } from '../../lambdas/core/directory/directory.ts';
import type { Gateway, OperatorEvent } from '../../lambdas/core/gateway.ts';
import { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import { heldByAccount, leafKey, type Principal } from '../../lambdas/core/ledger/leaf.ts';
import { formatUsd } from '../../lambdas/core/money.ts';
import { picoUsd } from '../../lambdas/core/brands.ts';
import type { Receipt } from '../../lambdas/core/receipts/receipt-document.ts';
import { parsePolicy, type PolicyInput } from '../../lambdas/core/policy/policy.ts';
import type { Clock } from '../../lambdas/core/ports.ts';
import { AesSealer } from '../../lambdas/adapters/sealing/aes-sealer.ts';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { StoredAnswers } from '../../lambdas/core/replay/stored-answers.ts';
import { createProxyApp } from '../../lambdas/proxy/app.ts';
import { openGateway as gatewayOf } from '../../lambdas/proxy/open-gateway.ts';
import { faultyApi } from '../contract/faulty-api.ts';
import { ScriptedUpstream } from './scripted-upstream.ts';
import { SteppedClock } from './stepped-clock.ts';
import { openPrices } from '../../lambdas/runtime/stored-prices.ts';
import { SeededIds } from './worlds.ts';

export interface GatewayOptions {
  /** Caps by id, as the API takes them. Default: alice has $1.00 for life. */
  caps?: Record<string, CapInput>;
  policy?: PolicyInput;
  key?: Partial<Pick<AppKey, 'scopes' | 'user' | 'requireUser'>>;
  /** What stands between the adapter and the engine. */
  api?: (engine: DynamoDbApi) => DynamoDbApi;
}

export const userCap = (limit: string, more: Partial<CapInput> = {}): CapInput => ({
  scope: { type: 'user', id: 'alice' },
  metric: 'usd',
  window: 'lifetime',
  limit,
  ...more,
});

/** A charge as `/v1/requests/{id}` and `error.charge` show it. */
export interface ChargeView extends Record<string, unknown> {
  outcome: string;
  cost_usd: string;
  reserved_usd: string;
}
export interface RequestView {
  id: string;
  status: 'charged' | 'in_flight';
  hold: Record<string, unknown> | null;
  charge: ChargeView | null;
  receipt: Receipt | null;
}

export type TestGateway = Awaited<ReturnType<typeof openGateway>>;

export async function openGateway(options: GatewayOptions = {}) {
  const clock = new SteppedClock();
  // The table and the ledger wait only between attempts, which no test here is about.
  const hasty: Clock = {
    now: () => clock.now(),
    sleep: () => Promise.resolve(),
    timer: () => ({ ended: Promise.resolve(), stop: () => undefined }),
  };
  const ids = new SeededIds();
  let isTableDown = false;
  const engine = openMemoryEngine({ clock });
  const api = faultyApi(options.api?.(engine) ?? engine, {
    next: () => (isTableDown ? 'request_lost' : 'none'),
  });
  const table = new DynamoDbTable({ api, tableName: 'spendcap-test', clock: hasty, ids });
  const ledger = new Ledger({ table, clock: hasty, ids });
  const directory = new Directory({ table, clock });
  const prices = openPrices({ table, clock });
  for (const [id, input] of Object.entries(options.caps ?? { 'alice-life': userCap('1.00') })) {
    const cap = capFromInput(id, input);
    if ('message' in cap) throw new Error(cap.message);
    await directory.putCap(cap, 'admin');
  }
  const newKey = async (more: Partial<AppKey> = {}): Promise<string> => {
    const { id, key, hash } = await makeKey('test', ids);
    await directory.createKey({
      id,
      hash,
      app: 'web',
      team: 'growth',
      scopes: ['call', 'delegate'],
      user: 'alice',
      requireUser: true,
      createdAt: clock.now(),
      ...more,
    });
    return key;
  };
  const key = await newKey(options.key);

  const upstream = new ScriptedUpstream();
  const events: OperatorEvent[] = [];
  // Most tests are about what is said at once; those about waiting ask for it.
  const policy = parsePolicy({ heldWaitMs: 0, ...options.policy });
  let answerKey: string | undefined = 'a secret of more than 32 characters';
  const secret = async (): Promise<string> => {
    if (answerKey === undefined) throw new Error('the secret cannot be read');
    return answerKey;
  };
  const answers = new StoredAnswers({ table, clock, policy, sealer: new AesSealer({ secret }) });
  const report = (event: OperatorEvent): void => void events.push(event);
  const gateway: Gateway = {
    ...gatewayOf({ table, ledger, directory, prices, upstream, answers, clock, ids, policy, report }),
    requestUrl: 'https://spend.example/me',
  };
  const completions: Promise<void>[] = [];
  const app = createProxyApp(gateway, { onCompletion: (completion) => completions.push(completion) });

  const request = async (
    method: string,
    path: string,
    body: string | FormData | Uint8Array<ArrayBuffer> | undefined,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Response> =>
    app.request(path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...(body === undefined ? {} : { body }),
      ...(signal && { signal }),
    });
  const view = async (requestId: string): Promise<RequestView> => {
    const response = await request('GET', `/v1/requests/${requestId}`, undefined);
    return (await response.json()) as RequestView;
  };

  return {
    gateway,
    prices,
    clock,
    upstream,
    /** What operators were told. */
    events,
    key,
    newKey,
    table,
    ledger,
    request,
    call: (path: string, body: string, headers?: Record<string, string>, signal?: AbortSignal) =>
      request('POST', path, body, { 'content-type': 'application/json', ...headers }, signal),
    get: (path: string, headers?: Record<string, string>) => request('GET', path, undefined, headers),
    /** The directory as another process has it. */
    elsewhere: () => new Directory({ table, clock }),
    /** Waits for every call so far to be settled. */
    settled: async (): Promise<void> => {
      await Promise.all(completions);
    },
    view,
    viewOf: (response: Response) => view(response.headers.get('x-spendcap-request-id')!),
    /** From now on every request to the table is lost, or none is. */
    setTableDown: (isDown: boolean): void => {
      isTableDown = isDown;
    },
    /** What answers are sealed with from now on; undefined cannot be read. */
    setAnswerKey: (text: string | undefined): void => {
      answerKey = text;
    },
    /** The account of a cap in dollars: limit, free, settled, held; its books balance, or this throws. */
    account: async (cap = 'alice-life', principal: Principal = { type: 'user', id: 'alice' }) => {
      const leaf = await ledger.leaves.read(leafKey(principal));
      const account = leaf?.a[cap];
      if (!account) return undefined;
      const held = heldByAccount(leaf)[cap] ?? 0n;
      if (account.l !== account.f + account.s + held) throw new Error('the books do not balance');
      const [free, settled] = [formatUsd(picoUsd(account.f)), formatUsd(picoUsd(account.s))];
      return { free, settled, held: formatUsd(picoUsd(held)), holds: Object.keys(leaf.h).length };
    },
  };
}
