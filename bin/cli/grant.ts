/** `spendcap grant`: asking for more than a cap has, and deciding what others ask for. */
import type { Command } from 'commander';
import { AdminApi, type JsonObject } from './admin-api.ts';
import { parseAmount } from './cap-arguments.ts';
import { CliError, EXIT, usageError } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { instantOf } from './instants.ts';
import { printJson, printNote, printRecord, printTable } from './terminal.ts';

export function addGrantCommands(program: Command): void {
  const grant = program
    .command('grant')
    .helpCommand(false)
    .description('grants: more than a cap has, asked for by one and approved by another');

  grant
    .command('list')
    .description('list grants, oldest first; those that wait for a decision unless told otherwise')
    .option('--status <status>', 'requested, approved, denied or expired', 'requested')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf<{ status: string }>(command);
      const page = await adminApi(options).list('grants', { query: { status: options.status } });
      if (options.json) printJson(page);
      else if (page.items.length === 0) printNote(`None is ${options.status}.`);
      else await printTable(page.items, GRANT_COLUMNS);
    });

  grant
    .command('show')
    .alias('get')
    .description('show what was asked for, and what became of it')
    .argument('<id>', 'as in grant_…')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf(command);
      show(await adminApi(options).get(grantPath(id)), options.json);
    });

  grant
    .command('approve')
    .description('raise the cap by what was asked for, until its window ends; you must not be who asked')
    .argument('<id>', 'as in grant_…')
    .option('--amount <amount>', 'raise it by so much instead, as in 2usd')
    .option('--until <when>', 'until this day or instant, as in 2026-12-01; a lifetime cap needs one')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf<{ amount?: string; until?: string }>(command);
      const api = adminApi(options);
      const amount =
        options.amount === undefined ? undefined : amountIn(await api.get(grantPath(id)), options.amount);
      const approved = await api.post(`${grantPath(id)}/approve`, {
        ...(amount !== undefined && { amount }),
        ...(options.until !== undefined && { expires_at: instantOf('--until', options.until) }),
      });
      if (options.json) printJson(approved);
      else
        printNote(
          `${id} is approved: ${text(approved['amount_approved'])} more until ${text(approved['ends_at'])}.`,
        );
    });

  grant
    .command('deny')
    .description('leave the cap as it is, and say why; you must not be who asked')
    .argument('<id>', 'as in grant_…')
    .requiredOption('--reason <reason>', 'who asked reads it')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf<{ reason: string }>(command);
      const denied = await adminApi(options).post(`${grantPath(id)}/deny`, { reason: options.reason });
      if (options.json) printJson(denied);
      else printNote(`${id} is denied.`);
    });

  grant
    .command('request')
    .description('ask for more than your cap has; the key is the one you call with, SPENDCAP_KEY or --key')
    .argument('<cap>', 'id of a cap that covers you, as GET /v1/budget shows it')
    .argument('<amount>', 'how much more, as in 5usd')
    .requiredOption('--reason <reason>', 'what for; the approver reads it')
    .option('--key <key>', 'app key; better in the environment, as SPENDCAP_KEY')
    .action(async (cap: string, amount: string, _own: object, command: Command) => {
      const options = optionsOf<{ reason: string; key?: string }>(command);
      const key = options.key ?? process.env['SPENDCAP_KEY'];
      if (key === undefined || key === '')
        throw usageError('No key was given.', 'Set SPENDCAP_KEY to the key that you call with.');
      const gateway = new AdminApi({ url: options.url, sign: 'key', adminKey: key, root: 'v1' });
      const caps = (await gateway.get('budget'))['caps'] as JsonObject[];
      const covering = caps.find(({ id }) => id === cap);
      if (covering === undefined)
        throw new CliError(
          EXIT.refused,
          `No cap ${JSON.stringify(cap)} covers you.`,
          `These do: ${caps.map(({ id }) => text(id)).join(', ')}.`,
        );
      const { reason } = options;
      show(await gateway.post('grants', { cap, amount: amountIn(covering, amount), reason }), options.json);
    });
}

/** The number alone, in the unit that it is written in. */
function amountIn({ metric }: JsonObject, given: string): string {
  const amount = parseAmount(given);
  if (amount.metric === metric) return amount.limit;
  throw usageError(
    `The cap counts ${text(metric)}, and ${given} does not.`,
    'Write 5usd, 100000tokens or 60requests.',
  );
}

const grantPath = (id: string): string => `grants/${encodeURIComponent(id)}`;

function show(grant: JsonObject, asJson: boolean | undefined): void {
  if (asJson) printJson(grant);
  else
    printRecord(Object.entries(grant).map(([name, value]) => [name, isWho(value) ? whoText(value) : value]));
}

const isWho = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && 'type' in value && 'id' in value;
const whoText = ({ type, id }: JsonObject): string => (type === 'org' ? 'org' : `${text(type)}:${text(id)}`);
const text = (value: unknown): string => String(value);

const GRANT_COLUMNS = [
  { title: 'id', value: (grant: JsonObject) => grant['id'] },
  { title: 'asked by', value: (grant: JsonObject) => whoText(grant['requested_by'] as JsonObject) },
  { title: 'cap', value: (grant: JsonObject) => grant['cap'] },
  { title: 'amount', value: (grant: JsonObject) => grant['amount'], align: 'right' as const },
  { title: 'metric', value: (grant: JsonObject) => grant['metric'] },
  { title: 'answer by', value: (grant: JsonObject) => grant['answer_by'] },
  { title: 'decided by', value: (grant: JsonObject) => grant['decided_by'] },
  { title: 'reason', value: (grant: JsonObject) => grant['reason'] },
];
