/**
 * What each feed said when it was last read, so that the next run knows what is new in it, and what one that cannot be
 * read today stands for. One item a document for its state, and one a document and provider for what it says.
 *
 *   PRICE-FEEDS  doc#<family> <url>                etag, last modified, when it was read, what was left out
 *                said#<family> <url>#<provider>    a text: model to { since, reading }
 */
import * as z from 'zod';
import { epochMs, type EpochMs } from '../brands.ts';
import type { Item, ItemKey } from '../ports.ts';
import type { Provider } from '../pricing/card.ts';
import type { LeftOut } from './left-out.ts';
import { readingSchema, type Family, type PriceReading } from './reading.ts';

export const PRICE_FEEDS = 'PRICE-FEEDS';

/** Raised when what is read out of a document changes: an unchanged document is then read again. */
const READ_BY = 2n;

export interface FeedName {
  family: Family;
  url: string;
}

export interface DocumentState {
  etag: string | undefined;
  lastModified: string | undefined;
  /** When it was last found as it is here. */
  readAt: EpochMs;
  /** Rows that could not be read. */
  leftOut: LeftOut[];
}

export const documentKey = ({ family, url }: FeedName): ItemKey => ({
  pk: PRICE_FEEDS,
  sk: `doc#${family} ${url}`,
});

export const documentToItem = (
  feed: FeedName,
  { etag, lastModified, readAt, leftOut }: DocumentState,
): Item & ItemKey => ({
  ...documentKey(feed),
  readBy: READ_BY,
  readAt: BigInt(readAt),
  leftOut: JSON.stringify(leftOut),
  ...(etag !== undefined && { etag }),
  ...(lastModified !== undefined && { lastModified }),
});

/** Undefined where the document has not been read, or not by this program. */
export function documentFromItem(item: Item | undefined): DocumentState | undefined {
  if (item?.['readBy'] !== READ_BY) return undefined;
  return {
    etag: item['etag'] as string | undefined,
    lastModified: item['lastModified'] as string | undefined,
    readAt: epochMs(Number(item['readAt'])),
    leftOut: JSON.parse(item['leftOut'] as string) as LeftOut[],
  };
}

/** By model. */
export type Said = ReadonlyMap<string, { since: EpochMs; reading: PriceReading }>;

export const SAID = 'said#';
export const saidPrefix = ({ family, url }: FeedName): string => `${SAID}${family} ${url}#`;

/** What an item can hold, with room for the rest of it. */
const TEXT_LENGTH_MAX = 380_000;

/** Undefined where it is more than an item holds. */
export function saidToItem(feed: FeedName, provider: Provider, said: Said): (Item & ItemKey) | undefined {
  const text = JSON.stringify([...said.values()], (_name, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  if (text.length > TEXT_LENGTH_MAX) return undefined;
  return { pk: PRICE_FEEDS, sk: `${saidPrefix(feed)}${provider}`, said: text };
}

const saidSchema = z.array(z.strictObject({ since: z.number().transform(epochMs), reading: readingSchema }));

export function saidFromItem(item: Item): Said {
  const said = saidSchema.parse(JSON.parse(item['said'] as string));
  return new Map(said.map((one) => [one.reading.model, one]));
}

/**
 * What the feed says now, each since when it says so: as before where it says the same, `now` where it says something
 * else or something new, 0 for all of a feed that was never read before.
 */
export function saidNow(before: Said | undefined, readings: readonly PriceReading[], now: EpochMs): Said {
  return new Map(
    readings.map((reading) => {
      const known = before?.get(reading.model);
      const isSame = known !== undefined && textOf(known.reading) === textOf(reading);
      const since = before === undefined ? epochMs(0) : isSame ? known.since : now;
      return [reading.model, { since, reading }];
    }),
  );
}

/** Schemas give members in one order. */
const textOf = (reading: PriceReading): string =>
  JSON.stringify(readingSchema.parse(reading), (_name, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
