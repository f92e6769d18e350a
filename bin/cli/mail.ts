/** `spendcap mail`: whether mails to finance arrive. */
import type { Command } from 'commander';
import type { JsonObject } from './admin-api.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { cellText, printJson, printNote } from './terminal.ts';

export function addMailCommands(program: Command): void {
  const mail = program.command('mail').helpCommand(false).description('mail to finance');

  mail
    .command('test')
    .description('send finance a mail that says that nothing has happened')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command);
      const answer = await adminApi(options).post('mail/test');
      if (options.json) printJson(answer);
      else printNote(sentWords(answer));
    });
}

function sentWords({ to, subject }: JsonObject): string {
  const where =
    to === null || to === undefined
      ? 'Sent to whoever subscribed to the finance topic: the policy file has no org.financeEmail to send to.'
      : `Sent to ${cellText(to)}: "${cellText(subject)}".`;
  return `${where}\nIf it does not come within minutes: docs/mail.md.`;
}
