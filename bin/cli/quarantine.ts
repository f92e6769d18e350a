/** `spendcap quarantine`: models that billed more than their bound, and are refused until somebody looked. */
import type { Command } from 'commander';
import type { JsonObject } from './admin-api.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { confirm, printJson, printNote, printTable } from './terminal.ts';

export function addQuarantineCommands(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .helpCommand(false)
    .description('models that billed more than their bound, refused until lifted');

  quarantine
    .command('list')
    .description('list models in quarantine')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command);
      const page = await adminApi(options).list('quarantine');
      if (options.json) printJson(page);
      else await printTable(page.items, QUARANTINE_COLUMNS);
    });

  quarantine
    .command('lift')
    .description('allow a model again; the next call may cost more than its hold, as the last one did')
    .argument('<model>', 'the model, as listed')
    .option('--yes', 'do not ask')
    .action(async (model: string, _own: object, command: Command) => {
      const options = optionsOf<{ yes?: boolean }>(command);
      await confirm(`Allow calls of ${model} again?`, options);
      await adminApi(options).delete(`quarantine/${encodeURIComponent(model)}`);
      printNote(`${model} is allowed again.`);
    });
}

const QUARANTINE_COLUMNS = [
  { title: 'model', value: (model: JsonObject) => model['model'] },
  { title: 'since', value: (model: JsonObject) => model['since'] },
  { title: 'reason', value: (model: JsonObject) => model['reason'] },
];
