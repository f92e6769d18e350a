/** `spendcap usage`: what was called, and what it cost. */
import type { Command } from 'commander';
import type { JsonObject } from './admin-api.ts';
import { usageError } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { instantOf } from './instants.ts';
import { cellText, printJson, printNote, printTable } from './terminal.ts';

interface ShowOptions {
  user?: string;
  from?: string;
  to?: string;
  limit: string;
  cursor?: string;
}

export function addUsageCommands(program: Command): void {
  const usage = program.command('usage').helpCommand(false).description('what was called, and what it cost');

  usage
    .command('show')
    .description('list charges, one a call')
    .option('--user <user>', 'calls of this user only')
    .option('--from <when>', 'from this day or instant on, as in 2026-11-01 or 2026-11-01T12:00:00Z')
    .option('--to <when>', 'before this day or instant')
    .option('--limit <calls>', 'stop after so many', '100')
    .option('--cursor <cursor>', 'go on where a list before ended')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf<ShowOptions>(command);
      if (!/^[1-9][0-9]{0,8}$/.test(options.limit)) {
        throw usageError(`${JSON.stringify(options.limit)} is no count of calls.`, 'Write --limit 100.');
      }
      const page = await adminApi(options).list('usage', {
        query: {
          user: options.user,
          from: options.from && instantOf('--from', options.from),
          to: options.to && instantOf('--to', options.to),
          cursor: options.cursor,
        },
        limit: Number(options.limit),
      });
      if (options.json) printJson(page);
      else await printTable(page.items, USAGE_COLUMNS);
      if (page.next_cursor !== null) printNote(`There are more: add --cursor ${page.next_cursor}`);
    });
}

function tokensText(charge: JsonObject): string | undefined {
  const tokens = charge['tokens'];
  if (tokens === null || typeof tokens !== 'object' || Array.isArray(tokens)) return undefined;
  return Object.entries(tokens)
    .filter(([, count]) => count !== 0 && count !== '0' && count !== null)
    .map(([kind, count]) => `${kind} ${cellText(count)}`)
    .join(', ');
}

function outcomeText({ outcome, reason }: JsonObject): string {
  return typeof reason === 'string' ? `${cellText(outcome)}: ${reason}` : cellText(outcome);
}

const USAGE_COLUMNS = [
  { title: 'at', value: (charge: JsonObject) => charge['at'] },
  { title: 'user', value: (charge: JsonObject) => charge['user'] },
  { title: 'app', value: (charge: JsonObject) => charge['app'] },
  { title: 'feature', value: (charge: JsonObject) => charge['feature'] },
  { title: 'model', value: (charge: JsonObject) => charge['model'] },
  { title: 'tokens', value: tokensText },
  { title: 'cost usd', value: (charge: JsonObject) => charge['cost_usd'], align: 'right' as const },
  { title: 'outcome', value: outcomeText },
  { title: 'request', value: (charge: JsonObject) => charge['request_id'] },
];
