/**
 * Notes the first call that a used-up cap refuses in a window: one put, after the refusal is answered, which the change
 * feed tells the bus. Admitted calls write nothing for it, nor do later refusals in this process; where several processes
 * refuse, the first put stands.
 */
import QuickLRU from 'quick-lru';
import { resetFrom, standingFacts, type Standing } from '../escalation/standing-facts.ts';
import type { CapReached } from '../events/cap-reached.ts';
import { untilNobodyTells } from '../expiry.ts';
import { putIfAbsent } from '../ledger/expressions.ts';
import { inMetric } from '../caps/amounts.ts';
import { isApplied, type Item, type Table } from '../ports.ts';
import { sha256 } from '../request-ids.ts';
import { toSortableRfc3339 } from '../time.ts';

export const REACHED_PREFIX = 'REACHED#';
/** The index lists them under this, by their instant. */
export const REACHED_LIST = 'REACHED';

/** Of a refusal: where the cap stood that refused. */
export interface ReachedCap extends Standing {
  /** Of the leaf or pool. */
  pk: string;
  reason: CapReached['reason'];
  requested: bigint;
}

const IDS_REMEMBERED_MAX = 1000;

export class ReachedCaps {
  private readonly table: Table;
  private readonly told = new QuickLRU<string, true>({ maxSize: IDS_REMEMBERED_MAX });

  constructor({ table }: { table: Table }) {
    this.table = table;
  }

  /** Throws TableUnavailable; then the next refusal notes it. */
  async note({ pk, reason, requested, ...standing }: ReachedCap, requestId: string): Promise<void> {
    const { cap, account } = standing;
    const key = [pk, cap.account, account.k, 'reached', account.l].join('\n');
    if (this.told.has(key)) return;
    const detail: CapReached = {
      id: await sha256(key),
      version: 1,
      ...standingFacts(standing),
      reason,
      requested: inMetric(cap.metric, requested),
      request_id: requestId,
    };
    const item = {
      ...{ pk: `${REACHED_PREFIX}${detail.id}`, sk: '-', event: JSON.stringify(detail) },
      ...untilNobodyTells(resetFrom(cap, account)),
      ...{ gpk: REACHED_LIST, gsk: `${toSortableRfc3339(standing.at)}#${detail.id}` },
    };
    isApplied(await this.table.put(putIfAbsent(item)));
    this.told.set(key, true);
  }
}

/** Of an item as it was put. */
export const reachedEvent = (item: Item): unknown => JSON.parse(item['event'] as string);
