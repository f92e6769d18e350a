/** The mail by which somebody finds out whether mails arrive. It looks like no other: nothing has happened. */
import type { EpochMs } from '../brands.ts';
import { instantWords } from '../mail-words.ts';
import type { Mail } from '../ports.ts';

export function testMail({ id, at, by, org }: { id: string; at: EpochMs; by: string; org: string }): Mail {
  return {
    id,
    subject: 'Spendcap: a test, nothing has happened',
    text: `This is a test of Spendcap's mails to finance. It has arrived, so the others will.

Asked for by  ${by}
For           ${org}
At            ${instantWords(at)}

What comes to this address
When a person, app, team or feature reaches a threshold of a cap: who, how much, how fast, and what happens next.
When somebody asks for more: what to decide by, and a link to decide.
When prices change, or a provider's bill is not what was charged.
In the morning what was spent the day before, and on Mondays the week, if anything was and the policy wants it.

What happens next
Nothing. Nobody has to act.
`,
  };
}
