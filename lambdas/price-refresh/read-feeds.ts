/**
 * Reads the feeds and keeps what they say. A feed that cannot be read, or that is not what it should be, fails alone:
 * what it said before stands. A model that a feed leaves out is not spoken of by it any more, and nothing else follows.
 */
import pLimit from 'p-limit';
import { NotThisFeed, type FeedReadings } from '../adapters/price-feeds/feed.ts';
import { NotJson, parseExactJson } from '../adapters/price-feeds/exact-json.ts';
import { PARSERS, type Feed } from '../adapters/price-feeds/families.ts';
import type { FetchedDocument, KnownDocument } from '../adapters/price-feeds/document.ts';
import { leftOutOf, type LeftOut } from '../core/price-changes/left-out.ts';
import type { SourcedStatement } from '../core/price-changes/propose.ts';
import { readingSchema } from '../core/price-changes/reading.ts';
import {
  documentFromItem,
  documentKey,
  documentToItem,
  PRICE_FEEDS,
  saidFromItem,
  saidNow,
  saidPrefix,
  saidToItem,
  type DocumentState,
  type Said,
} from '../core/price-changes/statement-items.ts';
import { everyItem } from '../core/pages.ts';
import { isApplied, type Clock, type Item, type ItemKey, type Table } from '../core/ports.ts';
import type { Provider } from '../core/pricing/card.ts';
import { DAY, toRfc3339 } from '../core/time.ts';

export type FetchDocument = (url: string, known: KnownDocument) => Promise<FetchedDocument>;

export interface ReadFeedsDeps {
  table: Pick<Table, 'get' | 'put' | 'query'>;
  clock: Clock;
  feeds: readonly Feed[];
  fetchDocument: FetchDocument;
}

export interface FeedReport extends Feed {
  status: 'read' | 'unchanged' | 'failed';
  /** Why it failed. */
  reason: string | null;
  /** Models that it speaks of, now or when it was last read. */
  models: number;
  /** Its rows that could not be read, then or now. */
  leftOut: LeftOut[];
}

/** All of the public ones. */
const AT_ONCE = 6;

/** Throws TableUnavailable. */
export async function readFeeds(
  deps: ReadFeedsDeps,
): Promise<{ reports: FeedReport[]; statements: SourcedStatement[] }> {
  const limit = pLimit(AT_ONCE);
  const read = await limit.map(deps.feeds, (feed) => readFeed(deps, feed));
  return {
    reports: read.map(({ report }) => report),
    statements: read.flatMap(({ report: { family, url }, said }) =>
      said.flatMap((of) => [...of.values()].map((one) => ({ ...one, family, source: url }))),
    ),
  };
}

async function readFeed(
  { table, clock, fetchDocument }: ReadFeedsDeps,
  feed: Feed,
): Promise<{ report: FeedReport; said: Said[] }> {
  const known = documentFromItem(await table.get(documentKey(feed)));
  const before = known === undefined ? new Map<Provider, Said>() : await saidBefore(table, feed);
  const report = (
    status: FeedReport['status'],
    reason: string | null,
    said: Iterable<Said>,
    leftOut = known?.leftOut ?? [],
  ) => {
    const all = [...said];
    return { report: { ...feed, status, reason, models: modelsIn(all), leftOut }, said: all };
  };
  const note = (state: DocumentState) => put(table, documentToItem(feed, state));

  const fetched = await fetchDocument(feed.url, known ?? { etag: undefined, lastModified: undefined });
  if (fetched.kind === 'failed') return report('failed', fetched.reason, before.values());
  if (fetched.kind === 'unchanged') {
    if (known === undefined)
      return report('failed', 'it says that it has not changed, and was never read', []);
    if (clock.now() - known.readAt >= DAY) await note({ ...known, readAt: clock.now() });
    return report('unchanged', null, before.values());
  }

  const parsed = parse(feed, fetched.text, toRfc3339(clock.now()).slice(0, 'YYYY-MM-DD'.length));
  if ('reason' in parsed) return report('failed', parsed.reason, before.values());
  const had = modelsIn(before.values());
  if (known && parsed.readings.length * 2 < had && clock.now() - known.readAt < SMALLER_FOR_DAYS * DAY)
    return report('failed', smallerWords(parsed, had), before.values());
  const now = new Map<Provider, Said>();
  const items: (Item & ItemKey)[] = [];
  for (const provider of new Set([...before.keys(), ...parsed.readings.map((reading) => reading.provider)])) {
    const readings = parsed.readings.filter((reading) => reading.provider === provider);
    const said = saidNow(known && (before.get(provider) ?? new Map()), readings, clock.now());
    const item = saidToItem(feed, provider, said);
    if (item === undefined)
      return report('failed', `it has more models of ${provider} than can be kept`, before.values());
    now.set(provider, said);
    items.push(item);
  }
  // The state of the document last: a run that dies before it reads the document again.
  for (const item of items) await put(table, item);
  const leftOut = leftOutOf(parsed.dropped);
  await note({ ...fetched, readAt: clock.now(), leftOut });
  return report('read', null, now.values(), leftOut);
}

const modelsIn = (said: Iterable<Said>): number => [...said].reduce((total, { size }) => total + size, 0);

/** A document that lost most of its models is not believed at once: what it said goes on standing for so long. */
const SMALLER_FOR_DAYS = 7;
const smallerWords = ({ readings, dropped }: FeedReadings, had: number): string =>
  `it lost most of its models (${had} before, ${readings.length} now, ${dropped.length} rows that cannot be read); ` +
  `if it stays so, it is taken as it is after ${SMALLER_FOR_DAYS} days`;

async function saidBefore(table: Pick<Table, 'query'>, feed: Feed): Promise<Map<Provider, Said>> {
  const prefix = saidPrefix(feed);
  const said = new Map<Provider, Said>();
  for await (const item of everyItem((at) => table.query({ partition: PRICE_FEEDS, prefix, ...at })))
    said.set((item['sk'] as string).slice(prefix.length) as Provider, saidFromItem(item));
  return said;
}

function parse({ family }: Feed, text: string, today: string): FeedReadings | { reason: string } {
  try {
    const { readings, dropped } = PARSERS[family](parseExactJson(text), today);
    const valid = readings.filter((reading) => readingSchema.safeParse(reading).success);
    const invalid = readings.filter((reading) => !valid.includes(reading));
    return {
      readings: valid,
      dropped: [
        ...dropped,
        ...invalid.map(({ model }) => ({ entry: model.slice(0, 80), reason: 'a name that no model has' })),
      ],
    };
  } catch (error) {
    if (error instanceof NotJson) return { reason: `it is not JSON: ${error.message}` };
    if (error instanceof NotThisFeed)
      return { reason: `it is not what ${family} documents: ${error.message}` };
    throw error;
  }
}

async function put(table: Pick<Table, 'put'>, item: Item & ItemKey): Promise<void> {
  isApplied(await table.put({ item }));
}
