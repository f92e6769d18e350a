/**
 * Corrections of a charge, which itself never changes: charges of the difference, one after the other, each written in
 * one transaction with the accounts that it moves. Money reaches only windows that are still open.
 */
import { holdId, type HoldId } from '../brands.ts';
import { TableUnavailable, isApplied, type Ids, type Table, type TransactWrite } from '../ports.ts';
import { chargeToItem, type Charge } from './charge.ts';
import type { CitedCards } from './charge-reading.ts';
import { adjustPoolWrite, putAtVersion, putIfAbsent } from './expressions.ts';
import { isOpen, leafToItem, type Account, type Amounts, type HeldAmount, type Leaf } from './leaf.ts';
import type { Ledger } from './ledger.ts';
import { poolKey } from './pool.ts';
import { transactionToken } from './transaction-token.ts';

/** What a charge should have been, and who says so. */
export interface Correction {
  used: Amounts;
  source: string;
  /** Where it was rated again: by these. */
  cards?: CitedCards;
}

/** What is to be written, seen against the corrections that stand; undefined for nothing. */
export type Correct = (standing: readonly Charge[]) => Correction | undefined;

const TURNS_MAX = 20;

const correctionId = ({ id }: Charge, number: number): HoldId => holdId(`${id}~${number}`);

/** In their order. Throws TableUnavailable. */
export async function correctionsOf(ledger: Pick<Ledger, 'readCharge'>, charge: Charge): Promise<Charge[]> {
  const found: Charge[] = [];
  for (;;) {
    const next = await ledger.readCharge(correctionId(charge, found.length + 1));
    if (!next) return found;
    found.push(next);
  }
}

/** What a charge comes to with its corrections. */
export function correctedUse(charge: Charge, corrections: readonly Charge[]): Amounts {
  const total = { ...charge.used };
  for (const { used } of corrections) {
    total.u += used.u;
    total.t += used.t;
    total.r += used.r;
  }
  return total;
}

/**
 * Writes the correction that `correct` asks for. Whoever comes second sees what the first wrote and decides again.
 * Returns it, or undefined where nothing was asked for. Throws TableUnavailable.
 */
export async function correctCharge(
  deps: { table: Table; ledger: Ledger; ids: Ids },
  charge: Charge,
  correct: Correct,
): Promise<Charge | undefined> {
  const { table, ledger, ids } = deps;
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const standing = await correctionsOf(ledger, charge);
    const wanted = correct(standing);
    if (!wanted) return undefined;
    const before = correctedUse(charge, standing);
    const correction = correctionFor(charge, standing.length + 1, before, wanted);
    const outcome = await table.transact(await writesFor(ledger, correction), transactionToken(ids));
    if (isApplied(outcome)) return correction;
  }
  throw new TableUnavailable(`the books of ${charge.leafPk} did not come to rest`);
}

function correctionFor(
  charge: Charge,
  number: number,
  before: Amounts,
  { used, source, cards }: Correction,
): Charge {
  const correction: Charge = {
    ...charge,
    id: correctionId(charge, number),
    used: { u: used.u - before.u, t: used.t - before.t, r: used.r - before.r, c: 0n },
    outcome: 'adjusted',
    tokens: {},
    source,
    ...(cards && { cards }),
  };
  delete correction.reading;
  return correction;
}

async function writesFor(ledger: Ledger, correction: Charge): Promise<TransactWrite[]> {
  const leaf = await ledger.leaves.read({ pk: correction.leafPk, sk: '-' });
  const writes: TransactWrite[] = [{ op: 'put', ...putIfAbsent(chargeToItem(correction)) }];
  let next = leaf;
  for (const [name, held] of Object.entries(correction.accounts)) {
    const amount = correction.used[held.m];
    const account = leaf?.a[name];
    if (amount === 0n || held.m === 'c') continue;
    if (account && account.r !== undefined) {
      if (isOpen(account, held.k)) next = withAccount(next!, name, adjusted(account, held, amount));
    } else if ((await ledger.pools.read(name))?.k === held.k) {
      writes.push({ op: 'update', ...adjustPoolWrite(poolKey(name), held.k, amount) });
    }
  }
  if (leaf && next !== leaf) writes.push({ op: 'put', ...putAtVersion(leafToItem(next!), leaf) });
  return writes;
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
