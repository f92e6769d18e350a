/**
 * Pools of shared caps: drawing on them, and what happens when one runs dry. Rights move between a pool and a
 * leaf only in a transaction of both, so that none is lost or doubled whatever crashes in between.
 *
 * A shared cap denies only what is proven: settled money alone leaves too little, or two collects in a row saw the
 * same books of every leaf, which makes them one picture. Otherwise the answer is "a moment later".
 */
import QuickLRU from 'quick-lru';
import { durationMs, type EpochMs } from '../brands.ts';
import type { Cap } from '../caps/cap.ts';
import { everyItem } from '../pages.ts';
import { HOUR } from '../time.ts';
import { TableUnavailable, type Clock, type Ids, type ItemKey, type Table } from '../ports.ts';
import { isBlocked } from './accounts.ts';
import { accountOf, type Books } from './books.ts';
import { movePoolWrite, putAtVersion } from './expressions.ts';
import { leafToItem, type Account, type Leaf } from './leaf.ts';
import type { Leaves } from './leaves.ts';
import { transactionToken } from './transaction-token.ts';
import {
  accountOfPool,
  drawSize,
  goesHome,
  indexStart,
  leafOfIndexEntry,
  leaseIndexEntry,
  leaseIndexPartition,
  leaseOf,
  moveLease,
  poolFromItem,
  poolKey,
  poolToItem,
  preparePool,
  type Pool,
} from './pool.ts';

/** A pool's figures are shown, and its stage taken, from a reading no older than this. */
const SEEN_FOR = durationMs(10_000);
const POOLS_SEEN_MAX = 10_000;
const TURNS_MAX = 30;
/** Siblings that one call looks at; more would cost it more than a moment's wait. */
const SIBLINGS_MAX = 8;
/** Rounds of folding some of many leases before the call is told to come back. */
const FOLDS_MAX = 3;
const COLLECTS_MAX = 8;
/** A lease that was not drawn on for so long is not in use, or will last its user for long. */
const LEASE_IDLE = HOUR;
const ORDER_BITS = 16;

/** What the call would take of a shared cap, seen against its books. */
export interface Wanted {
  asked: bigint;
  /** The smallest hold with which it could run. */
  smallest: bigint;
}

export type DrawOutcome =
  /** The lease covers the call, as of this image. */
  | { kind: 'drawn'; leaf: Leaf }
  /** Proven: the cap cannot pay now. `books` says what was seen. */
  | { kind: 'short'; leaf: Leaf }
  /** Neither paid nor proven within what one call may look at. */
  | { kind: 'undecided'; leaf: Leaf };

export interface DrawCall {
  leaf: ItemKey;
  cap: Cap;
  /** The call's view of all its pools; kept up to date here. */
  pools: Map<string, Account>;
  wanted(books: Books): Wanted;
}

export class Pools {
  private readonly table: Table;
  private readonly clock: Clock;
  private readonly ids: Ids;
  private readonly leaves: Leaves;
  private readonly lastSeen = new QuickLRU<string, { pool: Pool; at: EpochMs }>({ maxSize: POOLS_SEEN_MAX });

  constructor(deps: { table: Table; clock: Clock; ids: Ids; leaves: Leaves }) {
    this.table = deps.table;
    this.clock = deps.clock;
    this.ids = deps.ids;
    this.leaves = deps.leaves;
  }

  /** The caps' pools, by account name, as of at most ten seconds ago. Throws TableUnavailable. */
  seenLately(caps: readonly Cap[]): Promise<Map<string, Account>> {
    return this.all(caps, async (account) => {
      const last = this.lastSeen.get(account);
      const isFresh = last !== undefined && last.at + SEEN_FOR > this.clock.now();
      return isFresh ? last.pool : this.read(account);
    });
  }

  /** The caps' pools, by account name, as they stand now. Throws TableUnavailable. */
  readAll(caps: readonly Cap[]): Promise<Map<string, Account>> {
    return this.all(caps, (account) => this.read(account));
  }

  /** One that is not there yet, or is of an older window, is shown as the next draw will find it. */
  private async all(
    caps: readonly Cap[],
    get: (account: string) => Promise<Pool | undefined>,
  ): Promise<Map<string, Account>> {
    const pools = await Promise.all(
      caps.map(async (cap): Promise<[string, Account]> => {
        const pool = await get(cap.account);
        return [cap.account, preparePool(pool, cap, this.clock.now()) ?? pool!];
      }),
    );
    return new Map(pools);
  }

  /** Strongly consistent. Throws TableUnavailable, LedgerBroken. */
  async read(account: string): Promise<Pool | undefined> {
    const item = await this.table.get(poolKey(account));
    return item && this.seen(poolFromItem(item));
  }

  /** Reads the pool, prepares it, computes its next state, writes it at its version; again if someone was faster. */
  async change(cap: Cap, next: (pool: Pool) => Pool | undefined = () => undefined): Promise<Pool> {
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      const old = await this.read(cap.account);
      const prepared = preparePool(old, cap, this.clock.now()) ?? old!;
      const changed = next(prepared) ?? prepared;
      if (changed === old) return old;
      const write = await this.table.put(putAtVersion(poolToItem(changed), old));
      if (write.kind === 'unavailable') throw new TableUnavailable(write.reason);
      if (write.kind === 'applied') return this.seen(poolFromItem(write.item));
      await this.pause(turn);
    }
    throw new TableUnavailable(`the pool of ${cap.account} did not come to rest`);
  }

  /** Fills the leaf's lease until it covers the call, pulling from idle siblings where the pool is dry. */
  async draw(call: DrawCall): Promise<DrawOutcome> {
    const { cap, pools } = call;
    const search: Search = { folds: 0, collects: 0, before: undefined, blocked: undefined };
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      const [pool, leaf] = await Promise.all([this.change(cap), this.mustRead(call.leaf)]);
      if ((leaf.a[cap.account]?.k ?? 0n) > pool.k) continue;
      pools.set(cap.account, pool);
      const lease = leaseOf(leaf, cap.account, pool.k);
      const { asked, smallest } = call.wanted({ leaf, pools });
      const lack = asked - (lease?.f ?? 0n);
      if (isBlocked(cap, accountOf({ leaf, pools }, cap))) {
        // The two were read one beside the other: money that went home in between was counted twice.
        const picture = `${pool.v} ${leaf.v}`;
        if (isBlocked(cap, pool) || search.blocked === picture) return { kind: 'short', leaf };
        search.blocked = picture;
        continue;
      }
      if (lack <= 0n) return { kind: 'drawn', leaf };
      if (pool.f >= lack) {
        if (!leaf.a[cap.account]) await this.enterIndex(cap.account, leaf.pk);
        const moved = await this.move(cap.account, pool, leaf, drawSize(lease, asked, lack, pool));
        if (moved) {
          pools.set(cap.account, moved.pool);
          return { kind: 'drawn', leaf: moved.leaf };
        }
        await this.pause(turn);
        continue;
      }
      // What is settled is never less than the pool knows: this one reading proves that nothing can help.
      if (pool.l - pool.s < smallest) return { kind: 'short', leaf };
      const found = await this.searchSiblings(call, search);
      if (found !== 'again') return { kind: found, leaf };
      await this.pause(search.collects);
    }
    return { kind: 'undecided', leaf: await this.mustRead(call.leaf) };
  }

  /** What of a lease is free, and what was settled on it, goes home. Not if the books moved meanwhile. */
  async giveBack(leaf: Leaf, account: string): Promise<void> {
    const pool = await this.read(account);
    const lease = pool && leaseOf(leaf, account, pool.k);
    if (!lease || (lease.f <= 0n && goesHome(lease) === 0n)) return;
    await this.move(account, pool, leaf, -positive(lease.f));
  }

  /**
   * Leases that nobody drew on for a while go home, so that their team can spend them and its figures are true;
   * those that have nothing left, or whose window is over, leave the leaf.
   */
  async tidyLeases(leaf: Leaf): Promise<void> {
    const now = this.clock.now();
    const held = new Set(Object.values(leaf.h).flatMap(({ c }) => Object.keys(c)));
    const idle = Object.entries(leaf.a).filter(
      ([name, { d }]) => d !== undefined && d + BigInt(LEASE_IDLE) <= BigInt(now) && !held.has(name),
    );
    const spent: string[] = [];
    for (const [name, lease] of idle) {
      const pool = await this.read(name);
      if (!pool || lease.k > pool.k) continue;
      const isEmpty = lease.l === 0n && lease.f === 0n && lease.s === 0n;
      if (isEmpty || lease.k < pool.k) spent.push(name);
      else await this.giveBack(await this.mustRead(leaf), name);
    }
    if (spent.length === 0) return;
    await this.leaves.change(leaf, (current) => {
      const kept = Object.entries(current.a).filter(
        ([name, account]) => !spent.includes(name) || !isSameLease(account, leaf.a[name]!),
      );
      const isHeld = Object.values(current.h).some(({ c }) => spent.some((name) => name in c));
      return isHeld || kept.length === Object.keys(current.a).length
        ? undefined
        : { ...current, a: Object.fromEntries(kept) };
    });
  }

  // ---- a dry pool ------------------------------------------------------------------------------------------

  /** One more look at the other leaves: pulls what is idle, or finds that all of it is not enough. */
  private async searchSiblings(call: DrawCall, search: Search): Promise<'again' | 'short' | 'undecided'> {
    const { cap, pools } = call;
    const { keys, isAll } = await this.siblings(cap.account, call.leaf.pk);
    const [pool, me, ...others] = await Promise.all([
      this.read(cap.account),
      this.mustRead(call.leaf),
      ...keys.map((key) => this.leaves.read(key)),
    ]);
    if (!pool || (me.a[cap.account]?.k ?? 0n) > pool.k) return 'again';
    const live = others.flatMap((leaf) => {
      const lease = leaf && leaseOf(leaf, cap.account, pool.k);
      return lease ? [{ leaf, lease }] : [];
    });
    const idle = live.reduce((sum, { lease }) => sum + positive(lease.f), 0n);
    if (isAll) {
      const settled = live.reduce((sum, { lease }) => sum + lease.s, 0n);
      pools.set(cap.account, { ...pool, s: pool.s + settled, f: pool.f + idle });
    } else {
      pools.set(cap.account, pool);
    }
    const { asked } = call.wanted({ leaf: me, pools });
    const lack = asked - (leaseOf(me, cap.account, pool.k)?.f ?? 0n) - pool.f;
    if (lack <= 0n) return 'again';
    if (idle >= lack) {
      await this.pull(cap.account, pool, live, lack);
      return 'again';
    }
    if (!isAll) {
      if (search.folds >= FOLDS_MAX) return 'undecided';
      search.folds += 1;
      for (const { leaf, lease } of live) {
        if (lease.f > 0n || goesHome(lease) > 0n)
          await this.move(cap.account, pool, leaf, -positive(lease.f));
      }
      return 'again';
    }
    const picture = [pool, me, ...others].map((item) => `${item?.pk} ${item?.v}`).join();
    if (search.before === picture) return 'short';
    search.before = picture;
    search.collects += 1;
    return search.collects > COLLECTS_MAX ? 'undecided' : 'again';
  }

  /** From the richest on; a lease that moved meanwhile is passed over, since the next look sees it as it is. */
  private async pull(account: string, pool: Pool, live: readonly Sibling[], lack: bigint): Promise<void> {
    let left = lack;
    for (const { leaf, lease } of [...live].sort((a, b) => (a.lease.f < b.lease.f ? 1 : -1))) {
      if (left <= 0n || lease.f <= 0n) return;
      const pulled = lease.f < left ? lease.f : left;
      if (await this.move(account, pool, leaf, -pulled)) left -= pulled;
    }
  }

  /** Other leaves that ever drew, in one order; all of them, or some from a random place on. */
  private async siblings(account: string, mine: string): Promise<{ keys: ItemKey[]; isAll: boolean }> {
    const partition = leaseIndexPartition(account);
    const limit = SIBLINGS_MAX + 2;
    const start = indexStart(this.ids.randomBits(ORDER_BITS));
    const found: ItemKey[] = [];
    for (const bounds of [{ from: start }, { to: start }]) {
      for await (const entry of everyItem((at) => this.table.query({ partition, limit, ...bounds, ...at }))) {
        const key = leafOfIndexEntry(entry);
        if (key.pk !== mine) found.push(key);
        if (found.length > SIBLINGS_MAX) return { keys: inOrder(found.slice(0, SIBLINGS_MAX)), isAll: false };
      }
    }
    return { keys: inOrder(found), isAll: true };
  }

  // ---- writes ----------------------------------------------------------------------------------------------

  /** Moves rights between pool and leaf; undefined when either was not as seen, and nothing moved. */
  private async move(
    account: string,
    pool: Pool,
    leaf: Leaf,
    drawn: bigint,
  ): Promise<{ pool: Pool; leaf: Leaf } | undefined> {
    const lease = leaseOf(leaf, account, pool.k);
    const settled = goesHome(lease, drawn);
    const moved = moveLease(lease, pool.k, drawn, this.clock.now());
    const put = putAtVersion(leafToItem({ ...leaf, a: { ...leaf.a, [account]: moved } }), leaf);
    const poolSide = movePoolWrite(poolKey(account), { windowKey: pool.k, drawn, settled });
    const outcome = await this.table.transact(
      [
        { op: 'update', ...poolSide },
        { op: 'put', ...put },
      ],
      transactionToken(this.ids),
    );
    if (outcome.kind === 'unavailable') throw new TableUnavailable(outcome.reason);
    if (outcome.kind === 'refused') return undefined;
    const after = { ...pool, f: pool.f - drawn, s: pool.s + settled };
    return { pool: this.seen(after), leaf: this.leaves.seen(put.item) };
  }

  private async enterIndex(account: string, leafPk: string): Promise<void> {
    const write = await this.table.put({ item: leaseIndexEntry(account, leafPk) });
    if (write.kind === 'unavailable') throw new TableUnavailable(write.reason);
  }

  private async mustRead(key: ItemKey): Promise<Leaf> {
    const leaf = await this.leaves.read(key);
    if (!leaf) throw new TableUnavailable(`the leaf ${key.pk} is gone`);
    return leaf;
  }

  private seen(pool: Pool): Pool {
    this.lastSeen.set(accountOfPool(pool.pk), { pool, at: this.clock.now() });
    return pool;
  }

  private pause(turn: number): Promise<void> {
    return this.clock.sleep(durationMs(Number(this.ids.randomBits(4)) * Math.min(turn + 1, 4)));
  }
}

interface Search {
  folds: number;
  collects: number;
  /** Versions of the books in the collect before; equal ones in the next make both one picture. */
  before: string | undefined;
  /** Versions of pool and leaf that together are at the last rung; the same again prove it. */
  blocked: string | undefined;
}

interface Sibling {
  leaf: Leaf;
  lease: Account;
}

const isSameLease = (a: Account, b: Account): boolean =>
  a.k === b.k && a.f === b.f && a.s === b.s && a.l === b.l && a.d === b.d;

const positive = (amount: bigint): bigint => (amount > 0n ? amount : 0n);
/** By name, so that two collects that saw the same leaves compare equal whatever place they began at. */
const inOrder = (keys: ItemKey[]): ItemKey[] => keys.sort((a, b) => (a.pk < b.pk ? -1 : 1));
