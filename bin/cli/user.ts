/** `spendcap user`: to which team a user's calls are charged, whatever key they come with. */
import type { Command } from 'commander';
import type { JsonObject } from './admin-api.ts';
import { usageError } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { confirm, printJson, printNote, printRecord, printTable } from './terminal.ts';

export function addUserCommands(program: Command): void {
  const user = program
    .command('user')
    .helpCommand(false)
    .description('users: to which team their calls are charged');

  user
    .command('set')
    .description('put a user into a team; from then on their calls count for its caps, whatever key they use')
    .argument('<user>', 'the user, as in alice')
    .requiredOption('--team <team>', 'the team')
    .addHelpText(
      'after',
      `
A user without a team of their own belongs to the team of the key. In force within 30 seconds; calls in flight
settle under the team that they were admitted for.

Examples:
  spendcap user set alice --team growth
  spendcap cap set team:growth --monthly 500usd`,
    )
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf<{ team: string }>(command);
      const found = await adminApi(options).put(userPath(id), { team: options.team });
      if (options.json) printJson(found);
      else await printTable([found], USER_COLUMNS);
      printNote(`User ${id} is in the team ${options.team}.`);
    });

  user
    .command('show')
    .alias('get')
    .description('show the team of a user')
    .argument('<user>', 'the user')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf(command);
      const found = await adminApi(options).get(userPath(id));
      if (options.json) printJson(found);
      else printRecord(Object.entries(found));
    });

  user
    .command('list')
    .description('list users whose team is known')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command);
      const page = await adminApi(options).list('users');
      if (options.json) printJson(page);
      else await printTable(page.items, USER_COLUMNS);
    });

  user
    .command('delete')
    .description('forget the team of a user; their calls count for the team of the key again')
    .argument('<user>', 'the user')
    .option('--yes', 'do not ask')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf<{ yes?: boolean }>(command);
      await confirm(`Forget the team of ${id}?`, options);
      await adminApi(options).delete(userPath(id));
      printNote(`User ${id} has no team of their own any more.`);
    });
}

/** `alice`, or `user:alice` as caps write it. */
function userPath(text: string): string {
  const id = text.startsWith('user:') ? text.slice('user:'.length) : text;
  if (id === '') throw usageError('No user was named.', 'Write spendcap user set alice --team growth.');
  return `users/${encodeURIComponent(id)}`;
}

const USER_COLUMNS = [
  { title: 'user', value: (user: JsonObject) => user['id'] },
  { title: 'team', value: (user: JsonObject) => user['team'] },
];
