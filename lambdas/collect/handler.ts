/** The collector as a scheduled Lambda function: settles or presumes spent the holds that nobody settled. */
import { collectAll } from '../core/ledger/collect.ts';
import { nonceBits } from '../core/ledger/stamp.ts';
import { openAwsBooks, type Books } from '../runtime/aws-books.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput, withMetrics, type Log } from '../runtime/log.ts';

let books: Books | undefined;
export const handler = createHandler({
  books: () => (books ??= openAwsBooks(readEnvironment({ TABLE_NAME: text }, process.env).TABLE_NAME)),
  log: standardOutput,
});

/** What it throws fails the invocation: Lambda tries again, and then its alarm rings. */
export function createHandler({ books, log }: { books: () => Books; log: Log }) {
  return async (): Promise<void> => {
    const { table, ledger, clock, ids } = books();
    const { settled, presumed } = await collectAll({ table, ledger, clock }, () => ids.randomBits(nonceBits));
    const metrics = { HoldsSettled: settled, HoldsPresumedSpent: presumed };
    log({ kind: 'collected', ...withMetrics('collect', clock.now(), metrics) });
  };
}
