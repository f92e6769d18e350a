/** Finance at its desk: the mails as they come, and the round that gathers what was too much for a minute. */
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { LIFE_MAX } from '../../../lambdas/core/finance/one-at-a-time.ts';
import { SECOND } from '../../../lambdas/core/time.ts';
import type { Clients } from '../probes/clients.ts';
import { same } from './calls.ts';
import { functionNamed } from './functions.ts';
import { withMovedClock } from './moved-clock.ts';
import type { Mailbox } from './workarounds.ts';

export interface Mail {
  subject: string;
  text: string;
}

export interface Finance {
  next(): Promise<Mail>;
  /** Nothing else came. */
  quiet(): Promise<void>;
  /** Once nobody mails at once any more, as the deployed schedule asks for it every five minutes. What was noted until now is mailed. */
  round(): Promise<void>;
}

const SECONDS = 20;
const QUIET_SECONDS = 3;

export async function atFinance(
  { clients, mails }: { clients: Clients; mails: Mailbox },
  work: (finance: Finance) => Promise<void>,
): Promise<void> {
  await withMovedClock(clients, 'FinanceDesk', async (clock) => {
    let rounds = 0;
    await work({
      async next() {
        const mail = await mails.next(SECONDS);
        if (!mail) throw new Error(`no mail within ${SECONDS} s`);
        return mail;
      },
      async quiet() {
        same((await mails.next(QUIET_SECONDS))?.subject, undefined);
      },
      async round() {
        rounds += 1;
        clock.ahead(rounds * (LIFE_MAX + SECOND));
        const FunctionName = await functionNamed(clients, 'FinanceDesk');
        const Payload = Buffer.from(JSON.stringify({ action: 'mail_waiting' }));
        const { FunctionError } = await clients.lambda.send(new InvokeCommand({ FunctionName, Payload }));
        same(FunctionError, undefined);
      },
    });
  });
}
