/**
 * Grants as the table holds them.
 *
 *   grant   GRANT#<id> / -   listed by the index under GRANTS#<status>, in the order in which they were asked for;
 *                            one that is decided stays among the requested ones until the decision is in force
 */
import { epochMs, type EpochMs } from '../brands.ts';
import type { Item, ItemKey } from '../ports.ts';
import type { GrantStatus } from '../ledger/notices.ts';
import { toSortableRfc3339 } from '../time.ts';
import type { Decision, GrantRecord } from './grant.ts';

export const GRANT_PREFIX = 'GRANT#';
export const grantKey = (id: string): ItemKey => ({ pk: `${GRANT_PREFIX}${id}`, sk: '-' });
export const grantPartition = (status: GrantStatus): string => `GRANTS#${status}`;

/** With its version, which every change raises. */
export interface StoredGrant extends GrantRecord {
  v: bigint;
}

export function grantToItem(grant: GrantRecord): Item & ItemKey {
  const { decision, taskToken, mailedAt, requestedAt, answerBy, windowEnds, standing, leaves, ...plain } =
    grant;
  return {
    ...plain,
    ...grantKey(grant.id),
    gpk: grantPartition(grant.state === 'decided' ? 'requested' : grant.state),
    gsk: `${toSortableRfc3339(requestedAt)}#${grant.id}`,
    leaves: BigInt(leaves),
    requestedAt: BigInt(requestedAt),
    answerBy: BigInt(answerBy),
    windowEnds: windowEnds === null ? null : BigInt(windowEnds),
    standing: { ...standing },
    ...(decision && { decision: decisionToItem(decision) }),
    ...(taskToken !== undefined && { taskToken }),
    ...(mailedAt !== undefined && { mailedAt: BigInt(mailedAt) }),
  };
}

export function grantFromItem(item: Item): StoredGrant {
  const decision = item['decision'] as Item | undefined;
  const mailedAt = item['mailedAt'];
  // Its other members are as they are stored.
  const stored = item as unknown as StoredGrant;
  return {
    ...stored,
    // Earlier ones were told on the first leaf alone.
    leaves: Number(item['leaves'] ?? 1n),
    requestedAt: toMs(item['requestedAt']),
    answerBy: toMs(item['answerBy']),
    windowEnds: item['windowEnds'] === null ? null : toMs(item['windowEnds']),
    decision: decision && decisionFromItem(decision),
    taskToken: item['taskToken'] as string | undefined,
    mailedAt: mailedAt === undefined ? undefined : toMs(mailedAt),
  };
}

function decisionToItem(decision: Decision): Item {
  const at = BigInt(decision.at);
  return decision.kind === 'approved'
    ? { ...decision, at, expiresAt: BigInt(decision.expiresAt) }
    : { ...decision, at };
}

const decisionFromItem = (item: Item): Decision =>
  ({
    ...item,
    at: toMs(item['at']),
    ...(item['expiresAt'] !== undefined && { expiresAt: toMs(item['expiresAt']) }),
  }) as Decision;

const toMs = (value: Item[string] | undefined): EpochMs => epochMs(Number(value));
