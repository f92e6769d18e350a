/**
 * Crossings that finance is to hear of, and those that it has heard of. Whoever writes the note of one may mail it, for
 * as long as a function lives; later a round does. Whoever mails one looks first whether it was sent, so that a repeat
 * mails nothing.
 *
 *   pk M#WAIT             sk <instant>#<event id>   the event, notedAt
 *   pk M#SENT#<event id>  sk -                      its subject; listed by the index under M#SENT, by instant
 *   pk M#TURN             sk -                      how many crossings the newest minute had
 */
import type { EpochMs } from '../brands.ts';
import { capThresholdCrossedSchema, type CapThresholdCrossed } from '../events/cap-threshold-crossed.ts';
import { untilNobodyTells } from '../expiry.ts';
import type { Span } from '../ledger/charges-between.ts';
import { everyItem } from '../pages.ts';
import { isApplied, TableUnavailable, type Clock, type ItemKey, type Table } from '../ports.ts';
import { MINUTE, parseRfc3339, toSortableRfc3339 } from '../time.ts';

const WAIT = 'M#WAIT';
const SENT = 'M#SENT';
const sentKey = ({ id }: CapThresholdCrossed): ItemKey => ({ pk: `${SENT}#${id}`, sk: '-' });
const TURN: ItemKey = { pk: 'M#TURN', sk: '-' };

const sortKey = ({ id, at }: CapThresholdCrossed): string => `${toSortableRfc3339(parseRfc3339(at)!)}#${id}`;

export class CrossingNotes {
  private readonly table: Table;
  private readonly clock: Clock;

  constructor({ table, clock }: { table: Table; clock: Clock }) {
    this.table = table;
    this.clock = clock;
  }

  /** Whenever it was computed: a repeat may have another instant. */
  async wasSent(event: CapThresholdCrossed): Promise<boolean> {
    return (await this.table.get(sentKey(event))) !== undefined;
  }

  /** False where it is noted already, maybe by an attempt of this very write. Throws TableUnavailable. */
  async note(event: CapThresholdCrossed): Promise<boolean> {
    const notedAt = BigInt(this.clock.now());
    const item = { pk: WAIT, sk: sortKey(event), event: JSON.stringify(event), notedAt };
    return isApplied(await this.table.put({ item, condition: 'attribute_not_exists(pk)' }));
  }

  /** Oldest first, at most so many of those that were noted until then. Throws TableUnavailable. */
  async waiting(until: EpochMs, max: number): Promise<CapThresholdCrossed[]> {
    const events: CapThresholdCrossed[] = [];
    for await (const item of everyItem((at) => this.table.query({ partition: WAIT, ...at }))) {
      if (Number(item['notedAt']) > until) continue;
      events.push(capThresholdCrossedSchema.parse(JSON.parse(item['event'] as string)));
      if (events.length >= max) break;
    }
    return events;
  }

  /** In this order: a crash in between leaves a note that the next round finds to be sent. */
  async markSent(event: CapThresholdCrossed): Promise<void> {
    const ends = event.resets_at === null ? null : parseRfc3339(event.resets_at)!;
    const listed = { gpk: SENT, gsk: sortKey(event), subject: event.mail.subject };
    isApplied(await this.table.put({ item: { ...listed, ...untilNobodyTells(ends), ...sentKey(event) } }));
    await this.forget(event);
  }

  async forget(event: CapThresholdCrossed): Promise<void> {
    isApplied(await this.table.delete({ key: { pk: WAIT, sk: sortKey(event) } }));
  }

  /** Subjects of the crossings of a span, oldest first. Throws TableUnavailable. */
  async sentBetween({ from, to }: Span): Promise<string[]> {
    const bounds = { from: toSortableRfc3339(from), to: toSortableRfc3339(to) };
    const subjects: string[] = [];
    const list = { index: 'byTime' as const, partition: SENT, ...bounds };
    for await (const item of everyItem((at) => this.table.query({ ...list, ...at })))
      subjects.push(item['subject'] as string);
    return subjects;
  }

  /** The how manieth of this minute it is; of a clock that is behind, of the newest minute. Throws TableUnavailable. */
  async takeTurn(): Promise<bigint> {
    let minute = BigInt(Math.floor(this.clock.now() / MINUTE));
    for (let tries = 0; tries < TURN_TRIES; tries += 1) {
      const next = await this.table.update({
        key: TURN,
        update: 'SET n = n + :one',
        condition: 'm = :m',
        values: { ':one': 1n, ':m': minute },
      });
      if (next.kind === 'unavailable') throw new TableUnavailable(next.reason);
      if (next.kind === 'applied') return next.item['n'] as bigint;
      const begun = await this.table.put({
        item: { ...TURN, m: minute, n: 1n },
        condition: 'attribute_not_exists(m) OR m < :m',
        values: { ':m': minute },
      });
      if (begun.kind === 'unavailable') throw new TableUnavailable(begun.reason);
      if (begun.kind === 'applied') return 1n;
      minute = begun.item!['m'] as bigint;
    }
    return TURN_UNKNOWN;
  }
}

const TURN_TRIES = 5;
/** So many at once that nobody knows: late enough to wait. */
const TURN_UNKNOWN = 1_000_000n;
