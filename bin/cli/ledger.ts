/** `spendcap ledger`: whether the books balance. */
import type { Command } from 'commander';
import type { JsonObject } from './admin-api.ts';
import { CliError, EXIT } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { cellText, printData, printJson } from './terminal.ts';

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
}

function auditLines(audit: JsonObject, differences: readonly JsonObject[]): string[] {
  const state = audit['balanced'] === true ? 'balanced' : 'not balanced';
  return [
    `${state}: ${cellText(audit['accounts'])} accounts, ${cellText(audit['open_holds'])} calls in flight`,
    ...differences.map((difference) => cellText(difference)),
  ];
}
