/** Where the cap of a grant stands now, and where it goes at the pace so far: what an approver decides by. */
import type { EpochMs } from '../brands.ts';
import type { Cap } from '../caps/cap.ts';
import { windowKeyAt } from '../caps/windows.ts';
import { isShared } from '../caps/cap.ts';
import { accountOf, heldOf } from '../ledger/books.ts';
import { leafKey } from '../ledger/leaf.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { divFloor } from '../money.ts';
import { DAY } from '../time.ts';
import type { GrantRecord, Standing } from './grant.ts';

export interface Outlook extends Standing {
  isShared: boolean;
  /** Of calendar windows: a lifetime has no end to come to, and a rolling window none that is fixed. */
  pace: { perDay: bigint; atEnd: bigint } | undefined;
}

/** Throws TableUnavailable. */
export async function outlookOf(
  ledger: Ledger,
  { principal, windowEnds }: GrantRecord,
  cap: Cap,
  now: EpochMs,
): Promise<Outlook> {
  const books = await ledger.books(leafKey(principal), [cap]);
  const { l, s, f } = accountOf(books, cap);
  return {
    limit: cap.limit,
    effectiveLimit: l,
    settled: s,
    reserved: heldOf(books, cap),
    remaining: f > 0n ? f : 0n,
    isShared: isShared(cap),
    pace: cap.window.kind === 'calendar' ? paceOf(cap, s, windowEnds!, now) : undefined,
  };
}

function paceOf(cap: Cap, settled: bigint, ends: EpochMs, now: EpochMs): Outlook['pace'] {
  const begun = Number(windowKeyAt(cap.window, now)) * 1000;
  const gone = BigInt(now - begun);
  if (gone <= 0n || ends <= now) return undefined;
  return {
    perDay: divFloor(settled * BigInt(DAY), gone),
    atEnd: divFloor(settled * BigInt(ends - begun), gone),
  };
}
