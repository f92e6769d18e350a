/** Grants in the table: read by their id, listed by status, changed at their version. */
import { putAtVersion, putIfAbsent } from '../ledger/expressions.ts';
import type { GrantStatus } from '../ledger/notices.ts';
import { isApplied, type Table } from '../ports.ts';
import type { CursorPage } from '../pages.ts';
import { listRecords } from '../directory/records.ts';
import type { GrantRecord } from './grant.ts';
import { grantFromItem, grantKey, grantPartition, grantToItem, type StoredGrant } from './grant-items.ts';

export class GrantRecords {
  private readonly table: Table;

  constructor({ table }: { table: Table }) {
    this.table = table;
  }

  /** Throws TableUnavailable. */
  async get(id: string): Promise<StoredGrant | undefined> {
    const item = await this.table.get(grantKey(id));
    return item && grantFromItem(item);
  }

  /** Oldest first; a decision that is not in force yet counts as requested. Throws TableUnavailable. */
  list(status: GrantStatus, limit: number, cursor?: string): Promise<CursorPage<StoredGrant>> {
    return listRecords(this.table, grantPartition(status), { limit, cursor }, grantFromItem);
  }

  /** The record that stands, which may be an earlier one of that id. Throws TableUnavailable. */
  async putNew(grant: GrantRecord): Promise<StoredGrant> {
    const outcome = await this.table.put(putIfAbsent({ ...grantToItem(grant), v: 1n }));
    return isApplied(outcome) ? { ...grant, v: 1n } : (await this.get(grant.id))!;
  }

  /** Undefined where somebody was quicker: nothing was written. Throws TableUnavailable. */
  async change(old: StoredGrant, next: GrantRecord): Promise<StoredGrant | undefined> {
    const put = putAtVersion(grantToItem(next), old);
    return isApplied(await this.table.put(put)) ? { ...next, v: old.v + 1n } : undefined;
  }
}
