/**
 * Unusual days that were noticed, so that each is told once, and the same however often it must be tried.
 *
 *   pk ANOMALY   sk <start of the day>#<type>#<id>   the event, and who has it: bus, finance; until 400 days later
 */
import { durationMs, type EpochMs } from '../brands.ts';
import {
  anomalyDetectedSchema,
  type AnomalyDetected,
  type AnomalyScope,
} from '../events/anomaly-detected.ts';
import { expiresAt } from '../expiry.ts';
import type { Span } from '../ledger/charges-between.ts';
import { everyItem, type CursorPage } from '../pages.ts';
import { isApplied, type Item, type Table } from '../ports.ts';
import { DAY, parseRfc3339, plus, toSortableRfc3339 } from '../time.ts';

const PARTITION = 'ANOMALY';
/** As far back as reports reach, and a month; a day is told of for ten. */
const KEPT_FOR = durationMs(400 * DAY);

export interface AnomalyNote {
  event: AnomalyDetected;
  isPublished: boolean;
  isMailed: boolean;
}

export const scopeKey = (type: AnomalyScope, id: string): string => `${type}#${id}`;

export class AnomalyNotes {
  private readonly table: Table;

  constructor(table: Table) {
    this.table = table;
  }

  /** Keys of the scopes of which this day is told, or about to be. Throws TableUnavailable. */
  async scopesOf(day: EpochMs): Promise<Set<string>> {
    const prefix = `${toSortableRfc3339(day)}#`;
    const keys = new Set<string>();
    for await (const { sk } of everyItem((at) => this.table.query({ partition: PARTITION, prefix, ...at })))
      keys.add((sk as string).slice(prefix.length));
    return keys;
  }

  /** Leaves one that stands already as it is. Throws TableUnavailable. */
  async note(event: AnomalyDetected): Promise<void> {
    const item = toItem({ event, isPublished: false, isMailed: false });
    isApplied(await this.table.put({ item, condition: 'attribute_not_exists(pk)' }));
  }

  /** Of days that began since, the oldest first. Throws TableUnavailable. */
  async untold(since: EpochMs): Promise<AnomalyNote[]> {
    const from = toSortableRfc3339(since);
    const notes: AnomalyNote[] = [];
    for await (const item of everyItem((at) => this.table.query({ partition: PARTITION, from, ...at }))) {
      const note = fromItem(item);
      if (!note.isPublished || !note.isMailed) notes.push(note);
    }
    return notes;
  }

  /** Of days that began in the span, told or not, the newest day first. Throws TableUnavailable. */
  async list({ from, to }: Span, limit: number, cursor?: string): Promise<CursorPage<AnomalyDetected>> {
    const bounds = { from: toSortableRfc3339(from), to: toSortableRfc3339(to) };
    const at = cursor === undefined ? {} : { cursor };
    const page = await this.table.query({
      partition: PARTITION,
      ...{ ...bounds, descending: true, limit, ...at },
    });
    return { items: page.items.map((item) => fromItem(item).event), cursor: page.cursor };
  }

  /** Throws TableUnavailable. */
  async put(note: AnomalyNote): Promise<void> {
    isApplied(await this.table.put({ item: toItem(note) }));
  }
}

function toItem({ event, isPublished, isMailed }: AnomalyNote) {
  const day = parseRfc3339(event.from)!;
  return {
    pk: PARTITION,
    sk: `${toSortableRfc3339(day)}#${scopeKey(event.scope.type, event.scope.id)}`,
    event: JSON.stringify(event),
    ...{ isPublished, isMailed },
    ...expiresAt(plus(day, KEPT_FOR)),
  };
}

const fromItem = (item: Item): AnomalyNote => ({
  event: anomalyDetectedSchema.parse(JSON.parse(item['event'] as string)),
  isPublished: item['isPublished'] as boolean,
  isMailed: item['isMailed'] as boolean,
});
