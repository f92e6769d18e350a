/**
 * What was called under one hold id before: a call a generation, since the idempotency key of a voided one is free
 * again. All but the newest have cost nothing.
 */
import type { HoldId } from '../brands.ts';
import type { ItemKey } from '../ports.ts';
import { generationOf } from '../request-ids.ts';
import type { Charge } from './charge.ts';
import { principalOf, type Hold, type Principal } from './leaf.ts';
import type { Ledger } from './ledger.ts';

/** `requestId` is that of the request that made it. */
export type EarlierCall =
  | { state: 'charged'; requestId: string; charge: Charge }
  /** Its hold stands, whether or not its process still does. */
  | { state: 'in_flight'; requestId: string; hold: Hold };

/** Those of one principal, oldest first; `leaves` are all that they may be held on. Throws TableUnavailable, LedgerBroken. */
export async function earlierCalls(
  ledger: Ledger,
  { principal, leaves }: { principal: Principal; leaves: readonly ItemKey[] },
  base: HoldId,
): Promise<EarlierCall[]> {
  // The leaves first: a hold that they no longer have was charged before, so the charge is found.
  const images = await Promise.all(leaves.map((key) => ledger.leaves.read(key)));
  const calls: EarlierCall[] = [];
  for await (const charge of chargesUnder(ledger, base)) {
    if (!isSame(principalOf(charge.leafPk), principal)) return [];
    calls.push({ state: 'charged', requestId: charge.info.rq, charge });
  }
  const id = generationOf(base, calls.length);
  const hold = images.find((leaf) => leaf?.h[id])?.h[id];
  if (hold) calls.push({ state: 'in_flight', requestId: hold.i.rq, hold });
  return calls;
}

const isSame = (a: Principal, b: Principal): boolean => a.type === b.type && a.id === b.id;

/** Oldest first, whoever was charged. Throws TableUnavailable. */
export async function* chargesUnder(ledger: Ledger, base: HoldId): AsyncGenerator<Charge> {
  for (let generation = 0; ; generation += 1) {
    const charge = await ledger.readCharge(generationOf(base, generation));
    if (!charge) return;
    yield charge;
    if (charge.outcome !== 'voided') return;
  }
}
