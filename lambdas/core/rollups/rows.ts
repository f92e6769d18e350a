/** Rows that are added up, each charge as one of its principal's and one of all together. */
import type { Charge } from '../ledger/charge.ts';
import { cellText, rowOf, togetherOf, type Row } from './row.ts';
import { add, emptyTally } from './tally.ts';

export class Rows {
  private readonly rows = new Map<string, Row>();

  add(row: Row): void {
    const cell = cellText(row);
    const known = this.rows.get(cell) ?? { ...row, tally: emptyTally() };
    this.rows.set(cell, known);
    add(known.tally, row.tally);
  }

  all(): Row[] {
    return [...this.rows.values()];
  }
}

export function rowsOfCharge(charge: Charge): [Row, Row] {
  const row = rowOf(charge);
  return [row, togetherOf(row)];
}
