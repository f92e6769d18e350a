/**
 * Many users of one team who call at the same moment, each through a process of its own, as Lambda runs them: the
 * real ledger over the real adapter, on virtual time, over the simulation's network without faults. There a
 * transaction has its items for some milliseconds and refuses whatever comes in between, as DynamoDB's do.
 *
 * Who is told to come back does so a second later; who is denied is gone.
 */
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { capId, durationMs, holdId, picoUsd } from '../../lambdas/core/brands.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { parseWindow } from '../../lambdas/core/caps/windows.ts';
import { accountOf } from '../../lambdas/core/ledger/books.ts';
import { amountsOf, leafKey, type HeldCall } from '../../lambdas/core/ledger/leaf.ts';
import { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import { leaseIndexEntry } from '../../lambdas/core/ledger/pool.ts';
import type { ReserveOutcome } from '../../lambdas/core/ledger/reserve-call.ts';
import { nonceBits } from '../../lambdas/core/ledger/stamp.ts';
import type { Table } from '../../lambdas/core/ports.ts';
import { NO_FAULTS } from '../../test/simulation/faults.ts';
import { SimulatedNetwork } from '../../test/simulation/network.ts';
import { SimulatedProcess } from '../../test/simulation/process.ts';
import { Random } from '../../test/simulation/random.ts';
import { VirtualTime } from '../../test/simulation/virtual-time.ts';

/** What each call holds, in picodollars: the smallest amount that is easily shared out. */
export const HOLD = 1_000n;

export interface CrowdOptions {
  users: number;
  /** Calls of each user: one after the other, so many at a time. */
  calls?: number;
  callersEach?: number;
  /** The team's cap, in picodollars. */
  limit: bigint;
  /** What a call costs in the end. */
  cost: bigint;
  /** From one call after the other that everybody made before, at this cost: what they left on their leases. */
  earlierCost?: bigint;
  /** What each user has on lease before, and no call of it made. */
  leases?: (user: number) => bigint;
  /** The window of the leases is over when the calls begin. */
  isNewWindow?: boolean;
}

export interface CrowdFindings {
  admitted: number;
  /** Told that the cap is used up; of these while it would still have paid the call. */
  denied: number;
  falselyDenied: number;
  /** Told to come back in a second, since others hold the money or are at it. */
  toldToWait: number;
  /** Calls of the busy themselves: as many open as a leaf takes. */
  crowded: number;
  unavailable: string[];
  transactions: number;
  conflicts: number;
  reads: number;
  /** Of each answer: how long a caller waited for it. */
  answeredInMs: number[];
  /** Of each admitted call: from its first attempt until it was let through, waits included. */
  admittedInMs: number[];
  /** From the first call until the last one that was admitted, and the last that was denied. */
  lastAdmittedMs: number;
  lastDeniedMs: number;
  /** Spent in the end, in picodollars. */
  spent: bigint;
}

const NOON = Date.UTC(2026, 10, 24, 12);
const MIDNIGHT = Date.UTC(2026, 10, 25);
/** All calls leave within this. */
const TOGETHER_MS = 50;
/** How long the provider takes. */
const ANSWER_MS = durationMs(2_000);
const RETRY_MS = durationMs(1_000);
const EVENTS_MAX = 100_000_000;

export async function crowd(options: CrowdOptions): Promise<CrowdFindings> {
  const run = new Crowd(options);
  return run.findings();
}

interface User {
  name: string;
  process: SimulatedProcess;
  table: Table;
  ledger: Ledger;
}

class Crowd {
  private readonly options: CrowdOptions;
  private readonly time = new VirtualTime(NOON);
  private readonly network: SimulatedNetwork;
  private readonly chance = new Random(1, 'crowd');
  private readonly cap: Cap;
  private readonly users: User[];
  private readonly found: CrowdFindings = {
    ...{ admitted: 0, denied: 0, falselyDenied: 0, toldToWait: 0, crowded: 0, unavailable: [] },
    ...{ transactions: 0, conflicts: 0, reads: 0, answeredInMs: [], admittedInMs: [] },
    ...{ lastAdmittedMs: 0, lastDeniedMs: 0, spent: 0n },
  };
  private begunAt = 0;

  constructor(options: CrowdOptions) {
    this.options = options;
    this.cap = teamCap(options.limit);
    this.network = new SimulatedNetwork({
      time: this.time,
      seed: 1,
      rates: NO_FAULTS,
      events: {
        sent: ({ operation }) => {
          if (operation === 'transactWriteItems') this.found.transactions += 1;
          if (operation === 'getItem' || operation === 'query') this.found.reads += 1;
        },
        applied: () => undefined,
      },
    });
    this.users = Array.from({ length: options.users }, (_, i) => this.newUser(i));
  }

  async findings(): Promise<CrowdFindings> {
    this.time.in(0, () => {
      this.play().catch((error: unknown) => this.time.fail(error));
    });
    await this.time.run(EVENTS_MAX);
    return this.found;
  }

  private async play(): Promise<void> {
    const { leases, earlierCost, isNewWindow = false, callersEach = 1 } = this.options;
    for (const [i, user] of this.users.entries()) {
      if (leases) await this.lease(user, leases(i));
      if (earlierCost !== undefined) await this.callUntilAdmitted(user, earlierCost);
    }
    if (isNewWindow) this.found.spent = 0n;
    Object.assign(this.found, { transactions: 0, reads: 0 });
    this.network.counts.conflicts = 0;
    this.begunAt = isNewWindow ? MIDNIGHT : this.time.now;
    const callers = this.users.flatMap((user) => Array.from({ length: callersEach }, () => user));
    await Promise.all(
      callers.map(async (user) => {
        const at = this.begunAt + this.chance.between(0, TOGETHER_MS);
        await user.process.sleep(durationMs(at - this.time.now));
        for (let call = 0; call < (this.options.calls ?? 1); call += 1) await this.callToItsEnd(user);
      }),
    );
    this.found.conflicts = this.network.counts.conflicts;
  }

  // ---- calls -----------------------------------------------------------------------------------------------

  private async callToItsEnd(user: User): Promise<void> {
    const { found, time } = this;
    const firstAskedAt = time.now;
    for (;;) {
      const askedAt = time.now;
      const outcome = await this.reserve(user);
      found.answeredInMs.push(time.now - askedAt);
      if (outcome.kind === 'held') {
        found.admitted += 1;
        found.admittedInMs.push(time.now - firstAskedAt);
        found.lastAdmittedMs = time.now - this.begunAt;
        return this.answer(user, outcome.call, this.options.cost);
      }
      if (this.isDenied(outcome)) {
        found.denied += 1;
        found.lastDeniedMs = time.now - this.begunAt;
        if (found.spent + HOLD <= this.cap.limit) found.falselyDenied += 1;
        return;
      }
      if (outcome.kind === 'unavailable') found.unavailable.push(outcome.reason);
      else if (outcome.kind === 'crowded') found.crowded += 1;
      else found.toldToWait += 1;
      await user.process.sleep(RETRY_MS);
    }
  }

  private async callUntilAdmitted(user: User, cost: bigint): Promise<void> {
    for (;;) {
      const outcome = await this.reserve(user);
      if (outcome.kind === 'held') return this.finish(user, outcome.call, cost);
      await user.process.sleep(RETRY_MS);
    }
  }

  private async answer(user: User, held: HeldCall, cost: bigint): Promise<void> {
    await user.process.sleep(ANSWER_MS);
    await this.finish(user, held, cost);
  }

  private reserve({ name, process, ledger }: User): Promise<ReserveOutcome> {
    const nonce = process.ids.randomBits(nonceBits);
    const amounts = amountsOf(picoUsd(HOLD), 1n);
    return ledger.reserve({
      leaf: leafKey({ type: 'user', id: name }),
      id: holdId(`random-${nonce}`),
      bodyHash: undefined,
      caps: [this.cap],
      nonce,
      info: {
        ...{ rq: `req_${nonce}`, us: name, ap: 'web', tm: 'growth', ft: 'default' },
        ...{ ep: 'openai-chat', md: 'model', cd: 'card' },
      },
      fit: () => ({ amounts, outputTokensMax: null, smallest: amounts, isLowered: false }),
      rates: () => [],
    });
  }

  /** Contract 5: the cap is reached where settled + requested is more than the limit, by what the caller is shown. */
  private isDenied(outcome: ReserveOutcome): boolean {
    if (outcome.kind !== 'short') return false;
    const { l, s } = accountOf(outcome.books, this.cap);
    return s + HOLD > l;
  }

  private async finish(
    { ledger }: User,
    { id, at, fence, leaf, hold }: HeldCall,
    cost: bigint,
  ): Promise<void> {
    const charge = {
      ...{ id, at, fence, leafPk: leaf.pk, accounts: hold.c, info: hold.i },
      ...{ modelServed: 'model', tokens: {}, stage: 'normal', latencyMs: BigInt(ANSWER_MS) },
      used: amountsOf(picoUsd(cost), 1n),
      outcome: 'settled' as const,
    };
    await ledger.finish(charge, leaf);
    this.found.spent += cost;
  }

  // ---- what stands before ----------------------------------------------------------------------------------

  private async lease({ name, table, ledger }: User, amount: bigint): Promise<void> {
    const leaf = await ledger.leaves.change(leafKey({ type: 'user', id: name }), () => undefined);
    await table.put({ item: leaseIndexEntry(this.cap.account, leaf.pk) });
    const pool = await ledger.pools.change(this.cap);
    if (!(await ledger.pools.draw(this.cap.account, pool, { leaf, drawn: amount })))
      throw new Error(`no lease of ${amount} for ${name}`);
  }

  private newUser(i: number): User {
    const process = new SimulatedProcess({
      number: i,
      seed: 1,
      time: this.time,
      skewMs: 0,
      killShare: () => 0,
    });
    const { clock, ids } = process;
    const table = new DynamoDbTable({ api: this.network.apiOf(process), tableName: 'spendcap', clock, ids });
    return { name: `user-${i}`, process, table, ledger: new Ledger({ table, clock, ids }) };
  }
}

const teamCap = (limit: bigint): Cap => ({
  id: capId('team-day'),
  account: 'team-day',
  scope: { type: 'team', id: 'growth' },
  metric: 'usd',
  window: parseWindow('day', { timeZone: 'UTC', anchorDay: 1 })!,
  limit,
  overage: 0n,
  thresholds: { warn: [500, 800], throttle: 950, block: 1000 },
  ladder: 'default',
  revision: 1n,
});
