/**
 * A world for a scenario: nothing goes wrong by chance, and whatever happens is placed by hand. The auditor looks on
 * as it does for a seed.
 */
import type { Charge } from '../../lambdas/core/ledger/charge.ts';
import type { HeldCall } from '../../lambdas/core/ledger/leaf.ts';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import type { ReserveOutcome } from '../../lambdas/core/ledger/reserve-call.ts';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { inMetric } from '../../lambdas/core/caps/amounts.ts';
import { parseWindow, type Window } from '../../lambdas/core/caps/windows.ts';
import type { Directory } from '../../lambdas/core/directory/directory.ts';
import type { CapThresholdCrossed } from '../../lambdas/core/events/cap-threshold-crossed.ts';
import { setStage } from '../../lambdas/core/escalation/set-stage.ts';
import { takeEvidence, type EvidenceOutcome } from '../../lambdas/core/ledger/evidence.ts';
import { keyAt } from './account-truth.ts';
import type { Caller, NewCap } from './configuration.ts';
import { NO_FAULTS } from './faults.ts';
import { chargeOf, reserve, usedUp } from './invocation.ts';
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

  /** A process that runs from now on, with a clock that is off by so much. */
  process(skewMs = 0): Host {
    return this.world.startHost(skewMs);
  }

  /** What becomes of the next requests that fit. */
  next(fits: (request: Sent) => boolean, fate: Fate, times = 1): void {
    for (let i = 0; i < times; i += 1) this.fates.push({ fits, fate });
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

  /** The provider has the call, and bills so much, or nobody learns what; what the process charges then. */
  forward(held: HeldCall, usd: bigint | undefined): Charge {
    const { auditor } = this.world;
    auditor.forwards(held);
    auditor.provider.runs(held)();
    if (usd === undefined) {
      const { pu, tk } = held.hold.i;
      return chargeOf(held, usedUp({ usd: pu, tokens: tk }), 'presumed_spent');
    }
    const bill = { usd, tokens: held.hold.i.tk };
    auditor.provider.bill(held.id, bill);
    return chargeOf(held, usedUp(bill), 'settled');
  }

  /** Somebody knows what the provider billed. */
  async evidence(
    { table, ledger, process: { clock, ids } }: Host,
    held: HeldCall,
    usd: bigint,
  ): Promise<EvidenceOutcome> {
    this.world.auditor.charges.evidenceGiven(held.id, usd);
    const evidence = { billed: picoUsd(usd), tokens: held.hold.i.tk, source: 'log' };
    return takeEvidence({ table, ledger, clock, ids }, held, evidence);
  }

  /** The ladder has heard that a cap's own account has settled `from`, and sets the rung's stage. */
  async raiseStage(
    { ledger, process: { clock } }: Host,
    capId: string,
    { rung, from }: { rung: 'throttle' | 'block'; from: bigint },
  ): Promise<void> {
    const { configuration } = this.world;
    const { account, limit, metric } = configuration.currentById(capId)!;
    const event = {
      cap: capId,
      account,
      principal: { type: 'user', id: capId.split('-')[0]! },
      rung,
      metric,
      window_key: String(keyAt(configuration.currentById(capId)!.window, this.world.time.now)),
      effective_limit: inMetric(metric, limit),
      threshold_amount: inMetric(metric, from),
    } as CapThresholdCrossed;
    const directory = { getCap: async () => configuration.currentById(capId) } as unknown as Directory;
    await setStage({ ledger, clock, directory }, event);
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

export const aTransactionOf =
  (host: Host) =>
  (request: Sent): boolean =>
    request.process === host.process && request.operation === 'transactWriteItems';

/** Dollars that everybody shares, in units of a picodollar. */
export const sharedCap = (limit: bigint, window = 'month'): NewCap =>
  cap({ id: 'org', limit, covers: undefined, window: windowOf(window) });

export const ownCap = (user: string, limit: bigint, more: Partial<NewCap> = {}): NewCap =>
  cap({ id: `${user}-month`, limit, covers: new Set([userCaller(user).leaf.pk]), ...more });

const windowOf = (name: string): Window => parseWindow(name, { timeZone: 'UTC', anchorDay: 1 })!;

const cap = (more: Pick<NewCap, 'id' | 'limit' | 'covers'> & Partial<NewCap>): NewCap => ({
  metric: 'usd',
  window: windowOf('month'),
  overage: 0n,
  thresholds: { warn: null, throttle: null, block: 1000 },
  team: undefined,
  feature: undefined,
  ...more,
});

const planOf = (start: number, callers: Caller[], caps: NewCap[]): Plan => ({
  start,
  end: start + HOUR,
  rates: { ...NO_FAULTS, skewMsMax: 2000 },
  host: 'server',
  processesMax: 1,
  callers,
  caps,
  laterCaps: [],
  calls: [],
  boundaries: [],
  outages: [],
  habits: { givenBack: 0, stalled: 0, settledTwice: 0 },
  ratePerMinute: 1,
});
