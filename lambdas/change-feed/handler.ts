/** The change feed on Lambda: the stream of the table in, events on the bus out. */
import { AccountCaps } from '../core/escalation/account-caps.ts';
import { ladderOf, parsePolicy } from '../core/policy/policy.ts';
import { openAwsBooks } from '../runtime/aws-books.ts';
import { openEventBus } from '../runtime/aws-news.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput } from '../runtime/log.ts';
import { createChangeFeed } from './change-feed.ts';

/** Set when the function is bundled. */
declare const SPENDCAP_POLICY: unknown;
const policy = parsePolicy(SPENDCAP_POLICY);

const { TABLE_NAME, EVENT_BUS_NAME } = readEnvironment(
  { TABLE_NAME: text, EVENT_BUS_NAME: text },
  process.env,
);
const { directory, clock } = openAwsBooks(TABLE_NAME);

export const handler = createChangeFeed({
  bus: openEventBus(EVENT_BUS_NAME),
  caps: new AccountCaps({ directory, clock }),
  ladderOf: (name) => ladderOf(policy, name),
  clock,
  report: (failure) => standardOutput({ kind: 'record_failed', ...failure }),
});
