/**
 * The way to the table: a DynamoDbApi a process, in front of the real local engine. Requests and answers get lost,
 * are late by minutes, meet throttles, conflicts and transactions, and processes die while they wait.
 */
import type {
  AttributeValue,
  GetItemInput,
  GetItemOutput,
  PutItemInput,
  QueryInput,
  QueryOutput,
  TransactWriteItemsInput,
  UpdateItemInput,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import type { StoredItem } from '../../lambdas/adapters/table/local/attribute-values.ts';
import { Engine } from '../../lambdas/adapters/table/local/engine.ts';
import type { FaultCounts, FaultRates } from './faults.ts';
import type { SimulatedProcess } from './process.ts';
import { Random } from './random.ts';
import { RecordingStore, type Change } from './recording-store.ts';
import { trueClock, type VirtualTime } from './virtual-time.ts';

/** As `adapters/table/aws.ts` sets it: then the caller gives up on the request. */
const TIMEOUT_MS = 2000;
/** Below the ten minutes for which DynamoDB knows a transaction's token. */
const LATE_MS_MAX = 9 * 60_000;

type Operation = keyof DynamoDbApi;
const READS: ReadonlySet<Operation> = new Set<Operation>(['getItem', 'query', 'scan']);

/** A request as it goes out. */
export interface Sent {
  process: SimulatedProcess;
  operation: Operation;
  input: object;
}

/** What a scenario does to one request. */
export interface Fate {
  /** Beyond two seconds its caller has given up. */
  arrivesAfterMs?: number;
  isLost?: boolean;
  /** The connection breaks at once. */
  isAnswerLost?: boolean;
  /** Answered with status 500 at once, and carried out so much later. */
  landsAfterErrorMs?: number;
}

export interface NetworkEvents {
  sent: (request: Sent) => void;
  /** After each applied write; both changes of a transaction at once. */
  applied: (changes: Change[]) => void;
}

export class SimulatedNetwork {
  readonly store = new RecordingStore();
  readonly counts: FaultCounts = {
    requests: 0,
    lostRequests: 0,
    lostAnswers: 0,
    delayedWrites: 0,
    throttled: 0,
    conflicts: 0,
    kills: 0,
  };
  rates: FaultRates;
  /** While it holds, no request arrives. */
  outage = false;
  /** How long after a write the index may still lack the item. */
  indexLagMsMax = 0;
  /** Decides on some requests, before chance does. */
  script: ((request: Sent) => Fate | undefined) | undefined;
  private readonly engine: Engine;
  private readonly time: VirtualTime;
  private readonly chance: Random;
  private readonly events: NetworkEvents;
  /** Keys of items that a transaction has prepared and not yet written. */
  private readonly locked = new Set<string>();

  constructor(options: {
    time: VirtualTime;
    seed: number;
    rates: FaultRates;
    events: NetworkEvents;
    /** Names what it draws from. */
    stream?: string;
  }) {
    this.time = options.time;
    this.rates = options.rates;
    this.events = options.events;
    this.chance = new Random(options.seed, options.stream ?? 'network');
    this.engine = new Engine(this.store, trueClock(options.time));
  }

  apiOf(process: SimulatedProcess): DynamoDbApi {
    const call = <Output>(operation: Operation, input: object, serve: () => Output): Promise<Output> =>
      this.send({ process, operation, input }, serve);
    const { engine } = this;
    return {
      updateItem: (input) => call('updateItem', input, () => engine.updateItem(input)),
      putItem: (input) => call('putItem', input, () => engine.putItem(input)),
      deleteItem: (input) => call('deleteItem', input, () => engine.deleteItem(input)),
      getItem: (input) => call('getItem', input, () => this.read(input)),
      query: (input) => call('query', input, () => this.query(input)),
      scan: (input) => call('scan', input, () => engine.scan(input)),
      transactWriteItems: (input) =>
        call('transactWriteItems', input, () => engine.transactWriteItems(input)),
    };
  }

  private send<Output>(request: Sent, serve: () => Output): Promise<Output> {
    return new Promise((resolve, reject) => {
      this.counts.requests += 1;
      const { chance, rates } = this;
      const reply = new Reply<Output>(this.time, request, resolve, reject);
      if (request.process.dies()) {
        // Dead before it was sent, or just after.
        if (chance.chance(0.5)) this.time.in(this.latency(), () => this.carryOut(request, serve, ignore));
        return;
      }
      this.tell(() => this.events.sent(request));
      const fate = this.script?.(request);
      if (this.outage || fate?.isLost || chance.chance(rates.requestLost)) {
        this.counts.lostRequests += 1;
        reply.fails(timeout(), TIMEOUT_MS);
        return;
      }
      const delay = fate?.arrivesAfterMs ?? this.latency();
      const isLate = delay > TIMEOUT_MS;
      if (isLate) reply.fails(timeout(), TIMEOUT_MS);
      if (fate?.landsAfterErrorMs !== undefined) {
        reply.fails(serviceError('InternalServerError', 500), delay);
        this.carryOutLate(request, serve, fate.landsAfterErrorMs);
        return;
      }
      const isAnswerLost = fate?.isAnswerLost === true;
      this.time.in(delay, () => this.arrive(request, serve, reply, { isLate, isAnswerLost }));
    });
  }

  private arrive<Output>(
    request: Sent,
    serve: () => Output,
    reply: Reply<Output>,
    { isLate, isAnswerLost }: { isLate: boolean; isAnswerLost: boolean },
  ): void {
    const { chance, rates } = this;
    const isWrite = !READS.has(request.operation);
    const way = chance.between(1, 5);
    if (chance.chance(rates.throttled)) {
      this.counts.throttled += 1;
      reply.fails(serviceError('ProvisionedThroughputExceededException'), way);
      return;
    }
    if (isWrite && chance.chance(rates.conflict)) {
      this.counts.conflicts += 1;
      reply.fails(conflictOn(request), way);
      return;
    }
    if (chance.chance(rates.serverError)) {
      reply.fails(serviceError('InternalServerError', 500), way);
      // Which says nothing: it is carried out at once, later on, or never.
      const delay = chance.pick([0, chance.between(0, 5000), undefined, undefined]);
      if (delay !== undefined) this.carryOutLate(request, serve, delay);
      return;
    }
    this.carryOut(request, serve, (result) => {
      const isApplied = isWrite && 'output' in result;
      if (isApplied && isLate) this.counts.delayedWrites += 1;
      if (isAnswerLost || chance.chance(rates.answerLost)) {
        if (isApplied) this.counts.lostAnswers += 1;
        reply.fails(timeout(), isAnswerLost || chance.chance(0.3) ? way : TIMEOUT_MS);
      } else if ('output' in result) reply.succeeds(result.output, way);
      else if (result.isConflict) reply.fails(result.error, way);
      else reply.refuses(result.error, way);
    });
  }

  /** Nobody is told. */
  private carryOutLate(request: Sent, serve: () => unknown, delayMs: number): void {
    this.time.in(delayMs, () =>
      this.carryOut(request, serve, (result) => {
        if (READS.has(request.operation) || !('output' in result)) return;
        if (delayMs > 0) this.counts.delayedWrites += 1;
        this.counts.lostAnswers += 1;
      }),
    );
  }

  /** The table's side: one engine operation at once; a transaction holds its items for a while before it writes. */
  private carryOut<Output>(
    request: Sent,
    serve: () => Output,
    report: (result: Result<Output>) => void,
  ): void {
    const keys = keysWrittenBy(request);
    if (keys.some((key) => this.locked.has(key))) {
      this.counts.conflicts += 1;
      report({ error: conflictOn(request), isConflict: true });
      return;
    }
    if (request.operation !== 'transactWriteItems') {
      this.serve(serve, report);
      return;
    }
    for (const key of keys) this.locked.add(key);
    this.time.in(this.chance.between(4, 20), () => {
      for (const key of keys) this.locked.delete(key);
      this.serve(serve, report);
    });
  }

  /** One that is not asked to be consistent may come from a copy that lags. */
  private read(input: GetItemInput): GetItemOutput {
    const output = this.engine.getItem(input);
    if (input.ConsistentRead) return output;
    const before = this.store.before(input.Key!['pk']!.S!, input.Key!['sk']!.S!);
    return before && this.time.now - before.until < this.chance.between(0, 500) ? wrap(before.item) : output;
  }

  /** Each item comes into the index by itself. */
  private query(input: QueryInput): QueryOutput {
    const output = this.engine.query(input);
    if (input.IndexName === undefined || this.indexLagMsMax === 0) return output;
    const isShown = ({ pk, sk }: ItemWire): boolean => {
      const age = this.time.now - (this.store.before(pk!.S!, sk!.S!)?.until ?? 0);
      return age > this.chance.between(0, this.indexLagMsMax);
    };
    return { ...output, Items: output.Items!.filter(isShown) };
  }

  private serve<Output>(serve: () => Output, report: (result: Result<Output>) => void): void {
    let result: Result<Output>;
    try {
      result = { output: serve() };
    } catch (error) {
      result = { error: error as Error, isConflict: false };
    }
    const changes = this.store.takeChanges(this.time.now);
    if (changes.length > 0) this.tell(() => this.events.applied(changes));
    report(result);
  }

  /** What the auditor finds ends the run, and is no failure of the request. */
  private tell(event: () => void): void {
    try {
      event();
    } catch (error) {
      this.time.fail(error);
    }
  }

  private latency(): number {
    const { chance, rates } = this;
    if (chance.chance(rates.late)) return chance.between(TIMEOUT_MS, chance.pick([60_000, LATE_MS_MAX]));
    if (chance.chance(rates.slow)) return chance.between(500, 3000);
    return chance.between(1, 10);
  }
}

type Result<Output> = { output: Output } | { error: Error; isConflict: boolean };
const wrap = (item: StoredItem | undefined): GetItemOutput => (item ? { Item: item } : {});
const ignore = (): void => undefined;

/** What comes back to the caller: the first of answer and time-out, and nothing once the process is dead. */
class Reply<Output> {
  private readonly time: VirtualTime;
  private readonly request: Sent;
  private readonly resolve: (output: Output) => void;
  private readonly reject: (error: Error) => void;
  private readonly latest: number;
  private isGiven = false;
  private servedAt = 0;

  constructor(
    time: VirtualTime,
    request: Sent,
    resolve: (output: Output) => void,
    reject: (error: Error) => void,
  ) {
    this.time = time;
    this.request = request;
    this.resolve = resolve;
    this.reject = reject;
    this.latest = time.now + TIMEOUT_MS;
  }

  succeeds(output: Output, after: number): void {
    this.servedAt = this.time.now;
    if (this.time.now + after > this.latest) this.fails(timeout(), after);
    else this.give(() => this.tell(() => this.resolve(output)), after);
  }

  /** An answer like any other: the condition did not hold, or the request is wrong. */
  refuses(error: Error, after: number): void {
    this.servedAt = this.time.now;
    if (this.time.now + after > this.latest) this.fails(timeout(), after);
    else this.give(() => this.tell(() => this.reject(error)), after);
  }

  fails(error: Error, after: number): void {
    this.give(() => {
      this.request.process.faultsMet += 1;
      this.reject(error);
    }, after);
  }

  private tell(action: () => void): void {
    const { process, input } = this.request;
    const { Key, Item } = input as { Key?: ItemWire; Item?: ItemWire };
    const pk = (Key ?? Item)?.['pk']?.S;
    if (pk !== undefined) process.hears(pk, this.servedAt);
    action();
  }

  private give(action: () => void, after: number): void {
    this.time.at(Math.min(this.time.now + after, this.latest), () => {
      if (this.isGiven) return;
      this.isGiven = true;
      if (!this.request.process.dies()) action();
    });
  }
}

function keysWrittenBy({ operation, input }: Sent): string[] {
  const write = input as UpdateItemInput & PutItemInput & TransactWriteItemsInput;
  if (READS.has(operation)) return [];
  if (operation === 'transactWriteItems') {
    return (write.TransactItems ?? []).map(({ Update, Put }) => keyText(Update?.Key ?? Put?.Item));
  }
  return [keyText(write.Key ?? write.Item)];
}
type ItemWire = Record<string, AttributeValue>;
const keyText = (key: ItemWire | undefined): string => `${key?.['pk']?.S} ${key?.['sk']?.S}`;

const conflictOn = ({ operation }: Sent): Error =>
  operation === 'transactWriteItems'
    ? serviceError('TransactionCanceledException', 400, {
        CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }],
      })
    : serviceError('TransactionConflictException');

/** As the SDK's HTTP handler throws it: no status, since no answer came. */
const timeout = (): Error => Object.assign(new Error('Request timed out'), { name: 'TimeoutError' });

const serviceError = (name: string, httpStatusCode = 400, more: object = {}): Error =>
  Object.assign(new Error(`${name} (injected)`), { name, $metadata: { httpStatusCode }, ...more });
