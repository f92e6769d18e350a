/**
 * So many calls at a time, evenly of all users, until everybody is refused. Callers behave as SDKs do: they wait
 * where they are told to, and stop at the first answer that says not to ask again.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { CALL_HEADER, nextCall, type Call } from './calls.ts';

/** How calls ended for those who made them. */
export interface Ends {
  sent: number;
  /** Tags of those that were answered in full; how many of them as streams. */
  answered: string[];
  streams: number;
  /** Told not to ask again, by the cap that said so. */
  denied: Record<string, number>;
  /** Told to come back in a moment, by the cap whose money others hold; '' where the user was too busy. */
  throttled: Record<string, number>;
  /** Broken off by the kill; of these streams that had begun. */
  cut: number;
  streamsCut: number;
  /** Anything else, which nothing here may be: status and body. */
  unexpected: string[];
}

interface User {
  name: string;
  calls: number;
  /** Callers that are at it for this user. */
  callers: number;
  isDenied: boolean;
  /** The last time that it was refused. */
  refusedAtMs: number;
}

interface Refusal {
  limit: { reason: string; cap: string | null };
}

/** No SDK waits less, and nobody here waits longer, whatever they are told. */
const WAIT_MS_MIN = 20;
const WAIT_MS_MAX = 2_000;

export class Callers {
  readonly ends: Ends = {
    ...{ sent: 0, answered: [], streams: 0, denied: {}, throttled: {} },
    ...{ cut: 0, streamsCut: 0, unexpected: [] },
  };
  /** The longest time in which no caller got any answer. */
  longestPauseMs = 0;
  #answeredAtMs = performance.now();
  /** The last time that a call was let through or gave back what it had not used. */
  #movedAtMs = performance.now();
  #streamsOpen = 0;
  #isStopped = false;
  #stop!: () => void;
  readonly #stopped = new Promise<void>((resolve) => (this.#stop = resolve));
  #server: Promise<string>;
  #isServerBack: ((url: string) => void) | undefined;
  readonly #users: User[];
  readonly #key: string;
  readonly #random: () => number;

  constructor(options: { users: readonly string[]; url: string; key: string; random: () => number }) {
    this.#users = options.users.map((name) => ({
      ...{ name, calls: 0, callers: 0, isDenied: false, refusedAtMs: 0 },
    }));
    this.#server = Promise.resolve(options.url);
    this.#key = options.key;
    this.#random = options.random;
  }

  /** Streams whose beginning a caller has seen, and not yet the end. */
  get streamsOpen(): number {
    return this.#streamsOpen;
  }

  /** Ends after `stop`, or when everybody has been told not to ask again. */
  async run(concurrency: number): Promise<void> {
    await Promise.all(Array.from({ length: concurrency }, () => this.#callOneAfterTheOther()));
  }

  stop(): void {
    this.#isStopped = true;
    this.#stop();
  }

  /** From now on nobody calls until `serverIsBack`. */
  serverIsGone(): void {
    this.#server = new Promise((resolve) => (this.#isServerBack = resolve));
  }
  serverIsBack(url: string): void {
    this.#movedAtMs = performance.now();
    this.#isServerBack!(url);
  }

  /** How many users were refused since money last moved, or for good. All of them: it is used up. */
  get usersRefused(): number {
    return this.#users.filter(({ isDenied, refusedAtMs }) => isDenied || refusedAtMs > this.#movedAtMs)
      .length;
  }

  async #callOneAfterTheOther(): Promise<void> {
    for (let user = this.#next(); user !== undefined; user = this.#next()) {
      user.calls += 1;
      user.callers += 1;
      const call = nextCall(user.name, user.calls, this.#random);
      let waitMs = await this.#attempt(user, call);
      while (waitMs !== undefined && !this.#isOver(user)) {
        await this.#wait(Math.min(Math.max(waitMs, WAIT_MS_MIN), WAIT_MS_MAX));
        if (!this.#isOver(user)) waitMs = await this.#attempt(user, call);
      }
      user.callers -= 1;
    }
  }

  #isOver = ({ isDenied }: User): boolean => isDenied || this.#isStopped;

  /** As long, or until it is over. */
  async #wait(milliseconds: number): Promise<void> {
    await Promise.race([wait(milliseconds), this.#stopped]);
  }

  /** The one with the fewest callers, so that nobody is left without while others are made to wait. */
  #next(): User | undefined {
    if (this.#isStopped) return undefined;
    return this.#users
      .filter(({ isDenied }) => !isDenied)
      .reduce<User | undefined>(
        (least, user) => (least && least.callers <= user.callers ? least : user),
        undefined,
      );
  }

  /** How long to wait before the call is tried again; undefined when it has come to its end. */
  async #attempt(user: User, call: Call): Promise<number | undefined> {
    const server = await this.#server;
    const { ends } = this;
    ends.sent += 1;
    let isOpenStream = false;
    try {
      const response = await fetch(server + call.kind.path, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${this.#key}`,
          'content-type': 'application/json',
          'x-spendcap-user': call.user,
          [CALL_HEADER]: call.tag,
        },
        body: call.body,
      });
      this.#answered();
      if (response.status === 200) {
        this.#movedAtMs = performance.now();
        isOpenStream = call.isStream;
        if (isOpenStream) this.#streamsOpen += 1;
      }
      const text = await response.text();
      this.#answered();
      if (response.status === 200) this.#movedAtMs = performance.now();
      return this.#end(user, call, response, text);
    } catch {
      ends.cut += 1;
      if (isOpenStream) ends.streamsCut += 1;
      return undefined;
    } finally {
      if (isOpenStream) this.#streamsOpen -= 1;
    }
  }

  #answered(): void {
    const now = performance.now();
    this.longestPauseMs = Math.max(this.longestPauseMs, now - this.#answeredAtMs);
    this.#answeredAtMs = now;
  }

  #end(user: User, { tag, isStream, kind }: Call, response: Response, text: string): number | undefined {
    const { ends } = this;
    const { status, headers } = response;
    if (status === 200 && (!isStream || text.includes(kind.lastEvent))) {
      ends.answered.push(tag);
      if (isStream) ends.streams += 1;
      return undefined;
    }
    const refusal = status === 429 ? refusalOf(text) : undefined;
    if (!refusal) {
      ends.unexpected.push(`${status} ${text.slice(0, 300)}`);
      return undefined;
    }
    user.refusedAtMs = performance.now();
    const { reason, cap } = refusal.limit;
    if (reason === 'held' || reason === 'throttled') {
      count(ends.throttled, cap ?? '');
      return Number(headers.get('retry-after-ms') ?? Number(headers.get('retry-after')) * 1000);
    }
    user.isDenied = true;
    count(ends.denied, cap!);
    return undefined;
  }
}

const count = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};

/** OpenAI's and Anthropic's error objects hold it in different places. */
function refusalOf(text: string): Refusal | undefined {
  const { error } = JSON.parse(text) as { error: Partial<Refusal> & { details?: Partial<Refusal> } };
  const limit = error.limit ?? error.details?.limit;
  return limit && { limit };
}
