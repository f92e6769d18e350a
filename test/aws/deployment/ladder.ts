/** From the table's stream to the mail at finance: change feed, bus, rule, state machine, topic. */
import { ListExecutionsCommand, ListStateMachinesCommand } from '@aws-sdk/client-sfn';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { CAP, same, type Caller } from './calls.ts';
import type { Mailbox } from './workarounds.ts';

const MAIL_SECONDS = 20;
const QUIET_SECONDS = 3;

export async function tellLadder(
  story: Story,
  { caller, mails, clients }: { caller: Caller; mails: Mailbox; clients: Clients },
): Promise<void> {
  story.step('The threshold was crossed: finance hears of it');
  await story.check('one mail for a call that crosses two thresholds', async () => {
    const subjects: string[] = [];
    let mail = await mails.next(MAIL_SECONDS);
    while (mail) {
      if (!mail.text.includes(CAP)) throw new Error(`a mail that does not name the cap: ${mail.text}`);
      subjects.push(mail.subject);
      mail = await mails.next(QUIET_SECONDS);
    }
    same(subjects.length, 1);
    return subjects.map((subject) => `"${subject}"`).join(', ');
  });
  await story.check('the state machine ran to its end, once for each', async () => {
    const { machines } = clients;
    const { stateMachines = [] } = await machines.send(new ListStateMachinesCommand({}));
    const { stateMachineArn } = stateMachines.find(({ name }) => name?.endsWith('-escalation'))!;
    await sleep(500);
    const { executions = [] } = await machines.send(new ListExecutionsCommand({ stateMachineArn }));
    same(executions.map(({ status }) => status).join(), 'SUCCEEDED,SUCCEEDED');
    if (executions.some(({ name }) => name!.length > 80))
      throw new Error('a name of more than 80 characters');
    return `${executions.length} executions`;
  });
  await story.check('the next call of that user sees the stage', async () => {
    const { response } = await caller.openai.chat.completions
      .create({
        ...{ model: 'gpt-4.1', max_completion_tokens: 10 },
        messages: [{ role: 'user', content: 'Say a word. [[sim input=10 output=5]]' }],
      })
      .withResponse();
    same(response.headers.get('x-spendcap-stage'), 'warned');
    return 'warned';
  });
}
