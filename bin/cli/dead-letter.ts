/** `spendcap dead-letter`: what could not be processed, and to have it worked again. */
import type { Command } from 'commander';
import type { JsonObject } from './admin-api.ts';
import { CliError, EXIT } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { cellText, printJson, printNote, printTable } from './terminal.ts';

export function addDeadLetterCommands(program: Command): void {
  const deadLetter = program
    .command('dead-letter')
    .helpCommand(false)
    .description('what could not be processed and waits in a queue');

  deadLetter
    .command('list')
    .description('show each queue that has something: how much, since when, and why')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command);
      const page = await adminApi(options).list('dead-letters');
      const queues = page.items.filter(({ messages }) => messages !== 0);
      if (options.json) printJson(page);
      else if (queues.length === 0) printNote('Nothing lies in a dead-letter queue.');
      else await printTable(queues, QUEUE_COLUMNS);
    });

  deadLetter
    .command('redrive')
    .description('have everything in a queue worked again; safe to repeat')
    .argument('<queue>', 'as list shows it')
    .action(async (queue: string, _own: object, command: Command) => {
      const options = optionsOf(command);
      const api = adminApi(options);
      let redriven = 0;
      let answer: JsonObject = {};
      do {
        const cursor = answer['next_cursor'];
        answer = await api.post(
          `dead-letters/${encodeURIComponent(queue)}/redrive`,
          typeof cursor === 'string' ? { cursor } : {},
        );
        redriven += Number(answer['redriven']);
      } while (typeof answer['next_cursor'] === 'string');
      if (options.json) printJson({ ...answer, redriven });
      else
        printNote(redriven === 1 ? '1 message was worked again.' : `${redriven} messages were worked again.`);
      const kept = Number(answer['kept']);
      if (kept > 0)
        throw new CliError(
          EXIT.refused,
          `${kept} stay in the queue: ${(answer['reasons'] as string[]).map(cellText).join('; ')}.`,
          `What to do: docs/runbook.md#dead-letters-${queue}.`,
        );
    });
}

const QUEUE_COLUMNS = [
  { title: 'queue', value: ({ queue }: JsonObject) => queue },
  { title: 'messages', value: ({ messages }: JsonObject) => messages, align: 'right' as const },
  { title: 'oldest', value: ({ oldest_at }: JsonObject) => oldest_at },
  { title: 'why', value: ({ reasons }: JsonObject) => whyOf(reasons as JsonObject[]) },
];

const whyOf = (reasons: JsonObject[]): string =>
  reasons
    .map(({ reason, messages }) =>
      messages === 1 ? cellText(reason) : `${cellText(reason)} (${cellText(messages)})`,
    )
    .join('; ');
