/**
 * A world for a scenario: nothing goes wrong by chance, and whatever happens is placed by hand. The auditor looks on
 * as it does for a seed.
 */
import type { HeldCall } from '../../lambdas/core/ledger/leaf.ts';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import type { ReserveOutcome } from '../../lambdas/core/ledger/reserve-call.ts';
import { parseWindow } from '../../lambdas/core/caps/windows.ts';
import type { Caller, NewCap } from './configuration.ts';
import { NO_FAULTS } from './faults.ts';
import { reserve } from './invocation.ts';
import type { Fate, Sent } from './network.ts';
import type { Plan, PlannedCall } from './plan.ts';
import { World, type Host } from './world.ts';

const HOUR = 3_600_000;
/** Of chance there is only the network's latency, 1 to 10 ms a way. */
const SEED = 1;

export class Script {
  readonly world: World;
  readonly start: number;
  /** The scene came to its end: nobody waits for what never comes. */
  isOver = false;
  private readonly fates: { fits: (request: Sent) => boolean; fate: Fate }[] = [];
  private calls = 0;

  constructor({
    users,
    caps,
    at = Date.UTC(2026, 10, 25, 12),
  }: {
    users: string[];
    caps: NewCap[];
    at?: number;
  }) {
    this.start = at;
    this.world = new World(SEED, planOf(at, users.map(userCaller), caps));
    for (const cap of caps) this.world.configuration.add(cap);
    this.world.network.script = (request) => {
      const place = this.fates.findIndex(({ fits }) => fits(request));
      return place < 0 ? undefined : this.fates.splice(place, 1)[0]!.fate;
    };
  }

  /** What happens, from the start on. */
  play(scene: () => Promise<void>): void {
    this.world.time.in(0, () =>
      this.world.spawn(async () => {
        await scene();
        this.isOver = true;
      }),
    );
  }

  /** A process that runs from now on. */
  process(): Host {
    return this.world.startHost();
  }

  /** What becomes of the next request that fits. */
  next(fits: (request: Sent) => boolean, fate: Fate): void {
    this.fates.push({ fits, fate });
  }

  /** Resolves that many milliseconds after the start, or at once where that is over. */
  async until(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.world.time.at(this.start + ms, resolve));
  }

  call(user: string, usd: bigint, more: Partial<PlannedCall> = {}): PlannedCall {
    this.calls += 1;
    return {
      number: this.calls,
      at: this.world.time.now,
      caller: userCaller(user),
      feature: 'chat',
      wanted: { usd, tokens: 1n },
      floor: undefined,
      bodyHash: undefined,
      provider: { durationMs: 100, ending: 'usage', usdShare: 1, tokensShare: 1 },
      ...more,
    };
  }

  /** A call's reserve, judged by the auditor. */
  async reserve(host: Host, call: PlannedCall): Promise<ReserveOutcome> {
    return (await reserve(this.world, host, call))!;
  }

  /** The same where it must be admitted. */
  async hold(host: Host, call: PlannedCall): Promise<HeldCall> {
    const outcome = await this.reserve(host, call);
    if (outcome.kind !== 'held') throw new Error(`${call.caller.leaf.pk} is not admitted: ${outcome.kind}`);
    return outcome.call;
  }
}

const userCaller = (user: string): Caller => ({ leaf: leafKey({ type: 'user', id: user }), user });

/** A request of one process about one item. */
export const about =
  (host: Host, pk: string, operation = 'getItem') =>
  (request: Sent): boolean => {
    const { Key, Item } = request.input as { Key?: { pk: { S?: string } }; Item?: { pk: { S?: string } } };
    return request.process === host.process && request.operation === operation && (Key ?? Item)?.pk.S === pk;
  };

/** Dollars that everybody shares, in units of a picodollar. */
export const sharedCap = (limit: bigint): NewCap => cap({ id: 'org', limit, covers: undefined });

export const ownCap = (user: string, limit: bigint, more: Partial<NewCap> = {}): NewCap =>
  cap({ id: `${user}-month`, limit, covers: new Set([userCaller(user).leaf.pk]), ...more });

const cap = (more: Pick<NewCap, 'id' | 'limit' | 'covers'> & Partial<NewCap>): NewCap => ({
  metric: 'usd',
  window: parseWindow('month', { timeZone: 'UTC', anchorDay: 1 })!,
  overage: 0n,
  thresholds: { warn: null, throttle: null, block: 1000 },
  team: undefined,
  feature: undefined,
  ...more,
});

const planOf = (start: number, callers: Caller[], caps: NewCap[]): Plan => ({
  start,
  end: start + HOUR,
  rates: NO_FAULTS,
  host: 'server',
  processesMax: 1,
  callers,
  caps,
  laterCaps: [],
  calls: [],
  boundaries: [],
  outages: [],
  habits: { givenBack: 0, stalled: 0, settledTwice: 0, isStreamRead: false },
});
