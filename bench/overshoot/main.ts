/** `npm run overshoot`: the promise, put to the test in less than a minute. See README.md. */
import { Command, InvalidArgumentError } from 'commander';
import { printJson, printNote } from '../../bin/cli/terminal.ts';
import { parseUsd } from '../../lambdas/core/money.ts';
import { jsonOf, printFindings } from './report.ts';
import { runOvershoot } from './run.ts';
import { checksOf } from './verdict.ts';

interface Options {
  users: number;
  concurrency: number;
  teamCap: bigint;
  json?: true;
}

const options = new Command('overshoot')
  .description(
    "Calls without pause against one team's cap and smaller ones of its users, kills the server midway, and compares the books with what the provider billed. Exits with 1 where a cap is exceeded or the run proves nothing.",
  )
  .option('--users <n>', 'users of the team', positive, 40)
  .option('--concurrency <n>', 'calls at a time', positive, 200)
  .option('--team-cap <usd>', "the team's cap a day, in dollars", dollars, dollars('1.00'))
  .option('--json', 'figures as JSON')
  .parse()
  .opts<Options>();

const { users, concurrency, teamCap, json } = options;
const findings = await runOvershoot({ users, concurrency, teamLimit: teamCap, say: printNote });
const checks = checksOf(findings);
if (json) printJson(jsonOf(findings, checks));
else await printFindings(findings, checks);
process.exitCode = checks.every(({ faults }) => faults.length === 0) ? 0 : 1;

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Use a whole number above 0.');
  return value;
}

function dollars(text: string): bigint {
  const value = parseUsd(text);
  if (value === undefined || value === 0n) throw new InvalidArgumentError('Use dollars, such as 1.00.');
  return value;
}
