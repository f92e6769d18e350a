/**
 * What a call does when its lease of a shared cap is too thin: it draws on the pool, and where that is dry on leases
 * that lie idle on other leaves.
 *
 * Each turn looks at the books and decides by that one picture. A shared cap denies only what is proven: settled
 * money alone leaves too little, or two pictures in a row are the same, which makes them true of one moment.
 * Otherwise the answer is "a moment later".
 */
import { durationMs } from '../brands.ts';
import type { Cap } from '../caps/cap.ts';
import { sumOf } from '../money.ts';
import { everyItem } from '../pages.ts';
import { TableUnavailable, isApplied, type Clock, type Ids, type ItemKey, type Table } from '../ports.ts';
import { isBlocked } from './accounts.ts';
import { accountOf, type Books } from './books.ts';
import type { Account, Leaf } from './leaf.ts';
import type { Leaves } from './leaves.ts';
import {
  drawSize,
  hasMoney,
  indexStart,
  leafOfIndexEntry,
  leaseIndexEntry,
  leaseIndexPartition,
  leaseOf,
  type Pool,
} from './pool.ts';
import type { Pools, Return } from './pools.ts';
import { Turns } from './turns.ts';

const TURNS_MAX = 12;
/** Siblings that one turn looks at; more would cost the call more than a moment's wait. */
const SIBLINGS_MAX = 8;
/** Rounds of taking back some of many leases before the call is told to come back. */
const ROUNDS_MAX = 3;
/** Times what is needed: a lease that has more would be asked again and again, or not be found by others at all. */
const FAR_MORE = 4n;
/** Draws on one pool that one process sends at a time; more would only be in each other's way. */
const DRAWS_AT_ONCE = 4;
const ORDER_BITS = 16;
/** A lost race waits for a random part of this, doubled with each turn: as many come in between as contend. */
const PAUSE_FIRST_MS = 16;
const PAUSE_MAX_MS = 1_024;
const PAUSE_BITS = 16;

/** What the call would take of a shared cap, seen against its books. */
export interface Wanted {
  asked: bigint;
  /** The smallest hold with which it could run. */
  smallest: bigint;
}

export interface DrawCall {
  leaf: ItemKey;
  cap: Cap;
  /** The call's view of all its pools; kept up to date here. */
  pools: Map<string, Account>;
  wanted(books: Books): Wanted;
}

export type DrawOutcome =
  /** The lease covers the call, as of this image. */
  | { kind: 'drawn'; leaf: Leaf }
  /** Proven: the cap cannot pay now. `pools` says what was seen. */
  | { kind: 'short'; leaf: Leaf }
  /** Neither paid nor proven within what one call may look at. */
  | { kind: 'undecided'; leaf: Leaf };

/** What one turn saw. */
interface Picture {
  pool: Pool;
  mine: Leaf;
  siblings: Return[];
  /** Nobody else has a lease. */
  isWhole: boolean;
  /** The same in two turns in a row: nothing moved in between. */
  versions: string;
}

interface Search {
  /** The pool alone was too thin: from then on each turn looks at siblings too. */
  isWide: boolean;
  rounds: number;
  /** The leaf stands in the index. */
  isListed: boolean;
  before: string | undefined;
}

export class Draws {
  private readonly table: Table;
  private readonly clock: Clock;
  private readonly ids: Ids;
  private readonly leaves: Leaves;
  private readonly pools: Pools;
  private readonly turns = new Turns(DRAWS_AT_ONCE);

  constructor(deps: { table: Table; clock: Clock; ids: Ids; leaves: Leaves; pools: Pools }) {
    this.table = deps.table;
    this.clock = deps.clock;
    this.ids = deps.ids;
    this.leaves = deps.leaves;
    this.pools = deps.pools;
  }

  /** Fills the leaf's lease until it covers the call. Throws TableUnavailable. */
  draw(call: DrawCall): Promise<DrawOutcome> {
    return this.turns.take(call.cap.account, () => this.drawInTurn(call));
  }

  private async drawInTurn(call: DrawCall): Promise<DrawOutcome> {
    const search: Search = { isWide: false, rounds: 0, isListed: false, before: undefined };
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      const next = await this.decide(call, await this.look(call, search), search);
      if (typeof next === 'object') return next;
      if (next === 'lost_race') await this.pause(turn);
    }
    return { kind: 'undecided', leaf: await this.mustRead(call.leaf) };
  }

  /** `look_again`: with what is known now, or to see whether it stays so. `lost_race`: others moved the books. */
  private async decide(
    call: DrawCall,
    picture: Picture,
    search: Search,
  ): Promise<DrawOutcome | 'look_again' | 'lost_race'> {
    const { cap, pools } = call;
    const { pool, mine, siblings, isWhole, versions } = picture;
    const isProven = search.before === versions;
    search.before = versions;
    pools.set(cap.account, seenOf(picture));
    const books: Books = { leaf: mine, pools };
    const { asked, smallest } = call.wanted(books);
    if (isBlocked(cap, accountOf(books, cap))) {
      return isProven || isBlocked(cap, pool) ? { kind: 'short', leaf: mine } : 'look_again';
    }
    const lease = leaseOf(mine, cap.account, pool.k);
    const lack = asked - (lease?.f ?? 0n);
    if (lack <= 0n) return { kind: 'drawn', leaf: mine };
    if (pool.f >= lack) return this.drawn(call, picture, search, drawSize(lease, asked, lack, pool), []);
    // What is settled is never less than the pool knows: this one reading proves that nothing can help.
    if (pool.l - pool.s < smallest) return { kind: 'short', leaf: mine };
    if (!search.isWide) {
      search.isWide = true;
      return 'look_again';
    }
    const owing = siblings.filter(({ given }) => given < 0n);
    if (owing.length > 0) return this.takeBack(cap, pool, owing);
    const idle = sumOf(siblings.map(({ given }) => given));
    if (pool.f + idle >= lack) {
      return this.drawn(call, picture, search, lack, richestFirst(siblings, lack - pool.f));
    }
    if (isWhole) return isProven ? { kind: 'short', leaf: mine } : 'look_again';
    if (search.rounds >= ROUNDS_MAX) return { kind: 'undecided', leaf: mine };
    search.rounds += 1;
    const worthwhile = siblings.filter(({ lease }) => hasMoney(lease));
    return worthwhile.length > 0 ? this.takeBack(cap, pool, worthwhile) : 'look_again';
  }

  private async drawn(
    { cap, pools }: DrawCall,
    picture: Picture,
    search: Search,
    drawn: bigint,
    returns: readonly Return[],
  ): Promise<DrawOutcome | 'lost_race'> {
    const { pool, mine, isWhole } = picture;
    if (!mine.a[cap.account] && !search.isListed) await this.enterIndex(cap.account, mine.pk);
    search.isListed = true;
    const after = await this.pools.draw(cap.account, pool, { leaf: mine, drawn }, returns);
    if (!after) return 'lost_race';
    // The call was fitted to what was seen, and must still fit: what siblings have settled stays in view.
    const seen = seenOf(picture);
    const settled = leaseOf(mine, cap.account, pool.k)?.s ?? 0n;
    pools.set(cap.account, isWhole ? { ...seen, f: seen.f - drawn, s: seen.s + settled } : after.pool);
    return { kind: 'drawn', leaf: after.leaf };
  }

  private async takeBack(cap: Cap, pool: Pool, returns: Return[]): Promise<'look_again' | 'lost_race'> {
    return (await this.pools.takeBack(cap.account, pool, returns)) ? 'look_again' : 'lost_race';
  }

  // ---- looking ---------------------------------------------------------------------------------------------

  private async look({ cap, leaf }: DrawCall, search: Search): Promise<Picture> {
    const around = search.isWide ? await this.siblings(cap.account, leaf.pk) : { keys: [], isAll: false };
    // The pool first: what goes home meanwhile is then seen in neither place, and never in both.
    const pool = await this.pools.change(cap);
    const [mine, ...others] = await Promise.all([
      this.mustRead(leaf),
      ...around.keys.map((key) => this.leaves.read(key)),
    ]);
    const siblings = others.flatMap((sibling): Return[] => {
      const lease = sibling && leaseOf(sibling, cap.account, pool.k);
      return lease ? [{ leaf: sibling, lease, given: lease.f }] : [];
    });
    const versions = [pool, mine, ...others].map((item) => `${item?.pk} ${item?.v}`).join();
    return { pool, mine, siblings, isWhole: around.isAll, versions };
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

  /** Before the leaf's first draw, so that whoever looks for leases finds this one. */
  private async enterIndex(account: string, leafPk: string): Promise<void> {
    isApplied(await this.table.put({ item: leaseIndexEntry(account, leafPk) }));
  }

  private async mustRead(key: ItemKey): Promise<Leaf> {
    const leaf = await this.leaves.read(key);
    if (!leaf) throw new TableUnavailable(`the leaf ${key.pk} is gone`);
    return leaf;
  }

  private pause(turn: number): Promise<void> {
    const longest = Math.min(PAUSE_FIRST_MS * 2 ** turn, PAUSE_MAX_MS);
    const share = Number(this.ids.randomBits(PAUSE_BITS)) / 2 ** PAUSE_BITS;
    return this.clock.sleep(durationMs(Math.floor(longest * share)));
  }
}

/** The pool, and where every lease was seen what they have beside it. */
function seenOf({ pool, siblings, isWhole }: Picture): Account {
  if (!isWhole) return pool;
  return {
    ...pool,
    f: pool.f + sumOf(siblings.map(({ lease }) => lease.f)),
    s: pool.s + sumOf(siblings.map(({ lease }) => lease.s)),
  };
}

/** What is needed, of as few leases as may be. One that has far more gives half of it, for whoever asks next. */
function richestFirst(siblings: readonly Return[], needed: bigint): Return[] {
  let left = needed;
  return [...siblings]
    .sort((a, b) => (a.given < b.given ? 1 : -1))
    .flatMap((sibling): Return[] => {
      if (left <= 0n || sibling.given <= 0n) return [];
      const isRich = sibling.given > FAR_MORE * left;
      const given = isRich ? sibling.given / 2n : sibling.given < left ? sibling.given : left;
      left -= given;
      return [{ ...sibling, given }];
    });
}

/** By name, so that two pictures of the same leaves compare equal whatever place they began at. */
const inOrder = (keys: ItemKey[]): ItemKey[] => keys.sort((a, b) => (a.pk < b.pk ? -1 : 1));
