/** Open holds, and why each is open: what an operator looks at when money is held that nobody seems to use. */
import { epochMs, holdId, type EpochMs, type HoldId } from '../brands.ts';
import type { ItemKey, Table } from '../ports.ts';
import { holdOfRequest, isHoldId } from '../request-ids.ts';
import { SLOT_TIME } from './accounts.ts';
import { SETTLING_TIME, leavesOf } from './collect.ts';
import type { Charge } from './charge.ts';
import { chargesUnder } from './earlier-calls.ts';
import type { Hold, Leaf } from './leaf.ts';
import type { Ledger } from './ledger.ts';
import { stampedAt } from './stamp.ts';

export type HoldState =
  /** Its call may be running. */
  | 'in_flight'
  /** Its charge stands; the next collection finishes the settle. */
  | 'charged'
  /** Its process is gone, and nobody knows what the provider billed: presumed spent at its expiry. */
  | 'orphaned';

export interface OpenHold {
  id: HoldId;
  leaf: ItemKey;
  hold: Hold;
  state: HoldState;
  heldSince: EpochMs;
}

export interface HoldPage {
  items: OpenHold[];
  /** The leaf to go on with; undefined at the end. */
  next: string | undefined;
}

/** At least `limit` holds where there are so many: a leaf's are never parted. Throws TableUnavailable. */
export async function listHolds(
  deps: { table: Table; ledger: Ledger },
  { limit, from, now }: { limit: number; from: string | undefined; now: EpochMs },
): Promise<HoldPage> {
  const items: OpenHold[] = [];
  for await (const key of leavesOf(deps.table, from === undefined ? undefined : { pk: from, sk: '-' })) {
    if (items.length >= limit) return { items, next: key.pk };
    const leaf = await deps.ledger.leaves.read(key);
    if (leaf) items.push(...(await holdsOf(deps.ledger, leaf, now)));
  }
  return { items, next: undefined };
}

async function holdsOf(ledger: Ledger, leaf: Leaf, now: EpochMs): Promise<OpenHold[]> {
  const holds = Object.entries(leaf.h).map(async ([name, hold]): Promise<OpenHold> => {
    const id = holdId(name);
    const heldSince = stampedAt(hold.at);
    const age = now - heldSince;
    const state = async (): Promise<HoldState> => {
      if (age >= SETTLING_TIME && (await ledger.readCharge(id))) return 'charged';
      return age >= SLOT_TIME ? 'orphaned' : 'in_flight';
    };
    return { id, leaf: { pk: leaf.pk, sk: leaf.sk }, hold, state: await state(), heldSince };
  });
  return Promise.all(holds);
}

export interface FoundCall {
  id: HoldId;
  charge: Charge | undefined;
  /** Where it is held; undefined for one that is charged. */
  leaf: ItemKey | undefined;
}

/**
 * A call by its request id, or by the id of its hold as a provider's log has it, whoever made it. A hold is looked for
 * on every leaf: for operators, not for calls.
 */
export async function findCall(
  { table, ledger }: { table: Table; ledger: Ledger },
  id: string,
): Promise<FoundCall | undefined> {
  if (!isHoldId(id) && holdOfRequest(id) === undefined) return undefined;
  const charge = await chargeNamed(ledger, id);
  if (charge) return { id: charge.id, charge, leaf: undefined };
  for await (const key of leavesOf(table)) {
    const leaf = await ledger.leaves.read(key);
    const found = Object.entries(leaf?.h ?? {}).find(([name, hold]) => name === id || hold.i.rq === id);
    if (found) return { id: holdId(found[0]), charge: undefined, leaf: key };
  }
  return undefined;
}

async function chargeNamed(ledger: Ledger, id: string): Promise<Charge | undefined> {
  if (isHoldId(id)) return ledger.readCharge(holdId(id));
  for await (const charge of chargesUnder(ledger, holdOfRequest(id)!))
    if (charge.info.rq === id) return charge;
  return undefined;
}

export const expiresAt = ({ x }: Hold): EpochMs => epochMs(Number(x));
