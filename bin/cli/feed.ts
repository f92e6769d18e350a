/** `spendcap feed`: what the change feed missed is told again. */
import type { Command } from 'commander';
import { adminApi, optionsOf } from './global-options.ts';
import { instantOf } from './instants.ts';
import { cellText, printJson, printNote } from './terminal.ts';

export function addFeedCommands(program: Command): void {
  const feed = program
    .command('feed')
    .helpCommand(false)
    .description('the feed of changes, for whoever repairs it');

  feed
    .command('redrive')
    .description('make the rows of hours anew from their charges, as after messages in a dead-letter queue')
    .requiredOption('--from <when>', 'from this day or instant on, as in 2026-11-01 or 2026-11-01T12:00:00Z')
    .option('--to <when>', 'before this day or instant; until now, if left out')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf<{ from: string; to?: string }>(command);
      const answer = await adminApi(options).post('feed/redrive', {
        from: instantOf('--from', options.from),
        ...(options.to !== undefined && { to: instantOf('--to', options.to) }),
      });
      if (options.json) printJson(answer);
      else printNote(`${cellText(answer['hours'])} hours: their rows are made anew within minutes.`);
    });
}
