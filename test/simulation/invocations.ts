/** Runs of `reserve`, one a process and attempt of a client: who asked for what, with which caps in view. */
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import type { HoldImage } from './images.ts';
import type { PlannedCall } from './plan.ts';
import { firstLeafOf, isRate } from './rate-audit.ts';
import type { SimulatedProcess } from './process.ts';
import type { Truth } from './truth.ts';
import { Violation } from './violation.ts';

const CONFIGURATION_LAG_MS = 30_000;

export class Invocation {
  /** Stands in every hold that it makes. */
  readonly request: string;
  readonly process: SimulatedProcess;
  readonly call: PlannedCall;
  readonly caps: readonly Cap[];
  readonly startedAt: number;
  /** By leaf: the newest stamp that it sent there. */
  private readonly newest = new Map<string, bigint>();
  /** It was answered without a hold, and nothing of it may land any more. */
  hasLeft = false;
  /** By stamp: the instant as of which its process knew the leaf when that reserve first left. */
  private readonly knewLeafAsOf = new Map<bigint, number>();
  private readonly faultsBefore: number;

  constructor(
    known: Truth,
    options: { request: string; process: SimulatedProcess; call: PlannedCall; caps: readonly Cap[] },
  ) {
    this.request = options.request;
    this.process = options.process;
    this.call = options.call;
    this.caps = options.caps;
    this.startedAt = known.time.now;
    this.faultsBefore = options.process.faultsMet;
    for (const cap of this.caps) {
      const next = known.configuration.since.get(cap.account)!.get(cap.revision + 1n);
      if (next !== undefined && next < this.startedAt - CONFIGURATION_LAG_MS)
        throw new Violation('configuration lag', `${cap.account} is seen at revision ${cap.revision}`);
    }
  }

  /** A reserve leaves the process, for the first time or again. */
  sends(at: bigint, pk: string): void {
    this.newest.set(pk, at);
    if (!this.knewLeafAsOf.has(at)) this.knewLeafAsOf.set(at, this.process.heardOf(pk));
  }

  newestSentTo(pk: string): bigint {
    return this.newest.get(pk) ?? 0n;
  }

  /** Where it may be held: on the caller's leaf, and where a rate stands over it on the first of an app's. */
  get leaves(): string[] {
    const { pk } = this.call.caller.leaf;
    return [...new Set([pk, firstLeafOf(pk)])];
  }

  /** The instant as of which the leaf was known to whoever sent the reserve with this stamp. */
  heardWhenSent(at: bigint): number {
    return this.knewLeafAsOf.get(at)!;
  }

  /** At least so many times its process got no answer that decides, since it began. */
  metFaults(count = 1): boolean {
    return this.process.faultsMet - this.faultsBefore >= count;
  }

  /** A hold takes of every cap of the call, and exactly what the call asks for. */
  checkAmounts(id: string, hold: HoldImage): void {
    const { wanted, floor } = this.call;
    const isFit = hold.pu <= wanted.usd && hold.pu >= (floor ?? wanted.usd) && hold.tk === wanted.tokens;
    const ofCaps = [...hold.c.keys()].filter((name) => !isRate(name));
    const isComplete =
      ofCaps.length === this.caps.length && this.caps.every(({ account }) => hold.c.has(account));
    if (!isFit || !isComplete)
      throw new Violation('conservation', `${id} holds ${hold.pu} in ${hold.c.size} accounts`);
    for (const { account, metric } of this.caps) {
      const amount = { usd: hold.pu, tokens: hold.tk, requests: 1n, concurrent: 1n }[metric];
      if (hold.c.get(account)!.n !== amount)
        throw new Violation('conservation', `${id} holds too little of ${account}`);
    }
    for (const [account, { n }] of hold.c)
      if (isRate(account) && n !== 1n) throw new Violation('conservation', `${id} is ${n} requests`);
  }
}
