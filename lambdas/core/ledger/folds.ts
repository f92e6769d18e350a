/**
 * Folds: what was settled on leases goes home to its pool as soon as a rung of the cap depends on it, so that the
 * ladder, which looks at pools, hears of it. What a pool and the leases that this process knows come to together is
 * compared with the next rung after each settle; that costs nothing until they reach it.
 *
 * A process that knows every lease, as the local server does, folds when the rung is reached, and not before. One
 * that knows a part of them folds when that part has used its share of the way: as long as each part is below its
 * share, all of them together are below the rung. The collector comes to know every leaf in each of its rounds.
 *
 * A limit that was lowered below what is spent and on lease leaves its pool with less than nothing. What is free of
 * leases then goes home too, so that the new limit is in force.
 */
import { isShared, type Cap } from '../caps/cap.ts';
import { rungsOf } from '../caps/rungs.ts';
import { LedgerBroken, type Account, type Leaf } from './leaf.ts';
import type { Leaves } from './leaves.ts';
import type { KnownLeases, SeenLease } from './leases-seen.ts';
import { leaseOf } from './pool.ts';
import type { Pools, Return } from './pools.ts';

/** Leases in one transaction. */
const FOLDED_AT_ONCE = 8;
/** Transactions at one go; the next settle, or the collector, goes on. */
const ROUNDS_MAX = 16;
/**
 * Of the effective limit: so near a rung, a process that knows a part of the leases no longer folds for ever smaller
 * shares of the way, which would have no end.
 */
const NEAR = 64n;

/** The leaves whose leases have to go home next; none when all is done. */
type Due = (pool: Account, known: KnownLeases) => string[];

export class Folds {
  private readonly pools: Pools;
  private readonly leaves: Leaves;
  /** Accounts whose leases are on their way home: what is settled meanwhile is looked at there. */
  private readonly underWay = new Set<string>();

  constructor({ pools, leaves }: { pools: Pools; leaves: Leaves }) {
    this.pools = pools;
    this.leaves = leaves;
  }

  /**
   * What an overrun took beyond a lease the pool pays at once, so that nobody else spends it; then what rungs depend on
   * goes home. Throws TableUnavailable, LedgerBroken; a repeat goes on.
   */
  async afterSettle(leaf: Leaf | undefined, caps: readonly Cap[]): Promise<void> {
    for (const { account } of leaf ? caps.filter(isShared) : []) {
      if (leaf!.a[account] && leaf!.a[account].f < 0n) await this.pools.giveBack(leaf!, account);
    }
    await this.forRungs(caps);
  }

  /** Folds what a rung of these caps may depend on. Throws TableUnavailable, LedgerBroken; a repeat goes on. */
  async forRungs(caps: readonly Cap[]): Promise<void> {
    await Promise.all(
      caps
        .filter(isShared)
        .map((cap) =>
          this.fold(cap.account, (pool, known) => largestFirst(known, SETTLED, dueForRung(cap, pool, known))),
        ),
    );
  }

  /** Folds all that is known, so that whoever is denied next finds the proof in the pool. Throws as `forRungs`. */
  async all({ account }: Cap): Promise<void> {
    await this.fold(account, (_pool, known) => largestFirst(known, SETTLED, known.settled));
  }

  /**
   * `forRungs` for every shared cap whose leases are known, each against its pool as the cap is now, and what such a
   * pool lacks. Returns a reason for each that was passed by, since it does not balance. Throws TableUnavailable.
   */
  async forAllKnown(capOf: (account: string) => Promise<Cap | undefined>): Promise<string[]> {
    const broken: string[] = [];
    for (const account of this.leaves.leases.accounts()) {
      try {
        const cap = await capOf(account);
        if (!cap) continue;
        await this.pools.change(cap);
        await this.forRungs([cap]);
        await this.fold(account, (pool, known) => largestFirst(known, FREE, -pool.f));
      } catch (error) {
        if (!(error instanceof LedgerBroken)) throw error;
        broken.push(error.message);
      }
    }
    return broken;
  }

  private async fold(account: string, dueOf: Due): Promise<void> {
    if (this.underWay.has(account)) return;
    this.underWay.add(account);
    try {
      for (let round = 0; round < ROUNDS_MAX; round += 1) {
        const pool = this.pools.known(account);
        const known = pool && this.leaves.leases.of(account, pool.k);
        const due = known ? dueOf(pool, known) : [];
        if (due.length === 0) return;
        await this.sendHome(account, due);
      }
    } finally {
      this.underWay.delete(account);
    }
  }

  /** Where a lease lies otherwise meanwhile nothing goes home, and the next round has the newer image. */
  private async sendHome(account: string, leafPks: string[]): Promise<void> {
    const [pool, ...leaves] = await Promise.all([
      this.pools.read(account),
      ...leafPks.map((pk) => this.leaves.read({ pk, sk: '-' })),
    ]);
    if (!pool) return;
    const returns = leaves.flatMap((leaf): Return[] => {
      const lease = leaf && leaseOf(leaf, account, pool.k);
      // What is free stays, unless the pool lacks it; what an overrun took beyond the lease is the pool's to pay.
      const given = lease && (lease.f < 0n || pool.f < 0n) ? lease.f : 0n;
      return lease && (lease.s > 0n || given > 0n) ? [{ leaf, lease, given }] : [];
    });
    if (returns.length === 0 || !(await this.pools.takeBack(account, pool, returns))) return;
    for (const { leaf, given } of returns) this.leaves.leases.wentHome(leaf, account, given);
  }
}

function dueForRung(cap: Cap, pool: Account, known: KnownLeases): bigint {
  const ways = rungsOf(cap, pool).flatMap(({ from }) => (from > pool.s ? [from - pool.s] : []));
  const [first] = ways;
  if (first === undefined) return 0n;
  const way = ways.reduce((least, next) => (next < least ? next : least), first);
  if (known.settled >= way) return way;
  // What all leases have of the pool. The rung is out of reach where even that does not come to it.
  const rights = pool.l - pool.f - pool.s;
  if (rights < way || known.rights >= rights) return 0n;
  const near = pool.l / NEAR;
  const share = (way > near ? way : near) * known.rights;
  return known.settled * rights >= share ? known.settled : 0n;
}

type AmountOf = (lease: SeenLease) => bigint;
const SETTLED: AmountOf = ({ settled }) => settled;
const FREE: AmountOf = ({ free }) => free;

/** As few leases as come to the amount, and no more than one transaction takes. */
function largestFirst({ leases }: KnownLeases, of: AmountOf, amount: bigint): string[] {
  let left = amount;
  return [...leases.values()]
    .filter((lease) => of(lease) > 0n)
    .sort((a, b) => (of(a) < of(b) ? 1 : -1))
    .slice(0, FOLDED_AT_ONCE)
    .flatMap((lease) => {
      if (left <= 0n) return [];
      left -= of(lease);
      return [lease.leafPk];
    });
}
