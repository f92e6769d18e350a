/**
 * The audit: recomputes every account from the charges and the holds, and names each difference to the unit.
 * It reads only what stands in the table, and nothing of what a process remembers.
 *
 * Calls go on meanwhile. A leaf is compared only against charges that were read while its version stood still;
 * one that moved is read again, a few times, and otherwise counted as in motion: not proven, and not accused.
 */
import { everyItem } from '../pages.ts';
import type { Table } from '../ports.ts';
import { chargeFromItem, type Charge } from './charge.ts';
import { heldByAccount, isOpen, type Account, type Leaf } from './leaf.ts';

export interface AuditDifference {
  /** `user:alice` or `app:web`. */
  principal: string;
  account: string;
  window_key: string;
  rule: 'limit = free + settled + held' | 'settled = sum of charges';
  /** In the metric's smallest unit: picodollars, tokens, requests, calls. */
  expected: string;
  found: string;
}

export interface Audit {
  balanced: boolean;
  accounts: number;
  open_holds: number;
  /** Leaves that changed whenever they were looked at: run again when it is quieter. */
  in_motion: number;
  differences: AuditDifference[];
}

const ROUNDS_MAX = 5;

/** Throws TableUnavailable. */
export async function auditLedger(table: Table): Promise<Audit> {
  const first = await readBooks(table);
  const leaves = [...first.leaves.values()];
  const audit: Audit = {
    balanced: true,
    accounts: leaves.reduce((count, { a }) => count + Object.keys(a).length, 0),
    open_holds: leaves.reduce((count, { h }) => count + Object.keys(h).length, 0),
    in_motion: 0,
    differences: [],
  };
  let open = leaves.filter((leaf) => differencesOf(leaf, first).length > 0);
  for (let round = 0; round < ROUNDS_MAX && open.length > 0; round += 1) {
    const charges = await readBooks(table);
    const after = await readBooks(table);
    const isStill = ({ pk, v }: Leaf): boolean => after.leaves.get(pk)?.v === v;
    audit.differences.push(...open.filter(isStill).flatMap((leaf) => differencesOf(leaf, charges)));
    open = open.flatMap((leaf) => (isStill(leaf) ? [] : (after.leaves.get(leaf.pk) ?? [])));
  }
  audit.in_motion = open.length;
  audit.balanced = audit.differences.length === 0;
  return audit;
}

interface Books {
  leaves: Map<string, Leaf>;
  chargesByLeaf: Map<string, Charge[]>;
}

async function readBooks(table: Table): Promise<Books> {
  const books: Books = { leaves: new Map(), chargesByLeaf: new Map() };
  for await (const item of everyItem((at) => table.scan(at))) {
    const pk = item['pk'] as string;
    if (pk.startsWith('L#')) books.leaves.set(pk, item as unknown as Leaf);
    if (!pk.startsWith('C#')) continue;
    const charge = chargeFromItem(item);
    const charges = books.chargesByLeaf.get(charge.leafPk);
    if (charges) charges.push(charge);
    else books.chargesByLeaf.set(charge.leafPk, [charge]);
  }
  return books;
}

function differencesOf(leaf: Leaf, { chargesByLeaf }: Books): AuditDifference[] {
  const charges = chargesByLeaf.get(leaf.pk) ?? [];
  const settled = charges.filter(({ id, at }) => leaf.h[id]?.at !== at);
  const held = heldByAccount(leaf);
  return Object.entries(leaf.a).flatMap(([name, account]) => {
    const { f, s, l } = account;
    const rules: [rule: AuditDifference['rule'], expected: bigint, found: bigint][] = [
      ['limit = free + settled + held', f + s + (held[name] ?? 0n), l],
      ['settled = sum of charges', chargedTo(name, account, settled), s],
    ];
    return rules
      .filter(([, expected, found]) => expected !== found)
      .map(([rule, expected, found]) => ({
        principal: leaf.pk.slice('L#'.length),
        account: name,
        window_key: String(account.k),
        rule,
        expected: String(expected),
        found: String(found),
      }));
  });
}

/** What the charges moved into the account's open window. */
function chargedTo(name: string, account: Account, charges: readonly Charge[]): bigint {
  let sum = 0n;
  for (const { accounts, used } of charges) {
    const held = accounts[name];
    if (held && isOpen(account, held.k)) sum += used[held.m];
  }
  return sum;
}
