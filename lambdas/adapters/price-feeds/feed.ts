/** What every adapter of a feed does: a document in, readings out. */
import type * as z from 'zod';
import type { LeftOutRow } from '../../core/price-changes/left-out.ts';
import type { PriceReading } from '../../core/price-changes/reading.ts';

export interface FeedReadings {
  readings: PriceReading[];
  /** Entries of models that could be ours, and why each was left out. */
  dropped: LeftOutRow[];
}

/** The whole document is not what the feed documents: nothing of it counts. */
export class NotThisFeed extends Error {
  override name = 'NotThisFeed';
}

/** Parses JSON as `parseExactJson` gives it. `now` is an RFC 3339 date: feeds announce prices ahead. */
export type ParseFeed = (document: unknown, today: string) => FeedReadings;

/** Throws NotThisFeed. */
export function documentOf<T extends z.ZodType>(schema: T, document: unknown): z.output<T> {
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new NotThisFeed(problemsOf(parsed.error));
}

/** Reads one entry, or says why not. */
export function entryOf<T extends z.ZodType>(
  schema: T,
  entry: unknown,
): { read: z.output<T> } | { reason: string } {
  const parsed = schema.safeParse(entry);
  return parsed.success ? { read: parsed.data } : { reason: problemsOf(parsed.error) };
}

const PROBLEMS_MAX = 3;

const problemsOf = ({ issues }: z.ZodError): string =>
  issues
    .slice(0, PROBLEMS_MAX)
    .map(({ path, message }) => `${path.map(String).join('.') || 'document'}: ${message}`)
    .join('; ');

/** `{}` without the kinds that are undefined; a price of zero says nothing: only a person calls a model free. */
export function ratesOf(kinds: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(kinds).filter(
      (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '0',
    ),
  );
}
