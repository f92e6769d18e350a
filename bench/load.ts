/**
 * An open-loop load generator: calls leave at moments that were drawn beforehand, whether or not earlier ones have
 * been answered, and each latency counts from the drawn moment. A server that stalls is charged for every call that
 * should have been answered meanwhile (no coordinated omission).
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Pool, type Dispatcher } from 'undici';
import type { Call } from './calls.ts';

export type Track = 'gateway' | 'direct';

export interface Arrival extends Call {
  track: Track;
  /** From the start of the run. */
  atMs: number;
}

/** What became of the calls of one track. */
export interface Recording {
  offered: number;
  /** From the drawn moment until the whole answer was there; answered calls only. */
  latenciesMs: number[];
  /** The same until the first byte of the body. */
  firstByteMs: number[];
  /** When each of them was complete, from the start of the run. */
  endedAtMs: number[];
  /** How many calls failed, by status or by error. */
  errors: Map<string, number>;
  /** How many answers took longer than SLOW_MS. */
  slow: number;
}

export interface Run {
  gateway: Recording;
  direct: Recording;
  /** Calls without an answer, once a tenth of a second. */
  inFlight: number[];
  /** How late the generator itself was in sending. */
  latenessMs: number[];
  /** Why it stopped half-way. */
  gaveUp: string | undefined;
}

/** More would only measure the queue inside the generator, which has a connection for each of these. */
const IN_FLIGHT_MAX = 512;
/** Far more than the provider takes. */
const SLOW_MS = 250;
const IN_FLIGHT_EVERY_MS = 100;
const DRAIN_MS_MAX = 60_000;

export class Load {
  readonly #pools: Record<Track, Pool>;

  constructor(origins: Record<Track, string>) {
    this.#pools = { gateway: poolOf(origins.gateway), direct: poolOf(origins.direct) };
  }

  /**
   * Ends when every call that left has ended. `arrivals` in the order of their moments; stops when more answers
   * than `slowMax` were slow.
   */
  async run(arrivals: readonly Arrival[], slowMax = Infinity): Promise<Run> {
    const run: Run = {
      gateway: emptyRecording(),
      direct: emptyRecording(),
      inFlight: [],
      latenessMs: [],
      gaveUp: undefined,
    };
    const begunAt = performance.now();
    const now = (): number => performance.now() - begunAt;
    const open = { gateway: 0, direct: 0 };
    const sampling = setInterval(() => run.inFlight.push(open.gateway), IN_FLIGHT_EVERY_MS);

    for (const arrival of arrivals) {
      // Timers are whole milliseconds: what is due by then leaves together, and the lateness is recorded.
      while (now() < arrival.atMs) await wait(Math.max(1, arrival.atMs - now()));
      const { track } = arrival;
      if (open.gateway > IN_FLIGHT_MAX) run.gaveUp = `more than ${IN_FLIGHT_MAX} calls in flight`;
      if (run.gateway.slow > slowMax) run.gaveUp = `more than ${slowMax} calls took over ${SLOW_MS} ms`;
      if (run.gaveUp !== undefined) break;
      run[track].offered += 1;
      run.latenessMs.push(now() - arrival.atMs);
      open[track] += 1;
      const ended = (): void => void (open[track] -= 1);
      this.#pools[track].dispatch(request(arrival), new Listener({ arrival, now, into: run[track], ended }));
    }
    clearInterval(sampling);
    await drained(() => open.gateway + open.direct);
    return run;
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#pools).map((pool) => pool.close()));
  }
}

const poolOf = (origin: string): Pool => new Pool(origin, { connections: IN_FLIGHT_MAX, pipelining: 1 });

const emptyRecording = (): Recording => ({
  offered: 0,
  latenciesMs: [],
  firstByteMs: [],
  endedAtMs: [],
  errors: new Map(),
  slow: 0,
});

const request = ({ path, headers, body }: Call): Dispatcher.DispatchOptions => ({
  path,
  method: 'POST',
  headers,
  body,
});

async function drained(open: () => number): Promise<void> {
  for (let waited = 0; open() > 0; waited += 10) {
    if (waited > DRAIN_MS_MAX) throw new Error(`${open()} calls were never answered`);
    await wait(10);
  }
}

/** Where OpenAI's streams end, if they end well. */
const STREAM_END = '[DONE]\n\n';

/** Listens to one answer. A status other than 200, a cut and a stream without its end are errors. */
class Listener implements Dispatcher.DispatchHandler {
  readonly #arrival: Arrival;
  readonly #now: () => number;
  readonly #into: Recording;
  readonly #ended: () => void;
  #status = 0;
  #isStream = false;
  #firstByteAtMs = NaN;
  #last: Buffer | undefined;

  constructor(call: { arrival: Arrival; now: () => number; into: Recording; ended: () => void }) {
    this.#arrival = call.arrival;
    this.#now = call.now;
    this.#into = call.into;
    this.#ended = call.ended;
  }

  // undici tells the interface that it speaks by this method.
  onRequestStart(): void {
    // Nothing to do: the moment that counts was drawn before.
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    this.#isStream = String(headers['content-type']).startsWith('text/event-stream');
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#last === undefined) this.#firstByteAtMs = this.#now();
    this.#last = chunk;
  }

  onResponseEnd(): void {
    if (this.#status !== 200) this.#fail(`status ${this.#status}`);
    else if (this.#isStream && !this.#last?.toString('latin1').endsWith(STREAM_END))
      this.#fail('stream without its end');
    else {
      const { atMs } = this.#arrival;
      const at = this.#now();
      this.#into.latenciesMs.push(at - atMs);
      if (at - atMs > SLOW_MS) this.#into.slow += 1;
      this.#into.firstByteMs.push(this.#firstByteAtMs - atMs);
      this.#into.endedAtMs.push(at);
      this.#ended();
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail((error as NodeJS.ErrnoException).code ?? error.message);
  }

  #fail(reason: string): void {
    this.#into.errors.set(reason, (this.#into.errors.get(reason) ?? 0) + 1);
    this.#ended();
  }
}
