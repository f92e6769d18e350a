/**
 * Everything that the change feed would tell of, as it stands in the table now: what is told from it again has the ids
 * that it had, so whoever has acted on them acts no more. Told with it: what was crossed, reached, overrun, asked for and
 * decided. Not told: stages that went down, and a window that ended before its account was looked at again.
 */
import { durationMs, epochMs, type EpochMs } from '../brands.ts';
import { isShared } from '../caps/cap.ts';
import { REACHED_LIST } from '../admission/reached-caps.ts';
import type { Directory } from '../directory/directory.ts';
import { grantKey } from '../grants/grant-items.ts';
import { GrantRecords } from '../grants/grant-records.ts';
import { chargeToItem } from '../ledger/charge.ts';
import { eachCharge } from '../ledger/charges-between.ts';
import { leavesOf } from '../ledger/collect.ts';
import type { Account, Leaf } from '../ledger/leaf.ts';
import { poolKey } from '../ledger/pool.ts';
import { everyItem } from '../pages.ts';
import type { Item, ItemKey, Table } from '../ports.ts';
import { DAY, HOUR, toSortableRfc3339 } from '../time.ts';

/** Where a telling goes on: after what is no account, hour by hour through charges, leaf by leaf. */
export type Place =
  { part: 'lists' } | { part: 'overruns'; from: EpochMs } | { part: 'leaves'; leaf: string | null };

export interface StandingItems {
  items: Item[];
  /** Undefined at the end. */
  next: Place | undefined;
}

interface Deps {
  table: Table;
  directory: Directory;
}

const ITEMS_A_PAGE = 100;
const LEAVES_AT_A_TIME = 25;
/** A call may have been admitted so long before its charge was written. */
const CALL_MAX = HOUR;

/** From `place` on; what has an instant of its own only since then. Throws TableUnavailable. */
export async function* standingItems(
  deps: Deps,
  { since, until }: { since: EpochMs; until: EpochMs },
  place: Place,
): AsyncGenerator<StandingItems> {
  const begun = epochMs(since - CALL_MAX);
  let at = place;
  if (at.part === 'lists') {
    const next: Place = { part: 'overruns', from: begun };
    yield {
      items: [...(await pools(deps)), ...(await grants(deps, since)), ...(await reached(deps, since))],
      next,
    };
    at = next;
  }
  if (at.part === 'overruns') {
    for (let from = at.from; from < until; from = epochMs(from + HOUR)) {
      const to = epochMs(Math.min(from + HOUR, until));
      const next: Place = to < until ? { part: 'overruns', from: to } : { part: 'leaves', leaf: null };
      yield { items: await overruns(deps.table, from, to), next };
    }
    at = { part: 'leaves', leaf: null };
  }
  yield* leaves(deps.table, at.leaf);
}

async function pools({ table, directory }: Deps): Promise<Item[]> {
  const found: Item[] = [];
  for await (const key of poolKeys(directory)) {
    const pool = await table.get(key);
    if (pool) found.push(pool);
  }
  return found;
}

/** Of every shared cap; its pool may not be there yet. */
export async function* poolKeys(directory: Directory): AsyncGenerator<ItemKey> {
  for await (const cap of everyItem(({ cursor }) => directory.listCaps(ITEMS_A_PAGE, cursor))) {
    if (isShared(cap)) yield poolKey(cap.account);
  }
}

async function grants({ table }: Deps, since: EpochMs): Promise<Item[]> {
  const found: Item[] = [];
  const records = new GrantRecords({ table });
  for (const status of ['requested', 'approved', 'denied', 'expired'] as const) {
    for await (const grant of everyItem(({ cursor }) => records.list(status, ITEMS_A_PAGE, cursor))) {
      if ((grant.decision?.at ?? grant.requestedAt) < since) continue;
      const item = await table.get(grantKey(grant.id));
      if (item) found.push(item);
    }
  }
  return found;
}

async function reached({ table }: Deps, since: EpochMs): Promise<Item[]> {
  const found: Item[] = [];
  const span = { index: 'byTime' as const, partition: REACHED_LIST, from: toSortableRfc3339(since) };
  for await (const item of everyItem((at) => table.query({ ...span, ...at }))) found.push(item);
  return found;
}

async function overruns(table: Table, from: EpochMs, to: EpochMs): Promise<Item[]> {
  const found: Item[] = [];
  await eachCharge(table, { from, to }, (charge) => {
    if (charge.outcome === 'overrun') found.push(chargeToItem(charge));
    return true;
  });
  return found;
}

async function* leaves(table: Table, first: string | null): AsyncGenerator<StandingItems> {
  let keys: ItemKey[] = [];
  const read = async (): Promise<Item[]> =>
    (await Promise.all(keys.map((key) => table.get(key)))).filter((leaf) => leaf !== undefined);
  for await (const key of leavesOf(table, first === null ? undefined : { pk: first, sk: '-' })) {
    if (keys.length === LEAVES_AT_A_TIME) {
      yield { items: await read(), next: { part: 'leaves', leaf: key.pk } };
      keys = [];
    }
    keys.push(key);
  }
  yield { items: await read(), next: undefined };
}

/** No calendar window is longer. */
const WINDOW_MAX = durationMs(31 * DAY);
/** A call of a window may be charged so long after its end. */
const CHARGED_LATE_MAX = durationMs(2 * DAY);

/**
 * The accounts of a leaf or pool that surely were told of as they stand, for want of an older image: those whose window
 * ended before `since`, and those of rolling windows whose stage the ladder has set, since their key, and with it the
 * id of what is told, moves on with each bucket.
 */
export function toldAccounts(item: Item, since: EpochMs): Item | undefined {
  const pk = item['pk'] as string;
  const isTold = (account: Account): boolean => {
    const hasEnded = account.k > 0n && Number(account.k) * 1000 + WINDOW_MAX + CHARGED_LATE_MAX < since;
    return hasEnded || (account.b !== undefined && account.g !== undefined);
  };
  if (pk.startsWith('P#')) return isTold(item as unknown as Account) ? item : undefined;
  if (!pk.startsWith('L#')) return undefined;
  const accounts = Object.entries((item as unknown as Leaf).a).filter(([, account]) => isTold(account));
  return { ...item, a: Object.fromEntries(accounts) as unknown as Item };
}
