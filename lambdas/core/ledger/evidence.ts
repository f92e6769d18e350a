/**
 * Evidence: what an operator or a provider's log says of a call that nobody saw the end of. Of a call still held it
 * becomes the charge; of one that was presumed spent, an adjustment: a second charge of the difference, written in
 * one transaction with the accounts that it moves, since charges are never changed.
 */
import { holdId, type HoldId, type PicoUsd } from '../brands.ts';
import {
  TableUnavailable,
  isApplied,
  type Clock,
  type Ids,
  type ItemKey,
  type Table,
  type TransactWrite,
} from '../ports.ts';
import { SLOT_TIME } from './accounts.ts';
import { chargeToItem, NOTHING_USED, orphanCharge, type Charge } from './charge.ts';
import { adjustPoolWrite, putAtVersion, putIfAbsent } from './expressions.ts';
import { isOpen, leafToItem, type Account, type Amounts, type HeldAmount, type Leaf } from './leaf.ts';
import type { Ledger } from './ledger.ts';
import { poolKey } from './pool.ts';
import { nonceBits, stampAfter, stampedAt } from './stamp.ts';
import { transactionToken } from './transaction-token.ts';

export interface Evidence {
  /** What the provider billed; 0 for a call that it never saw. */
  billed: PicoUsd;
  /** All tokens that it billed; those held, where nobody says. */
  tokens: bigint | undefined;
  /** Who says so, or where it is written. Stands in the charge. */
  source: string;
}

export type EvidenceOutcome =
  /** The hold was charged with it, or the charge adjusted; `charge` is what was written now or by an earlier try. */
  | { kind: 'charged' | 'adjusted'; charge: Charge }
  /** Its own process may be at work still. */
  | { kind: 'may_be_running' }
  /** The provider's own usage was charged, or nothing was: there is nothing to correct by hearsay. */
  | { kind: 'settled'; charge: Charge }
  | { kind: 'unknown' };

const TURNS_MAX = 20;

export interface EvidenceDeps {
  table: Table;
  ledger: Ledger;
  clock: Clock;
  ids: Ids;
}

/** Throws TableUnavailable. */
export async function takeEvidence(
  deps: EvidenceDeps,
  { id, leaf }: { id: HoldId; leaf: ItemKey | undefined },
  evidence: Evidence,
): Promise<EvidenceOutcome> {
  const { ledger, clock, ids } = deps;
  const standing = await ledger.readCharge(id);
  if (standing) return correct(deps, standing, evidence);
  const hold = leaf && (await ledger.leaves.read(leaf))?.h[id];
  if (!hold) return { kind: 'unknown' };
  if (stampedAt(hold.at) + SLOT_TIME > clock.now()) return { kind: 'may_be_running' };
  const fence = stampAfter(clock.now(), hold.at, ids.randomBits(nonceBits));
  const { charge } = await ledger.finish(
    {
      ...orphanCharge(id, leaf.pk, hold, fence),
      used: usedBy(evidence, hold.i.tk),
      outcome: evidence.billed === 0n ? 'voided' : 'settled',
      source: evidence.source,
    },
    leaf,
  );
  // The put decided: the collector may have been first.
  return charge.source === evidence.source ? { kind: 'charged', charge } : correct(deps, charge, evidence);
}

async function correct(deps: EvidenceDeps, charge: Charge, evidence: Evidence): Promise<EvidenceOutcome> {
  if (charge.outcome !== 'presumed_spent') return { kind: 'settled', charge };
  const used = usedBy(evidence, charge.info.tk);
  return { kind: 'adjusted', charge: await adjust(deps, charge, used, evidence.source) };
}

/** A call that the provider never saw used no request either. */
const usedBy = ({ billed, tokens }: Evidence, tokensHeld: bigint): Amounts =>
  billed === 0n ? { ...NOTHING_USED, t: tokens ?? 0n } : { u: billed, t: tokens ?? tokensHeld, r: 1n, c: 0n };

export const adjustmentId = (charge: Charge): HoldId => holdId(`${charge.id}~1`);

/**
 * Corrects a charge once: `used` is what it should have been. Money reaches only windows that are still open. The
 * adjustment that stands is returned, also where an earlier one was first. Throws TableUnavailable.
 */
export async function adjust(
  { table, ledger, ids }: EvidenceDeps,
  charge: Charge,
  used: Amounts,
  source: string,
): Promise<Charge> {
  const adjustment: Charge = {
    ...charge,
    id: adjustmentId(charge),
    used: { u: used.u - charge.used.u, t: used.t - charge.used.t, r: used.r - charge.used.r, c: 0n },
    outcome: 'adjusted',
    source,
  };
  const leafKey = { pk: charge.leafPk, sk: '-' };
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const earlier = await ledger.readCharge(adjustment.id);
    if (earlier) return earlier;
    const leaf = await ledger.leaves.read(leafKey);
    const writes: TransactWrite[] = [{ op: 'put', ...putIfAbsent(chargeToItem(adjustment)) }];
    let next = leaf;
    for (const [name, held] of Object.entries(charge.accounts)) {
      const amount = adjustment.used[held.m];
      const account = leaf?.a[name];
      if (amount === 0n || held.m === 'c') continue;
      if (account && account.r !== undefined) {
        if (isOpen(account, held.k)) next = withAccount(next!, name, adjusted(account, held, amount));
      } else if ((await ledger.pools.read(name))?.k === held.k) {
        writes.push({ op: 'update', ...adjustPoolWrite(poolKey(name), held.k, amount) });
      }
    }
    if (leaf && next !== leaf) writes.push({ op: 'put', ...putAtVersion(leafToItem(next!), leaf) });
    const outcome = await table.transact(writes, transactionToken(ids));
    if (isApplied(outcome)) return adjustment;
  }
  throw new TableUnavailable(`the books of ${charge.leafPk} did not come to rest`);
}

function adjusted(account: Account, { k }: HeldAmount, amount: bigint): Account {
  const next = { ...account, f: account.f - amount, s: account.s + amount };
  const bucket = String(k);
  return account.b ? { ...next, b: { ...account.b, [bucket]: account.b[bucket]! + amount } } : next;
}

const withAccount = (leaf: Leaf, name: string, account: Account): Leaf => ({
  ...leaf,
  a: { ...leaf.a, [name]: account },
});
