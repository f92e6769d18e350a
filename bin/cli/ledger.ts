/** `spendcap ledger`: whether the books balance, what is held and why, and evidence of what a provider billed. */
import type { Command } from 'commander';
import type { JsonObject } from './admin-api.ts';
import { parseAmount } from './cap-arguments.ts';
import { CliError, EXIT, usageError } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { cellText, confirm, printData, printJson, printNote, printTable } from './terminal.ts';

export function addLedgerCommands(program: Command): void {
  const ledger = program.command('ledger').helpCommand(false).description('the books behind the caps');

  ledger
    .command('audit')
    .description('check every account: limit = free + settled + held, and charges against what is settled')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command);
      const audit = await adminApi(options).get('ledger/audit');
      const differences = (audit['differences'] ?? []) as JsonObject[];
      if (options.json) printJson(audit);
      else printData(auditLines(audit, differences).join('\n'));
      if (audit['balanced'] !== true || differences.length > 0) {
        throw new CliError(EXIT.refused, 'The books do not balance.');
      }
    });

  ledger
    .command('holds')
    .description('list what is held and why: in flight, charged and about to settle, or orphaned by a crash')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command);
      const page = await adminApi(options).list('ledger/holds');
      if (options.json) printJson(page);
      else await printTable(page.items, HOLD_COLUMNS);
    });

  ledger
    .command('void')
    .description('give back what a crashed call holds, or was presumed to cost: the provider never billed it')
    .argument('<request>', 'the request id, as listed')
    .requiredOption('--evidence <text>', 'who says so, or where it is written')
    .option('--yes', 'do not ask')
    .action((request: string, _own: object, command: Command) => giveEvidence(request, '0.00', command));

  ledger
    .command('correct')
    .description('charge a crashed call what the provider billed for it, in place of the worst case')
    .argument('<request>', 'the request id, as listed')
    .requiredOption('--billed <dollars>', 'what the provider billed, as in 0.04usd')
    .requiredOption('--evidence <text>', 'who says so, or where it is written')
    .option('--yes', 'do not ask')
    .action((request: string, { billed }: { billed: string }, command: Command) =>
      giveEvidence(request, dollarsOf(billed), command),
    );
}

function dollarsOf(text: string): string {
  const { metric, limit } = parseAmount(text);
  if (metric !== 'usd')
    throw usageError(`${JSON.stringify(text)} is no amount of dollars.`, 'Write 0.04usd.');
  return limit;
}

async function giveEvidence(request: string, billed: string, command: Command): Promise<void> {
  const options = optionsOf<{ evidence: string; yes?: boolean }>(command);
  await confirm(`Charge $${billed} for ${request}?`, options);
  const answer = await adminApi(options).post(`ledger/requests/${encodeURIComponent(request)}/evidence`, {
    billed_usd: billed,
    source: options.evidence,
  });
  if (options.json) printJson(answer);
  else printNote(`${request} is ${cellText(answer['result'])}: it costs $${billed}.`);
}

const HOLD_COLUMNS = [
  { title: 'since', value: (hold: JsonObject) => hold['since'] },
  { title: 'principal', value: (hold: JsonObject) => hold['principal'] },
  { title: 'app', value: (hold: JsonObject) => hold['app'] },
  { title: 'model', value: (hold: JsonObject) => hold['model_requested'] },
  { title: 'held usd', value: (hold: JsonObject) => hold['reserved_usd'], align: 'right' as const },
  { title: 'state', value: (hold: JsonObject) => hold['state'] },
  { title: 'presumed spent at', value: (hold: JsonObject) => hold['expires_at'] },
  { title: 'request', value: (hold: JsonObject) => hold['request_id'] },
];

function auditLines(audit: JsonObject, differences: readonly JsonObject[]): string[] {
  const state = audit['balanced'] === true ? 'balanced' : 'not balanced';
  return [
    `${state}: ${cellText(audit['accounts'])} accounts, ${cellText(audit['open_holds'])} calls in flight`,
    ...differences.map((difference) => cellText(difference)),
  ];
}
