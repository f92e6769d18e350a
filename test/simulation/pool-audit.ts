/**
 * Pools and their leases, after every write that touched one: nothing of a shared cap is lost or doubled between
 * them, and what is spent and reserved by all leaves together is within what the cap promises.
 */
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { checkLimit, checkStage, shareOf } from './account-check.ts';
import type { AccountImage, HeldImage, LeafImage, PoolImage } from './images.ts';
import type { Truth } from './truth.ts';
import { Violation } from './violation.ts';

/** Requests land up to nine minutes late, and were right when they were sent. */
const LATE_MS = 10 * 60_000;
/** A pool's reading is used for ten seconds, and a slow answer may take half a minute to bring it. */
export const SEEN_MS = 40_000;

/** A day after which a lease counts as idle, and as long again until the collector has come and gone. */
const IDLE_MS = 48 * 3_600_000;

/** How a shared cap stood from one moment on. */
export interface SharedState {
  since: number;
  key: bigint;
  revision: bigint;
  limit: bigint;
  /** Settled as far as the pool knows. */
  folded: bigint;
  settled: bigint;
  used: bigint;
  /** Free on leases. */
  onLease: bigint;
}

export class PoolAudit {
  private readonly known: Truth;
  private readonly leaves: () => Iterable<LeafImage>;
  /** The newest image of each window. */
  private readonly pools = new Map<string, Map<bigint, PoolImage>>();
  private readonly newest = new Map<string, PoolImage>();
  private readonly states = new Map<string, SharedState[]>();
  private readonly indexed = new Map<string, Set<string>>();
  /** Pools that have less free since the write at hand. */
  private readonly drawn = new Set<string>();

  constructor(known: Truth, leaves: () => Iterable<LeafImage>) {
    this.known = known;
    this.leaves = leaves;
  }

  listed(account: string, entry: string): void {
    const listed = this.indexed.get(account);
    if (listed) listed.add(entry);
    else this.indexed.set(account, new Set([entry]));
  }

  /** Other leaves that have ever had a lease of it, or are about to. */
  siblingsOf(account: string, leafPk: string): string[] {
    const leaves = [...(this.indexed.get(account) ?? [])].map((entry) => entry.slice(entry.indexOf('#') + 1));
    return leaves.filter((pk) => pk !== leafPk);
  }

  statesOf(account: string): readonly SharedState[] {
    return this.states.get(account) ?? [];
  }

  poolChanged(account: string, next: PoolImage, isAdjusted: boolean): void {
    const old = this.newest.get(account);
    const fail = (what: string): never => {
      const { k, f, s, l } = next;
      throw new Violation('conservation', `the pool ${account} ${what} (k ${k} f ${f} s ${s} l ${l})`);
    };
    if (next.v !== (old?.v ?? 0n) + 1n) fail(`goes from version ${old?.v} to ${next.v}`);
    if (old && next.k < old.k) fail('goes back to an older window');
    if (old && next.r! < old.r!) fail('goes back to an older revision');
    checkLimit(this.known, account, next, old);
    if (old?.k === next.k && !isAdjusted) {
      if (next.s < old.s) fail('forgets what was settled');
      if (next.l === old.l && next.f < old.f) this.drawn.add(account);
    }
    if (next.g !== undefined && !this.known.ofPool(account).isAdjusted)
      checkStage(this.known, account, next, next.s);
    this.newest.set(account, next);
    const windows = this.pools.get(account);
    if (windows) windows.set(next.k, next);
    else this.pools.set(account, new Map([[next.k, next]]));
  }

  /** What is free of an expired grant is not drawn any more. */
  private checkExpired({ o }: PoolImage, fail: (what: string) => never): void {
    for (const [id, { n, x }] of o)
      if (n > 0n && Number(x) + LATE_MS < this.known.time.now)
        fail(`gives of the grant ${id}, which has expired`);
  }

  /** After all changes of a write: the pool, its leases and the truth agree. */
  check(account: string): void {
    const pool = this.newest.get(account);
    if (!pool) throw new Violation('conservation', `${account} has leases and no pool`);
    const truth = this.known.ofPool(account);
    let limits = 0n;
    let settled = pool.s;
    let onLease = 0n;
    for (const leaf of this.leaves()) {
      const lease = leaf.a.get(account);
      if (!lease) continue;
      if (lease.k > pool.k)
        throw new Violation(
          'conservation',
          `${leaf.pk} has a lease of ${account} that is newer than the pool`,
        );
      if (lease.k < pool.k) continue;
      limits += lease.l;
      settled += lease.s;
      if (lease.f > 0n) onLease += lease.f;
    }
    const fail = (what: string): never => {
      const { k, f, s, l } = pool;
      throw new Violation('conservation', `the pool ${account} ${what} (k ${k} f ${f} s ${s} l ${l})`);
    };
    if (pool.l !== pool.f + pool.s + limits) fail(`is not f + s + leases, which are ${limits}`);
    if (settled !== truth.settledIn(pool.k))
      fail(`and its leases have settled ${settled}, the charges ${truth.settledIn(pool.k)}`);
    const states = this.states.get(account) ?? [];
    const before = states.at(-1);
    // A pool pays for an overrun whatever it has; what leaves can spend rises only by what is there.
    if (this.drawn.delete(account) && before && onLease > before.onLease) {
      if (pool.f < 0n) fail('gives more than it has');
      this.checkExpired(pool, fail);
    }
    const state = {
      since: this.known.time.now,
      key: pool.k,
      revision: pool.r!,
      limit: pool.l,
      folded: pool.s,
      settled,
      used: truth.usedIn(pool.k),
      onLease,
    };
    states.push(state);
    this.states.set(account, states);
  }

  /**
   * A call was admitted by a lease. A lowered limit is in force once the pool has its rights back; until then those
   * that are out are the bound, and they only fall.
   */
  admitted(cap: Cap, held: HeldImage, startedAt: number): void {
    const { account } = cap;
    const pool = this.pools.get(account)?.get(held.k);
    if (!pool) throw new Violation('cap exceeded', `${account} admits in the window ${held.k} of no pool`);
    const truth = this.known.ofPool(account);
    const used = truth.usedIn(held.k) - truth.overrunIn(held.k);
    const bound = pool.f < 0n ? pool.l - pool.f : pool.l;
    this.checkBlock(cap, held.k, startedAt);
    if (held.n > 0n && used > bound) throw new Violation('cap exceeded', `${account}: ${used} of ${bound}`);
  }

  /** A last rung below the limit: who could see that it is reached, as far as the pool knows, is not admitted. */
  private checkBlock(
    { account, revision, thresholds: { block } }: Cap,
    key: bigint,
    startedAt: number,
  ): void {
    if (block === null || block >= 1000) return;
    const states = this.statesOf(account);
    // A correction may have lifted the block while the attempt lasted.
    const seen = states.filter((_, i) => (states[i + 1]?.since ?? Infinity) >= startedAt - SEEN_MS);
    const isBlocked = (state: SharedState): boolean =>
      state.key === key && state.revision === revision && state.folded >= shareOf(state.limit, block)!;
    if (seen.length > 0 && seen.every(isBlocked))
      throw new Violation('cap exceeded', `${account} is blocked from ${block} thousandths on`);
  }

  /** A lease that nobody uses went home when the collector came by. */
  atRest(): void {
    for (const { pk, a } of this.leaves())
      for (const [name, { d }] of a)
        if (d !== undefined && d + IDLE_MS < this.known.time.now)
          throw new Violation('progress', `the lease of ${name} lies on ${pk} since ${d}`);
  }

  /** Whoever looks for leases finds every one of them. */
  checkListed(account: string, leafPk: string, lease: AccountImage): void {
    for (const entry of this.indexed.get(account) ?? []) if (entry.endsWith(`#${leafPk}`)) return;
    throw new Violation(
      'denial justified',
      `${leafPk} has a lease of ${account} (${lease.l}) that nobody finds`,
    );
  }
}
