/** The gateway as Lambda runs it, over books in memory and a real simulated provider on loopback. */
import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import { RENDERERS } from '../../lambdas/adapters/providers/endpoints.ts';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { HttpUpstream } from '../../lambdas/adapters/upstream/http-upstream.ts';
import { ReachedCaps } from '../../lambdas/core/admission/reached-caps.ts';
import { WaitingLine } from '../../lambdas/core/admission/waiting-line.ts';
import { durationMs } from '../../lambdas/core/brands.ts';
import { capFromInput } from '../../lambdas/core/caps/cap-definition.ts';
import { makeKey } from '../../lambdas/core/directory/app-keys.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import { GrantRequests } from '../../lambdas/core/grants/grant-requests.ts';
import type { Gateway, OperatorEvent, Timing } from '../../lambdas/core/gateway.ts';
import { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { systemClock as clock } from '../../lambdas/runtime/clock.ts';
import { systemIds as ids } from '../../lambdas/runtime/ids.ts';
import { startSimulatedProvider } from '../../local/simulated-provider/server.ts';
import { reviewedPrices } from '../../prices/reviewed.ts';
import { userCap } from '../support/gateways.ts';
import { ResponseWire } from '../support/awslambda-shim.ts';

export type LambdaWorld = Awaited<ReturnType<typeof openLambdaWorld>>;

export async function openLambdaWorld(timing: Partial<Timing> = {}) {
  const provider = await startSimulatedProvider({});
  const table = new DynamoDbTable({ api: openMemoryEngine({ clock }), tableName: 'spendcap', clock, ids });
  const directory = new Directory({ table, clock });
  const ledger = new Ledger({ table, clock, ids });
  const cap = capFromInput('alice-life', userCap('5.00'));
  if ('message' in cap) throw new Error(cap.message);
  await directory.putCap(cap, 'admin');
  const { id, key, hash } = await makeKey('test', ids);
  const createdAt = clock.now();
  await directory.createKey({
    ...{ id, hash, createdAt, app: 'web', team: 'growth', scopes: ['call', 'delegate'] },
    ...{ user: 'alice', requireUser: true },
  });
  const policy = parsePolicy({ heldWaitMs: 0 });
  const upstream = new HttpUpstream({
    openai: { origin: provider.url, apiKey: 'provider-key' },
    anthropic: { origin: provider.url, apiKey: 'provider-key' },
    bedrock: { origin: provider.url, apiKey: 'provider-key' },
  });
  const events: OperatorEvent[] = [];
  const gateway: Gateway = {
    ...{ ledger, directory, upstream, clock, ids, policy, verifier: undefined, answers: undefined },
    line: new WaitingLine({ clock, patience: durationMs(0) }),
    reached: new ReachedCaps({ table }),
    prices: { current: async () => reviewedPrices() },
    grants: new GrantRequests({ table, ledger, directory, clock, ids, policy }),
    renderers: RENDERERS,
    abilitiesOf: () => undefined,
    timing: { streamKeepAlive: durationMs(15_000), plainKeepAlive: durationMs(60_000), ...timing },
    requestUrl: '',
    openTier: [],
    report: (event) => events.push(event),
  };
  return {
    gateway,
    provider,
    key,
    events,
    books: { table, ledger, directory, clock, ids },
    close: async () => {
      await upstream.close();
      await provider.close();
    },
  };
}

export interface EventParts {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  query?: Record<string, string[]>;
  body?: string | undefined;
  isBase64Encoded?: boolean;
  userArn?: string;
  /** Where API Gateway saw the call. */
  at?: { domainName: string; path: string };
}

/** An event of the REST proxy integration, with the members that we read and some that we do not. */
export function restEvent({ method = 'POST', path, headers = {}, query, ...more }: EventParts) {
  const many = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  const event = {
    resource: '/{proxy+}',
    path,
    httpMethod: method,
    headers,
    multiValueHeaders: many,
    queryStringParameters: null,
    multiValueQueryStringParameters: query ?? null,
    pathParameters: null,
    stageVariables: null,
    requestContext: {
      ...{ requestId: 'gateway-1', identity: { userArn: more.userArn ?? null, caller: null }, ...more.at },
    },
    body: more.body ?? null,
    isBase64Encoded: more.isBase64Encoded ?? false,
  };
  return event as unknown as APIGatewayProxyEvent;
}

export function contextOf(remainingMs = 900_000): Context {
  const endsAt = Date.now() + remainingMs;
  const context = {
    awsRequestId: 'lambda-1',
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => endsAt - Date.now(),
  };
  return context as unknown as Context;
}

type StreamingHandler = (event: unknown, stream: object, context: Context) => Promise<void>;

/** Invokes as Lambda's runtime does: the invocation is over when `ended` is. */
export function invoke(handler: unknown, event: unknown, context = contextOf()) {
  const wire = new ResponseWire();
  const ended = wire.ends((handler as StreamingHandler)(event, wire.stream(), context));
  return { wire, ended };
}
