/**
 * Rows: what one principal spent in one hour or day, by team, app, feature, model and tags; and beside them what all
 * principals spent together, without tags, for questions that name nobody.
 *
 *   hour   pk R#H#<UTC day>          sk <who>#<UTC hour>#<cell>
 *   day    pk R#D#<zone>#<its day>   sk <who>#<cell>
 *
 * `who` is `user:alice`, `app:web` or `-`; `cell` a digest of the rest.
 */
import type { EpochMs } from '../brands.ts';
import type { Charge } from '../ledger/charge.ts';
import { principalOf, type Principal } from '../ledger/leaf.ts';
import type { Item, ItemKey } from '../ports.ts';
import { sha256 } from '../request-ids.ts';
import { toSortableRfc3339 } from '../time.ts';
import { tallyFromItem, tallyOf, tallyToItem, type Tally } from './tally.ts';

export interface Cell {
  /** Null: everybody together. */
  who: Principal | null;
  team: string;
  app: string;
  feature: string;
  /** As served. */
  model: string;
  tags: Readonly<Record<string, string>>;
}

export interface Row extends Cell {
  tally: Tally;
}

export function rowOf(charge: Charge): Row {
  const { leafPk, modelServed, info } = charge;
  return {
    who: principalOf(leafPk),
    ...{ team: info.tm, app: info.ap, feature: info.ft },
    model: modelServed,
    tags: info.tg ?? {},
    tally: tallyOf(charge),
  };
}

export const togetherOf = (row: Row): Row => ({ ...row, who: null, tags: {} });

/** The same text for the same cell, whatever the order of its tags. */
export const cellText = ({ who, team, app, feature, model, tags }: Cell): string =>
  JSON.stringify([whoText(who), team, app, feature, model, Object.entries(tags).sort(byName)]);

const byName = ([a]: [string, string], [b]: [string, string]): number => (a < b ? -1 : 1);

export const whoText = (who: Principal | null): string => (who ? `${who.type}:${who.id}` : '-');

export const hourPartition = (hour: EpochMs): string => `R#H#${toSortableRfc3339(hour).slice(0, 10)}`;
export const dayPartition = (zone: string, date: string): string => `R#D#${zone}#${date}`;

/** Where a row of an hour, or of a day, stands in its partition. */
export type Place = { partition: string; hour?: EpochMs };
export const hourPlace = (hour: EpochMs): Place => ({ partition: hourPartition(hour), hour });

const hourText = (hour: EpochMs): string => toSortableRfc3339(hour).slice(11, 13);

/** Of 256 bits so many that no two cells of an hour share them. */
const DIGEST_LENGTH = 32;

export async function rowToItem({ partition, hour }: Place, row: Row): Promise<Item & ItemKey> {
  const { who, team, app, feature, model, tags, tally } = row;
  const cell = (await sha256(cellText(row))).slice(0, DIGEST_LENGTH);
  const parts = [whoText(who), ...(hour === undefined ? [] : [hourText(hour)]), cell];
  return {
    pk: partition,
    sk: parts.join('#'),
    ...(who && { w: { ...who } }),
    ...{ tm: team, ap: app, ft: feature, md: model },
    ...(Object.keys(tags).length > 0 && { tg: { ...tags } }),
    ...tallyToItem(tally),
  };
}

export const rowFromItem = (item: Item): Row => ({
  who: (item['w'] as Principal | undefined) ?? null,
  team: item['tm'] as string,
  app: item['ap'] as string,
  feature: item['ft'] as string,
  model: item['md'] as string,
  tags: (item['tg'] ?? {}) as Record<string, string>,
  tally: tallyFromItem(item),
});

/** `12` of `user:alice#12#…`. Ids have no "#". */
export const hourOfItem = ({ sk }: Item): string => (sk as string).split('#')[1]!;
export const isOfHour = (item: Item, hour: EpochMs): boolean => hourOfItem(item) === hourText(hour);
