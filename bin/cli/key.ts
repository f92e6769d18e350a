/** `spendcap key`: app keys, with which applications call the gateway. */
import type { Command } from 'commander';
import type { JsonObject } from './admin-api.ts';
import { usageError } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { cellText, confirm, printData, printJson, printNote, printTable } from './terminal.ts';

interface CreateOptions {
  app: string;
  team: string;
  scope: string;
  user?: string;
  requireUser?: boolean;
}

const SCOPES = ['call', 'delegate', 'admin'];

export function addKeyCommands(program: Command): void {
  const key = program
    .command('key')
    .helpCommand(false)
    .description('app keys: with which applications call the gateway');

  key
    .command('create')
    .description('create a key; it is printed once, and only its hash is kept')
    .requiredOption('--app <app>', 'application that uses the key')
    .requiredOption('--team <team>', 'team that the application belongs to')
    .option(
      '--scope <scopes>',
      'what the key may do: call; delegate (name users in x-spendcap-user); admin',
      'call',
    )
    .option('--user <user>', 'the one user whose calls these are')
    .option('--require-user', 'refuse calls that name no user')
    .addHelpText(
      'after',
      `
The key goes to stdout, everything else to stderr.

Examples:
  spendcap key create --app web --team growth --scope call,delegate --require-user
  spendcap key create --app laptop --team growth --user alice > key.txt`,
    )
    .action(async (_own: object, command: Command) => {
      const options = optionsOf<CreateOptions>(command);
      const created = await adminApi(options).post('keys', {
        app: options.app,
        team: options.team,
        scopes: parseScopes(options.scope),
        user: options.user ?? null,
        require_user: options.requireUser ?? false,
      });
      if (options.json) printJson(created);
      else printData(created['key'] as string);
      printNote(
        `Key ${cellText(created['id'])} for ${options.app} is created. Keep it now: it is not shown again.`,
      );
    });

  key
    .command('list')
    .description('list keys, without their secrets')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command);
      const page = await adminApi(options).list('keys');
      if (options.json) printJson(page);
      else await printTable(page.items, KEY_COLUMNS);
    });

  key
    .command('delete')
    .description('delete a key; calls with it are refused from then on')
    .argument('<id>', 'id of the key, as in key_…')
    .option('--yes', 'do not ask')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf<{ yes?: boolean }>(command);
      await confirm(`Delete the key ${id}?`, options);
      await adminApi(options).delete(`keys/${encodeURIComponent(id)}`);
      printNote(`Key ${id} is deleted.`);
    });
}

function parseScopes(text: string): string[] {
  const scopes = text.split(',').map((scope) => scope.trim());
  const unknown = scopes.find((scope) => !SCOPES.includes(scope));
  if (unknown !== undefined) {
    throw usageError(
      `${JSON.stringify(unknown)} is no scope of a key.`,
      `Choose from ${SCOPES.join(', ')}, with commas.`,
    );
  }
  return scopes;
}

const KEY_COLUMNS = [
  { title: 'id', value: (key: JsonObject) => key['id'] },
  { title: 'app', value: (key: JsonObject) => key['app'] },
  { title: 'team', value: (key: JsonObject) => key['team'] },
  { title: 'scopes', value: (key: JsonObject) => (key['scopes'] as string[] | undefined)?.join(',') },
  { title: 'user', value: (key: JsonObject) => key['user'] },
  { title: 'user required', value: (key: JsonObject) => (key['require_user'] === true ? 'yes' : 'no') },
  { title: 'created', value: (key: JsonObject) => key['created_at'] },
];
