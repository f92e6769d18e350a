/** The command `spendcap <noun> <verb>`: its nouns stand in bin/cli, one file each. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { addCapCommands } from './cli/cap.ts';
import { addCompletionCommand } from './cli/completion.ts';
import { addDevCommand } from './cli/dev.ts';
import { SIGN_CHOICES } from './cli/credential.ts';
import { addDeadLetterCommands } from './cli/dead-letter.ts';
import { CliError, EXIT, type ExitCode } from './cli/exit.ts';
import { addGrantCommands } from './cli/grant.ts';
import { addFeedCommands } from './cli/feed.ts';
import { addKeyCommands } from './cli/key.ts';
import { addLedgerCommands } from './cli/ledger.ts';
import { addMailCommands } from './cli/mail.ts';
import { addPriceCommands } from './cli/price.ts';
import { addQuarantineCommands } from './cli/quarantine.ts';
import { addReceiptCommands } from './cli/receipt.ts';
import { addReconcileCommand } from './cli/reconcile.ts';
import { addReportCommands } from './cli/report.ts';
import { printNote } from './cli/terminal.ts';
import { addUsageCommands } from './cli/usage.ts';
import { addUserCommands } from './cli/user.ts';
import { addWebhookCommands } from './cli/webhook.ts';

const DEFAULT_URL = 'http://127.0.0.1:8787';

export async function main(argv: readonly string[]): Promise<ExitCode> {
  // `spendcap … | head` is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
  try {
    await buildProgram().parseAsync(argv, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CliError) {
      printNote(`spendcap: ${error.message}`);
      if (error.advice !== undefined) printNote(error.advice);
      return error.exitCode;
    }
    // Commander has printed it already; asking for help or the version is no mistake.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    throw error;
  }
}

export function buildProgram(): Command {
  const program = new Command('spendcap')
    .description('Spending caps per user for LLM calls: set caps, hand out keys, see what was spent.')
    .version(versionOfPackage(), '--version', 'print the version')
    .addOption(
      new Option('--url <address>', 'address of the Spendcap server')
        .env('SPENDCAP_URL')
        .default(DEFAULT_URL),
    )
    .addOption(
      new Option('--admin-key <key>', 'key for the admin API; better in the environment').env(
        'SPENDCAP_ADMIN_KEY',
      ),
    )
    .addOption(
      new Option('--sign <how>', 'who asks: aws credentials, or the admin key; auto: aws at API Gateway')
        .env('SPENDCAP_SIGN')
        .choices(SIGN_CHOICES)
        .default('auto'),
    )
    .option('--json', 'print JSON, as the API gives it')
    .option('--no-input', 'never ask; fail where a question would be needed')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('Add --help to see what is possible.')
    .helpCommand(false)
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  spendcap dev                                  start a local Spendcap, with a simulated provider
  spendcap key create --app web --team growth   a key for an application
  spendcap cap set user:alice --monthly 20usd   what alice may spend a month
  spendcap usage show --user alice              what she spent it on
  spendcap report spend --by team,model         who spends what on which model
  spendcap receipt show req_…                   why one call cost what it did

A deployment on AWS: set SPENDCAP_URL to its output Url. Requests to ….execute-api.<region>.amazonaws.com are signed
with your AWS credentials; for a domain of your own add --sign aws and set AWS_REGION.

Exit codes: 0 ok, 1 refused or a difference found, 2 usage, 3 server unreachable, 4 not confirmed.`,
    );
  for (const addTo of [
    addCapCommands,
    addKeyCommands,
    addGrantCommands,
    addUserCommands,
    addUsageCommands,
    addReportCommands,
    addLedgerCommands,
    addReceiptCommands,
    addPriceCommands,
    addReconcileCommand,
    addQuarantineCommands,
    addFeedCommands,
    addDeadLetterCommands,
    addMailCommands,
    addWebhookCommands,
    addDevCommand,
    addCompletionCommand,
  ]) {
    addTo(program);
  }
  return program;
}

function versionOfPackage(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
