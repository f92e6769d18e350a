/** `spendcap reconcile`: what a provider billed, beside what was charged. The bill is read here and its sums are sent. */
import { createReadStream } from 'node:fs';
import { Option, type Command } from 'commander';
import { UnreadableBill, type Bill } from '../../lambdas/adapters/provider-bills/bill.ts';
import { joinBills } from '../../lambdas/adapters/provider-bills/join-bills.ts';
import {
  BILL_PROVIDERS,
  readBill,
  type BillProvider,
} from '../../lambdas/adapters/provider-bills/read-bill.ts';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { formatUsd } from '../../lambdas/core/money.ts';
import type { BilledLine } from '../../lambdas/core/reconciliation/figures.ts';
import type { JsonObject } from './admin-api.ts';
import { CliError, EXIT, usageError } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { cellText, printData, printJson, printNote, printTable, type Column } from './terminal.ts';

interface ReconcileOptions {
  provider: BillProvider;
  from?: string;
  to?: string;
  tolerance: string;
}

export function addReconcileCommand(program: Command): void {
  program
    .command('reconcile')
    .description('compare what a provider billed with what was charged; exit code 1 if they drift apart')
    .argument('<file...>', 'costs or usage as the provider exports them, CSV or JSON; - reads stdin')
    .addOption(
      new Option('--provider <provider>', 'whose bill it is').choices(BILL_PROVIDERS).makeOptionMandatory(),
    )
    .option('--from <day>', 'from this day on (UTC), as in 2026-11-01; the first of the bill if left out')
    .option('--to <day>', 'before this day; after the last of the bill if left out')
    .option('--tolerance <percent>', 'how far apart is near enough, of what was billed', '1%')
    .addHelpText(
      'after',
      `
Examples:
  spendcap reconcile costs.json --provider openai       answers of GET /v1/organization/costs, or the CSV of its page
  spendcap reconcile claude_api_cost_2026_11.csv --provider anthropic
  spendcap reconcile cur-00001.csv.gz cur-00002.csv.gz --provider aws --from 2026-11-01 --to 2026-12-01`,
    )
    .action(async (files: string[], _own: object, command: Command) => {
      const options = optionsOf<ReconcileOptions>(command);
      const tolerance = percentOf(options.tolerance);
      const bills = await readBills(files, options.provider);
      const days = bills.flatMap((bill) => [...bill.days]).sort();
      const span = {
        from: options.from === undefined ? days[0]! : dayOf('--from', options.from),
        to: options.to === undefined ? dayAfter(days.at(-1)!) : dayOf('--to', options.to),
      };
      const result = await adminApi(options).post('reconciliations', {
        ...{ provider: options.provider, ...span, tolerance_percent: tolerance },
        lines: joinBills(bills).map(lineView),
      });
      if (options.json) printJson(result);
      else await printResult(result);
      for (const bill of bills) for (const note of bill.notes) printNote(`Note: ${note}.`);
      printNotes(result);
      if (result['drifted'] === true)
        throw new CliError(
          EXIT.refused,
          `What was billed and what was charged are more than ${tolerance} % apart.`,
          'What it can be, and what to do: docs/reconciliation.md',
        );
    });
}

async function readBills(files: readonly string[], provider: BillProvider): Promise<Bill[]> {
  const bills: Bill[] = [];
  for (const file of files) {
    const source = file === '-' ? process.stdin : createReadStream(file);
    try {
      bills.push(await readBill(provider, source));
    } catch (error) {
      if (error instanceof UnreadableBill)
        throw usageError(`${file === '-' ? 'stdin' : file}: ${error.message}.`);
      if (error instanceof Error && 'syscall' in error)
        throw usageError(`${file} cannot be read: ${error.message}.`);
      throw error;
    }
  }
  return bills;
}

const lineView = ({ day, name, usd, rounding, tokens, calls }: BilledLine): JsonObject => ({
  day,
  name,
  billed_usd: usd === null ? null : formatUsd(usd),
  ...(rounding !== 0n && { rounding_usd: formatUsd(picoUsd(rounding)) }),
  tokens: tokens && { input: Number(tokens.input), output: Number(tokens.output) },
  calls: calls === null ? null : Number(calls),
});

function percentOf(text: string): string {
  const percent = /^([0-9]{1,3}(?:\.[0-9]{1,4})?) ?%?$/.exec(text)?.[1];
  if (percent === undefined)
    throw usageError(
      `${JSON.stringify(text)} is no percentage.`,
      'Write --tolerance 1% or --tolerance 0.5%.',
    );
  return percent;
}

function dayOf(flag: string, text: string): string {
  if (/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw usageError(`${JSON.stringify(text)} is no day.`, `Write ${flag} 2026-11-01; days are those of UTC.`);
}

const DAY_MS = 86_400_000;
const dayAfter = (day: string): string =>
  new Date(Date.parse(day) + DAY_MS).toISOString().slice(0, day.length);

async function printResult(result: JsonObject): Promise<void> {
  const items = result['items'] as JsonObject[];
  const models = result['models'] as JsonObject[];
  const total = { model: 'in all', ...(result['total'] as JsonObject) };
  const columns = figureColumns([...items, total]);
  await printTable(items, [{ title: 'day', value: ({ day }) => day }, MODEL, ...columns]);
  printData('');
  await printTable([...models, total], [MODEL, ...columns, { title: '', value: remarkOf }]);
}

const MODEL: Column<JsonObject> = {
  title: 'model',
  value: ({ model }) => (model === '*' ? 'all models' : model),
};

const right = 'right' as const;
const DOLLARS: Column<JsonObject>[] = [
  { title: 'billed usd', value: (row) => row['billed_usd'], align: right },
  { title: 'ours usd', value: (row) => row['our_usd'], align: right },
  { title: 'difference', value: (row) => row['difference_usd'], align: right },
  { title: '%', value: (row) => row['difference_percent'], align: right },
];
const TOKENS: Column<JsonObject>[] = [
  { title: 'billed tokens', value: (row) => tokensText(row['billed_tokens']), align: right },
  { title: 'our tokens', value: (row) => tokensText(row['our_tokens']), align: right },
];
const CALLS: Column<JsonObject>[] = [
  { title: 'billed calls', value: (row) => row['billed_calls'], align: right },
  { title: 'our calls', value: (row) => row['our_calls'], align: right },
];

/** What the bill speaks of. */
const figureColumns = (rows: readonly JsonObject[]): Column<JsonObject>[] => [
  ...(rows.some((row) => row['billed_usd'] !== null) ? DOLLARS : []),
  ...(rows.some((row) => row['billed_tokens'] !== null) ? TOKENS : []),
  ...(rows.some((row) => row['billed_calls'] !== null) ? CALLS : []),
];

function tokensText(tokens: unknown): string | null {
  if (typeof tokens !== 'object' || tokens === null || !('input' in tokens) || !('output' in tokens))
    return null;
  return `${String(tokens.input)} + ${String(tokens.output)}`;
}

function remarkOf(row: JsonObject): string {
  return [
    ...(row['known'] === false ? ['no model known here'] : []),
    ...(row['within_tolerance'] === false ? ['apart'] : []),
    ...(row['presumed_calls'] === 0 ? [] : [`${cellText(row['presumed_calls'])} calls at their holds`]),
  ].join(', ');
}

function printNotes(result: JsonObject): void {
  const list = (name: string): string => (result[name] as string[]).join(', ');
  const said: Record<string, string> = {
    unknown_names: 'No price card has these names, so the total alone decides',
    days_outside: 'The bill also has these days, which were not compared',
    days_without_bill: 'There were calls on these days, for which the bill has nothing',
  };
  for (const [name, sentence] of Object.entries(said))
    if (list(name) !== '') printNote(`${sentence}: ${cellText(list(name))}.`);
  const today = new Date().toISOString().slice(0, '2026-11-01'.length);
  if ((result['to'] as string) > today) printNote('Today is not over: both sides may still grow.');
  if (result['drifted'] === true)
    printNote(result['mailed'] === true ? 'Finance is told by mail.' : 'Finance could not be told by mail.');
}
