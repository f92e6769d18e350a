/** Mails to finance on Lambda: invoked by the state machine of the ladder, and by a schedule. */
import { DigestDesk } from '../core/finance/digest-desk.ts';
import { FinanceDesk } from '../core/finance/finance-desk.ts';
import { parsePolicy } from '../core/policy/policy.ts';
import { Periods } from '../core/rollups/periods.ts';
import { openAwsBooks } from '../runtime/aws-books.ts';
import { openFinanceMail } from '../runtime/aws-news.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput } from '../runtime/log.ts';
import { createMailFinance } from './mail-finance.ts';

/** The policy file's content; the bundler puts it here, so that the code and its policy are deployed as one. */
declare const SPENDCAP_POLICY: unknown;

const settings = readEnvironment({ TABLE_NAME: text, FINANCE_TOPIC_ARN: text }, process.env);
const books = openAwsBooks(settings.TABLE_NAME);
const { org } = parsePolicy(SPENDCAP_POLICY);

const shared = {
  reader: { ...books, periods: new Periods(books), zone: org.timeZone },
  mail: openFinanceMail(settings.FINANCE_TOPIC_ARN),
  moreUrl: org.reportUrl,
};
const desk = new FinanceDesk({
  ...shared,
  report: (reason) => standardOutput({ kind: 'mail_waits', reason }),
});

export const handler = createMailFinance(
  desk,
  new DigestDesk({ ...shared, notes: desk.notes, org: org.name, kinds: org.digests }),
);
