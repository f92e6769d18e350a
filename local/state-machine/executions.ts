/**
 * Executions by name, remembered in the table until 90 days after they ended, as Step Functions does: a name starts once,
 * also over a restart of the process. One that was cut off begins again when the process does.
 */
import { durationMs, epochMs, type DurationMs, type EpochMs } from '../../lambdas/core/brands.ts';
import { expiresAt } from '../../lambdas/core/expiry.ts';
import { everyItem } from '../../lambdas/core/pages.ts';
import { putIfAbsent } from '../../lambdas/core/ledger/expressions.ts';
import {
  TableUnavailable,
  type Clock,
  type Item,
  type ItemKey,
  type Table,
  type Timer,
} from '../../lambdas/core/ports.ts';
import { DAY, plus, toRfc3339 } from '../../lambdas/core/time.ts';
import type { Machine } from './definition.ts';
import type { Json } from './expressions.ts';
import { MachineError } from './machine-error.ts';
import { walk, type World } from './walk.ts';

const REMEMBERED_FOR = durationMs(90 * DAY);

/** The process stops: the execution stays as it is. */
class Stopped extends Error {
  override name = 'Stopped';
}

export interface ExecutionsDeps {
  /** Tells its executions from those of others. */
  name: string;
  machine: Machine;
  invoke: World['invoke'];
  table: Table;
  clock: Clock;
  /** Told of executions that failed. */
  report: (reason: string) => void;
}

export class Executions {
  readonly #deps: ExecutionsDeps;
  readonly #running = new Set<Promise<void>>();
  readonly #pauses = new Set<Timer>();
  readonly #waiting = new Map<string, (output: Json) => void>();
  #stopping = false;
  #lastStart = 0;

  constructor(deps: ExecutionsDeps) {
    this.#deps = deps;
  }

  /** Starts the execution unless one of that name was started before. Throws TableUnavailable. */
  async start(name: string, input: Json): Promise<void> {
    // No two start at one instant, so that mails stand in the order of their events.
    this.#lastStart = Math.max(this.#deps.clock.now(), this.#lastStart + 1);
    const item = {
      ...keyOf(name),
      gpk: this.#listName(),
      gsk: name,
      startedAt: BigInt(this.#lastStart),
      input: JSON.stringify(input),
    };
    const write = await this.#deps.table.put(putIfAbsent(item));
    if (write.kind === 'unavailable') throw new TableUnavailable(write.reason);
    if (write.kind === 'applied') this.#run(item);
  }

  /** Runs again what an earlier process left. Throws TableUnavailable. */
  async resume(): Promise<void> {
    const left: Item[] = [];
    const { table } = this.#deps;
    const partition = this.#listName();
    const running = everyItem((at) => table.query({ index: 'byTime', partition, ...at }));
    for await (const item of running) left.push(item);
    for (const item of left) this.#run(item);
  }

  /** Lets the state go on that waits under the token; nothing happens where none does. */
  end(token: string, output: Json): void {
    this.#waiting.get(token)?.(output);
  }

  /** Ends when what runs has ended, or waits for its next attempt. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const pause of this.#pauses) pause.stop();
    await Promise.all(this.#running);
  }

  #run(item: Item): void {
    const run = this.#execute(item)
      .catch((error: unknown) => {
        if (!(error instanceof Stopped)) this.#deps.report(String(error));
      })
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #execute(item: Item): Promise<void> {
    const { machine, invoke, table, clock, report } = this.#deps;
    const name = item['gsk'] as string;
    const execution = {
      name,
      startTime: toRfc3339(epochMs(Number(item['startedAt']))),
      input: JSON.parse(item['input'] as string) as Json,
    };
    const ending = await walk(machine, execution, {
      invoke,
      pause: (duration) => this.#pause(duration),
      pauseUntil: (instant) => this.#pauseUntil(instant),
      wait: (token, duration, send) => this.#wait(token, duration, send),
    });
    const { startedAt, input } = item;
    const write = await table.put({
      item: {
        ...keyOf(name),
        ...{ startedAt: startedAt!, input: input!, status: ending.status },
        ...expiresAt(plus(clock.now(), REMEMBERED_FOR)),
      },
    });
    if (write.kind === 'unavailable') report(`execution ${name}: ${write.reason}`);
    if (ending.status === 'failed') report(`execution ${name}: ${ending.error}: ${ending.cause}`);
  }

  async #pause(duration: DurationMs): Promise<void> {
    if (this.#stopping) throw new Stopped();
    await this.#timer(duration).ended;
    // `stop` may have come meanwhile.
    this.#throwIfStopping();
  }

  async #pauseUntil(instant: EpochMs): Promise<void> {
    const left = instant - this.#deps.clock.now();
    if (left > 0) await this.#pause(durationMs(left));
  }

  /** The token may be ended before sending is. */
  async #wait(token: string, duration: DurationMs, send: () => Promise<unknown>): Promise<Json> {
    this.#throwIfStopping();
    const timer = this.#timer(duration);
    let answer: { output: Json } | undefined;
    this.#waiting.set(token, (output) => {
      answer = { output };
      timer.stop();
    });
    try {
      await send();
      await timer.ended;
    } finally {
      timer.stop();
      this.#waiting.delete(token);
    }
    if (answer) return answer.output;
    this.#throwIfStopping();
    throw new MachineError('States.Timeout', `nobody ended ${token} in time`);
  }

  #timer(duration: DurationMs): Timer {
    const timer = this.#deps.clock.timer(duration);
    this.#pauses.add(timer);
    void timer.ended.then(() => this.#pauses.delete(timer));
    return timer;
  }

  #listName(): string {
    return `EXECUTIONS_RUNNING#${this.#deps.name}`;
  }

  #throwIfStopping(): void {
    if (this.#stopping) throw new Stopped();
  }
}

const keyOf = (name: string): ItemKey => ({ pk: `EXECUTION#${name}`, sk: '-' });
