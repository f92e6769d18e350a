/** `spendcap webhook`: whether messages arrive. */
import type { Command } from 'commander';
import { CliError, EXIT } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { cellText, printJson, printNote } from './terminal.ts';

export function addWebhookCommands(program: Command): void {
  const webhook = program.command('webhook').helpCommand(false).description('webhooks of the policy file');

  webhook
    .command('test')
    .description('post a signed test that says that nothing has happened, and show what was answered')
    .argument('<id>', 'of the subscription, as in the policy file')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf(command);
      const answer = await adminApi(options).post(`webhooks/${encodeURIComponent(id)}/test`);
      const { delivered, status, ms, reason } = answer;
      if (options.json) printJson(answer);
      const said = status === null ? `gave no answer: ${cellText(reason)}` : `answered ${cellText(status)}`;
      const sentence = `${cellText(id)} ${said} (${cellText(ms)} ms).`;
      if (delivered !== true)
        throw new CliError(
          EXIT.refused,
          sentence,
          'An event would be tried again for a day; what a receiver has to do: docs/webhooks.md.',
        );
      if (!options.json) printNote(sentence);
    });
}
