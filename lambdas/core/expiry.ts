/**
 * Items that are removed by themselves, some time after their instant: on AWS by DynamoDB, locally by a sweeper. Nothing of
 * the books has one, and nothing is right only because something is gone.
 */
import { durationMs, type EpochMs } from './brands.ts';
import type { Item } from './ports.ts';
import { DAY, plus, SECOND } from './time.ts';

/** The attribute that DynamoDB removes items by, in epoch seconds. */
export const EXPIRY_ATTRIBUTE = 'ttl';

export const expiresAt = (at: EpochMs): Record<string, bigint> => ({
  [EXPIRY_ATTRIBUTE]: BigInt(at) / BigInt(SECOND),
});

export const isExpired = (item: Item, now: EpochMs): boolean => {
  const at = item[EXPIRY_ATTRIBUTE];
  return typeof at === 'bigint' && at * BigInt(SECOND) <= BigInt(now);
};

/**
 * What happens once in a window can be told again for so long after its end: a record of the stream for a day, a dead letter
 * for two weeks, and whoever redrives one looks at windows that began 33 days before it (standing-items.ts). Whoever asks for
 * a digest asks for the newest, of a week at most.
 */
const TOLD_AGAIN_MAX = durationMs(60 * DAY);

/** For a mark that something was done in a window; none for one that never ends. */
export const untilNobodyTells = (windowEnds: EpochMs | null): Record<string, bigint> =>
  windowEnds === null ? {} : expiresAt(plus(windowEnds, TOLD_AGAIN_MAX));
