/**
 * Pools of shared caps, as this process knows them. Rights move between a pool and leaves only in a transaction of
 * all of them, so that none is lost or doubled whatever crashes in between.
 */
import QuickLRU from 'quick-lru';
import { durationMs, type EpochMs } from '../brands.ts';
import type { Cap } from '../caps/cap.ts';
import {
  TableUnavailable,
  isApplied,
  type Clock,
  type Ids,
  type Table,
  type TransactWrite,
} from '../ports.ts';
import { giveBackWrite, movePoolWrite, putAtVersion } from './expressions.ts';
import { leafToItem, type Account, type Leaf } from './leaf.ts';
import type { Leaves } from './leaves.ts';
import { transactionToken } from './transaction-token.ts';
import {
  accountOfPool,
  drawnLease,
  hasMoney,
  leaseOf,
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

/** What a lease gives back: `given` of what is free of it, and all that was settled on it. */
export interface Return {
  leaf: Leaf;
  lease: Account;
  given: bigint;
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
    return this.all(caps, (account) => this.readLately(account));
  }

  /** As of at most ten seconds ago. Throws TableUnavailable, LedgerBroken. */
  async readLately(account: string): Promise<Pool | undefined> {
    const last = this.lastSeen.get(account);
    const isFresh = last !== undefined && last.at + SEEN_FOR > this.clock.now();
    return isFresh ? last.pool : this.read(account);
  }

  /** The caps' pools, by account name, as they stand now. Throws TableUnavailable. */
  readAll(caps: readonly Cap[]): Promise<Map<string, Pool>> {
    return this.all(caps, (account) => this.read(account));
  }

  /** One that is not there yet, or is of an older window, is shown as the next draw will find it. */
  private async all(
    caps: readonly Cap[],
    get: (account: string) => Promise<Pool | undefined>,
  ): Promise<Map<string, Pool>> {
    const pools = await Promise.all(
      caps.map(async (cap): Promise<[string, Pool]> => {
        const pool = await get(cap.account);
        return [cap.account, preparePool(pool, cap, this.clock.now()) ?? pool!];
      }),
    );
    return new Map(pools);
  }

  /** The pool as this process last saw it, which may be long ago. */
  known(account: string): Pool | undefined {
    return this.lastSeen.get(account)?.pool;
  }

  /** Strongly consistent. Throws TableUnavailable, LedgerBroken. */
  async read(account: string): Promise<Pool | undefined> {
    const item = await this.table.get(poolKey(account));
    return item && this.seen(poolFromItem(item));
  }

  /** Reads the pool, prepares it, computes its next state, writes it at its version; again if someone was faster. */
  async change(cap: Cap, next: (pool: Pool) => Pool | undefined = () => undefined): Promise<Pool> {
    let unwritten: { at: bigint | undefined; reason: string } | undefined;
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      const old = await this.read(cap.account);
      if (unwritten && unwritten.at === old?.v) throw new TableUnavailable(unwritten.reason);
      const prepared = preparePool(old, cap, this.clock.now()) ?? old!;
      const changed = next(prepared) ?? prepared;
      if (changed === old) return old;
      const write = await this.table.put(putAtVersion(poolToItem(changed), old));
      if (write.kind === 'applied') return this.seen(poolFromItem(write.item));
      if (write.kind === 'unavailable') {
        if (write.unanswered > 0) throw new TableUnavailable(write.reason);
        // No outage where the pool has moved: transactions of others were in the way, and may have done what was to do.
        unwritten = { at: old?.v, reason: write.reason };
      }
      await this.clock.sleep(durationMs(Number(this.ids.randomBits(4)) * Math.min(turn + 1, 4)));
    }
    throw new TableUnavailable(`the pool of ${cap.account} did not come to rest`);
  }

  /** What of a lease is free, and what was settled on it, goes home. Not if it lies otherwise meanwhile. */
  async giveBack(leaf: Leaf, account: string): Promise<void> {
    const pool = await this.read(account);
    const lease = pool && leaseOf(leaf, account, pool.k);
    if (lease && hasMoney(lease)) await this.takeBack(account, pool, [{ leaf, lease, given: lease.f }]);
  }

  /** Leases give back to the pool. False when one of them cannot any more, or others were faster: nothing moved. */
  async takeBack(account: string, pool: Pool, returns: readonly Return[]): Promise<boolean> {
    return (await this.move(account, pool, returns, { drawn: 0n, settled: 0n, put: [] })) !== undefined;
  }

  /**
   * The leaf draws, of the pool and of what other leases give back in the same transaction. Undefined when the leaf
   * or a lease was not as seen, the pool has too little, or others were faster: nothing moved.
   */
  async draw(
    account: string,
    pool: Pool,
    { leaf, drawn }: { leaf: Leaf; drawn: bigint },
    returns: readonly Return[] = [],
  ): Promise<{ pool: Pool; leaf: Leaf } | undefined> {
    const lease = leaseOf(leaf, account, pool.k);
    const next = drawnLease(lease, pool.k, drawn, this.clock.now());
    const put = putAtVersion(leafToItem({ ...leaf, a: { ...leaf.a, [account]: next } }), leaf);
    const mine = { drawn, settled: lease?.s ?? 0n, put: [{ op: 'put' as const, ...put }] };
    const after = await this.move(account, pool, returns, mine);
    return after && { pool: after, leaf: this.leaves.seen(put.item) };
  }

  private async move(
    account: string,
    pool: Pool,
    returns: readonly Return[],
    mine: { drawn: bigint; settled: bigint; put: TransactWrite[] },
  ): Promise<Pool | undefined> {
    const now = this.clock.now();
    let { drawn, settled } = mine;
    const givenBack = returns.map(({ leaf, lease, given }): TransactWrite => {
      drawn -= given;
      settled += lease.s;
      const key = { pk: leaf.pk, sk: leaf.sk };
      const back = { windowKey: pool.k, given, settled: lease.s, now };
      return { op: 'update', ...giveBackWrite(key, account, back) };
    });
    const isDraw = mine.put.length > 0;
    const poolSide = movePoolWrite(poolKey(account), { windowKey: pool.k, drawn, settled, isDraw });
    const outcome = await this.table.transact(
      [{ op: 'update', ...poolSide }, ...mine.put, ...givenBack],
      transactionToken(this.ids),
    );
    if (!isApplied(outcome)) return undefined;
    return this.seen({ ...pool, f: pool.f - drawn, s: pool.s + settled });
  }

  private seen(pool: Pool): Pool {
    this.lastSeen.set(accountOfPool(pool.pk), { pool, at: this.clock.now() });
    return pool;
  }
}
