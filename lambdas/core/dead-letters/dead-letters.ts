/** What could not be processed and waits for a person: what an operator sees of it, and has worked again. */
import type { EpochMs } from '../brands.ts';

/** By function; the runbook has a section for each. */
export const DEAD_LETTER_QUEUES = [
  'change-feed',
  'charge-feed',
  'roll-up',
  'escalation',
  'finance-desk',
  'approvals',
  'collector',
  'price-refresh',
  'webhooks',
] as const;

export type DeadLetterQueueName = (typeof DEAD_LETTER_QUEUES)[number];

export interface DeadLetterView {
  queue: DeadLetterQueueName;
  /** About so many. */
  messages: number;
  /** Of those that were looked at, some dozens: the oldest, and why they are here, the most frequent first. */
  oldest: EpochMs | undefined;
  reasons: { reason: string; messages: number }[];
}

export type Redrive =
  /** So many were worked again and have left the queue; others stay, for the reasons. */
  | { kind: 'redriven'; redriven: number; kept: number; reasons: string[]; cursor: string | undefined }
  /** There is no such queue here. */
  | { kind: 'no_queue'; reason: string }
  /** Nothing has to be worked again. */
  | { kind: 'by_itself'; reason: string }
  | { kind: 'cursor_unknown' };

export interface DeadLetters {
  /** Every queue there is, empty ones too. */
  list(): Promise<DeadLetterView[]>;
  /** For some seconds; `cursor` is where to go on. A repeat does nothing twice that counts. Throws TableUnavailable. */
  redrive(queue: DeadLetterQueueName, cursor?: string): Promise<Redrive>;
}

/** The most frequent first. */
export function countReasons(reasons: readonly string[]): DeadLetterView['reasons'] {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, messages]) => ({ reason, messages }))
    .sort((a, b) => b.messages - a.messages || (a.reason < b.reason ? -1 : 1));
}
