/** Where the cap of a grant stands now, and where it goes at the pace so far: what an approver decides by. */
import type { EpochMs } from '../brands.ts';
import type { Cap } from '../caps/cap.ts';
import { paceOf, spanOfWindow, type Pace } from '../caps/pace.ts';
import { windowKeyAt } from '../caps/windows.ts';
import { isShared } from '../caps/cap.ts';
import { accountOf, heldOf } from '../ledger/books.ts';
import { leafKey } from '../ledger/leaf.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { GrantRecord, Standing } from './grant.ts';

export interface Outlook extends Standing {
  isShared: boolean;
  pace: Pace | undefined;
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
  const span = spanOfWindow(cap, windowKeyAt(cap.window, now), windowEnds);
  return {
    limit: cap.limit,
    effectiveLimit: l,
    settled: s,
    reserved: heldOf(books, cap),
    remaining: f > 0n ? f : 0n,
    isShared: isShared(cap),
    pace: span && paceOf(s, span, now),
  };
}
