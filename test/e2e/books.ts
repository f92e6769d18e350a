/** What must be true of the books whatever was killed: judged against the provider's own bills. */
import { expect } from 'vitest';
import { pico, type Admin } from './admin.ts';
import type { Attempt, Call } from './callers.ts';
import type { Bill } from './provider-log.ts';

/** A charge, from the admin API or from the table. */
export interface Charged {
  tag: string;
  outcome: string;
  picoUsd: bigint;
}

/** Every bill is covered by what is settled and held, and that is within the limit: of each cap, in its metric. */
export async function expectCovered(admin: Admin, caps: Caps, bills: readonly BilledCall[]): Promise<void> {
  const checks = Object.entries(caps).flatMap(([user, ofUser]) => {
    const own = bills.filter(({ call }) => call.user === user);
    return Object.entries(ofUser).map(async ([id, { metric, limit }]) => {
      const { settled, reserved, effective_limit } = await admin.cap(id);
      expect(effective_limit, id).toBe(limit);
      const taken = pico(settled) + pico(reserved);
      expect(taken, `${id}: ${settled} settled and ${reserved} reserved`).toBeLessThanOrEqual(pico(limit));
      const truth = truthOf(metric, own);
      if (truth !== undefined)
        expect(taken, `${id}: less than the provider billed`).toBeGreaterThanOrEqual(truth);
    });
  });
  await Promise.all(checks);
}

export type Caps = Record<string, Record<string, { metric: string; limit: string; [more: string]: unknown }>>;

export interface BilledCall extends Bill {
  call: Call;
}

/** In units of 1e-12, as every decimal here; undefined where the provider does not know: it sees no minute and no slot. */
export function truthOf(metric: string, bills: readonly Bill[]): bigint | undefined {
  switch (metric) {
    case 'usd':
      return bills.reduce((sum, bill) => sum + bill.picoUsd, 0n);
    case 'tokens':
      return pico(bills.reduce((sum, bill) => sum + bill.tokens, 0n).toString());
    default:
      return undefined;
  }
}

export function billsOfCalls(bills: readonly Bill[], calls: readonly Call[]): BilledCall[] {
  const byTag = new Map(calls.map((call) => [call.tag, call]));
  expect(new Set(bills.map(({ tag }) => tag)).size, 'a call was sent to the provider twice').toBe(
    bills.length,
  );
  return bills.map((bill) => ({ ...bill, call: byTag.get(bill.tag)! }));
}

/**
 * No call is charged twice. One whose answer the client has in full is charged what the provider billed, exactly;
 * any other charge is the bill or more.
 */
export function expectChargedOnce(
  calls: readonly Call[],
  bills: readonly Bill[],
  charges: readonly Charged[],
): void {
  const billByTag = new Map(bills.map((bill) => [bill.tag, bill]));
  const chargesByTag = grouped(
    charges.filter(({ outcome }) => outcome !== 'voided'),
    ({ tag }) => tag,
  );
  for (const { tag, attempts } of calls) {
    const bill = billByTag.get(tag)?.picoUsd;
    const charged = chargesByTag.get(tag) ?? [];
    expect(charged.length, `call ${tag} is charged more than once`).toBeLessThanOrEqual(1);
    const charge = charged[0];
    if (attempts.some((attempt) => nameOfEnd(attempt) === 'complete')) {
      expect(charge, `call ${tag} was answered`).toMatchObject({ outcome: 'settled', picoUsd: bill });
    }
    if (charge) expect(charge.picoUsd, `call ${tag}`).toBeGreaterThanOrEqual(bill ?? 0n);
  }
}

/** How a call ended for its client. */
export function nameOfEnd({ status, isComplete }: Attempt): string {
  if (status === null || !isComplete) return 'cut';
  return NAMES[status] ?? String(status);
}
const NAMES: Record<number, string> = {
  200: 'complete',
  409: 'repeated',
  429: 'throttled or denied',
  500: 'failed',
};

export function grouped<T, K>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
