/**
 * A DynamoDbApi on which things go wrong: by a schedule, requests are lost before they arrive, answers are lost after
 * the request was carried out, or the table throttles or reports a conflict. What each fault looks like to the caller
 * is what the AWS SDK throws.
 */
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';

export type Fault =
  | 'none'
  /** Never arrives. */
  | 'request_lost'
  /** Is carried out, and the answer is lost. */
  | 'answer_lost'
  /** Is carried out only after the next `delayedCalls` calls of this api; the caller has given up by then. */
  | 'late'
  /** Answered with status 500, and not carried out. */
  | 'server_error'
  | 'throttled'
  | 'conflict';

export interface FaultyApi extends DynamoDbApi {
  /** Carries out what is still under way. */
  drain(): Promise<void>;
  /** How many calls met each fault. */
  readonly met: Readonly<Record<Fault, number>>;
}

type Operation = keyof DynamoDbApi;
const WRITES: ReadonlySet<Operation> = new Set<Operation>([
  'updateItem',
  'putItem',
  'deleteItem',
  'transactWriteItems',
]);

export interface Faults {
  /** The fault that this call meets; called once a call, in order. */
  next: (operation: Operation) => Fault;
  /** Calls by which a late request is overtaken. */
  delayedCalls?: () => number;
}

export function faultyApi(api: DynamoDbApi, { next, delayedCalls = () => 1 }: Faults): FaultyApi {
  const met: Record<Fault, number> = {
    none: 0,
    request_lost: 0,
    answer_lost: 0,
    late: 0,
    server_error: 0,
    throttled: 0,
    conflict: 0,
  };
  let underway: { callsLeft: number; carryOut: () => Promise<unknown> }[] = [];
  const deliver = async (isDue: (callsLeft: number) => boolean): Promise<void> => {
    const due = underway.filter(({ callsLeft }) => isDue(callsLeft));
    underway = underway.filter(({ callsLeft }) => !isDue(callsLeft));
    for (const { carryOut } of due) await carryOut().catch(() => undefined);
  };
  const call = async <Input, Output>(
    operation: Operation,
    input: Input,
    send: (input: Input) => Promise<Output>,
  ): Promise<Output> => {
    for (const request of underway) request.callsLeft -= 1;
    await deliver((callsLeft) => callsLeft <= 0);
    const drawn = next(operation);
    // Reads meet no conflicts, and carrying one out late changes nothing.
    const fault = WRITES.has(operation) || !['conflict', 'late'].includes(drawn) ? drawn : 'request_lost';
    met[fault] += 1;
    switch (fault) {
      case 'none':
        return send(input);
      case 'request_lost':
        throw timeout();
      case 'answer_lost':
        await send(input).catch(() => undefined);
        throw timeout();
      case 'late':
        underway.push({ callsLeft: delayedCalls(), carryOut: () => send(input) });
        throw timeout();
      case 'server_error':
        throw serviceError('InternalServerError', 500);
      case 'throttled':
        throw serviceError('ProvisionedThroughputExceededException', 400);
      case 'conflict':
        throw operation === 'transactWriteItems'
          ? serviceError('TransactionCanceledException', 400, {
              CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }],
            })
          : serviceError('TransactionConflictException', 400);
    }
  };
  return {
    met,
    drain: () => deliver(() => true),
    updateItem: (input) => call('updateItem', input, (sent) => api.updateItem(sent)),
    putItem: (input) => call('putItem', input, (sent) => api.putItem(sent)),
    deleteItem: (input) => call('deleteItem', input, (sent) => api.deleteItem(sent)),
    getItem: (input) => call('getItem', input, (sent) => api.getItem(sent)),
    query: (input) => call('query', input, (sent) => api.query(sent)),
    scan: (input) => call('scan', input, (sent) => api.scan(sent)),
    transactWriteItems: (input) => call('transactWriteItems', input, (sent) => api.transactWriteItems(sent)),
  };
}

/** The faults of a list, one a call, then none. */
export function inOrder(...faults: Fault[]): Faults {
  const left = [...faults];
  return { next: () => left.shift() ?? 'none' };
}

/** Draws faults from a seed: `share` of the calls meet one, all kinds alike. The same seed, the same faults. */
export function seeded(seed: number, share: number): Faults {
  const random = mulberry32(seed);
  const kinds = ['request_lost', 'answer_lost', 'late', 'server_error', 'throttled', 'conflict'] as const;
  return {
    next: () => (random() < share ? kinds[Math.floor(random() * kinds.length)]! : 'none'),
    delayedCalls: () => 1 + Math.floor(random() * 8),
  };
}

/** Mulberry32, public domain, by Tommy Ettinger: uniform in [0, 1), good enough to choose faults. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** As the SDK's HTTP handler throws it: no status, since no answer came. */
const timeout = (): Error =>
  Object.assign(new Error('Request timed out'), { name: 'TimeoutError', $metadata: { attempts: 1 } });

const serviceError = (name: string, httpStatusCode: number, more: object = {}): Error =>
  Object.assign(new Error(`${name} (injected)`), { name, $metadata: { httpStatusCode }, ...more });
