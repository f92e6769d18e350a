/**
 * The collector as a scheduled Lambda function: settles or presumes spent the holds that nobody settled, then sends home
 * what thresholds of shared caps depend on.
 */
import type { Context } from 'aws-lambda';
import { AccountCaps } from '../core/escalation/account-caps.ts';
import { collectAll } from '../core/ledger/collect.ts';
import { LedgerBroken } from '../core/ledger/leaf.ts';
import { nonceBits } from '../core/ledger/stamp.ts';
import { openAwsBooks, type Books } from '../runtime/aws-books.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput, withMetrics, type Log } from '../runtime/log.ts';

let books: Books | undefined;
export const handler = createHandler({
  books: () => (books ??= openAwsBooks(readEnvironment({ TABLE_NAME: text }, process.env).TABLE_NAME)),
  log: standardOutput,
});

/** A leaf takes seconds at most, also where the table is slow. */
const STOP_BEFORE_END_MS = 60_000;

/** What it throws fails the invocation: Lambda tries again, and then its alarm rings. */
export function createHandler({ books, log }: { books: () => Books; log: Log }) {
  return async (_event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> => {
    const { table, ledger, directory, clock, ids } = books();
    const { settled, presumed, leaves, isComplete, broken } = await collectAll(
      { table, ledger, clock },
      () => ids.randomBits(nonceBits),
      () => context.getRemainingTimeInMillis() < STOP_BEFORE_END_MS,
    );
    const caps = new AccountCaps({ directory, clock });
    broken.push(...(await ledger.folds.forAllKnown((account) => caps.of(account))));
    const metrics = { HoldsSettled: settled, HoldsPresumedSpent: presumed };
    log({ kind: 'collected', leaves, isComplete, ...withMetrics('collect', clock.now(), metrics) });
    if (broken.length > 0) throw new LedgerBroken(`${broken.length} of ${leaves} leaves: ${broken[0]}`);
  };
}
