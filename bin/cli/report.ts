/** `spendcap report`: sums of what was spent, by whom and what for, and the days on which it was unusual. */
import type { Command } from 'commander';
import type { Json, JsonObject } from './admin-api.ts';
import { scopeText } from './cap-arguments.ts';
import { usageError } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { instantOf } from './instants.ts';
import { cellText, printJson, printNote, printTable, type Column } from './terminal.ts';

interface SpendOptions {
  by?: string;
  every?: string;
  from?: string;
  to?: string;
  user?: string;
  team?: string;
  app?: string;
  feature?: string;
  model?: string;
  tag?: string;
  limit: string;
  cursor?: string;
}

interface AnomalyOptions {
  from?: string;
  to?: string;
  limit: string;
  cursor?: string;
}

const PERIODS = ['hour', 'day'];

export function addReportCommands(program: Command): void {
  const report = program
    .command('report')
    .helpCommand(false)
    .description('what was spent, summed by whom and what for, and when it was unusual');

  report
    .command('spend')
    .description('what was spent, the dearest first')
    .option('--by <what>', 'user, team, app, feature, model or tag:<name>; several with commas between')
    .option('--every <period>', 'a line an hour (UTC) or a day (of the organisation): hour or day')
    .option('--from <when>', 'from this day or instant on, as in 2026-11-01 or 2026-11-01T12:00:00Z')
    .option('--to <when>', 'before this day or instant')
    .option('--user <user>', 'calls of this user only')
    .option('--team <team>', 'charged to this team only')
    .option('--app <app>', 'calls of this app only')
    .option('--feature <feature>', 'of this feature only')
    .option('--model <model>', 'served by this model only')
    .option('--tag <tag>', 'with this tag only, as in env:prod')
    .option('--limit <lines>', 'stop after so many', '100')
    .option('--cursor <cursor>', 'go on where a report before ended')
    .addHelpText(
      'after',
      `
Examples:
  spendcap report spend --by user                        the last 31 days
  spendcap report spend --by team,model --every day --from 2026-11-01
  spendcap report spend --by feature --user alice        what alice spends on`,
    )
    .action(async (_own: object, command: Command) => {
      const options = optionsOf<SpendOptions>(command);
      if (options.every !== undefined && !PERIODS.includes(options.every))
        throw usageError(`${JSON.stringify(options.every)} is no period.`, 'Write --every hour or day.');
      if (!/^[1-9][0-9]{0,2}$/.test(options.limit))
        throw usageError(`${JSON.stringify(options.limit)} is no count of lines.`, 'Write --limit 100.');
      const { by, every, user, team, app, feature, model, tag, limit, cursor } = options;
      const answer = await adminApi(options).get('reports/spend', {
        ...{ group_by: by, granularity: every, user, team, app, feature, model, tag, limit, cursor },
        from: options.from && instantOf('--from', options.from),
        to: options.to && instantOf('--to', options.to),
      });
      if (options.json) printJson(answer);
      else await printSpend(answer, by?.split(',') ?? [], every !== undefined);
    });

  addAnomalies(report);
}

function addAnomalies(report: Command): void {
  report
    .command('anomalies')
    .description('days on which somebody or something spent far more than usual, the newest first')
    .option('--from <when>', 'from this day or instant on, as in 2026-11-01 or 2026-11-01T12:00:00Z')
    .option('--to <when>', 'before this day or instant')
    .option('--limit <days>', 'stop after so many', '100')
    .option('--cursor <cursor>', 'go on where a list before ended')
    .addHelpText(
      'after',
      `
Examples:
  spendcap report anomalies                              of the last 31 days
  spendcap report anomalies --from 2026-11-01 --json     with what each was spent on`,
    )
    .action(async (_own: object, command: Command) => {
      const options = optionsOf<AnomalyOptions>(command);
      if (!/^[1-9][0-9]{0,8}$/.test(options.limit))
        throw usageError(`${JSON.stringify(options.limit)} is no count of days.`, 'Write --limit 100.');
      const page = await adminApi(options).list('reports/anomalies', {
        query: {
          from: options.from && instantOf('--from', options.from),
          to: options.to && instantOf('--to', options.to),
          cursor: options.cursor,
        },
        limit: Number(options.limit),
      });
      if (options.json) printJson(page);
      else await printTable(page.items, ANOMALY_COLUMNS);
      if (page.next_cursor !== null) printNote(`There are more: add --cursor ${page.next_cursor}`);
    });
}

async function printSpend(answer: JsonObject, groupings: string[], hasPeriods: boolean): Promise<void> {
  const items = answer['items'] as JsonObject[];
  await printTable(items, [
    ...(hasPeriods ? [{ title: 'from', value: (line: JsonObject) => line['start'] }] : []),
    ...groupings.map((grouping) => ({ title: grouping, value: valueOf(grouping) })),
    ...FIGURES,
  ]);
  const total = answer['total'] as JsonObject;
  printNote(`Total: $${cellText(total['cost_usd'])} in ${cellText(total['requests'])} requests.`);
  if (answer['as_of'] !== answer['to'])
    printNote(`Only until ${cellText(answer['as_of'])}: the newest charges are too many to read at once.`);
  if (answer['next_cursor'] !== null)
    printNote(`There are more: add --cursor ${cellText(answer['next_cursor'])}`);
}

function valueOf(grouping: string): (line: JsonObject) => Json | undefined {
  if (!grouping.startsWith('tag:')) return (line) => line[grouping];
  return (line) => (line['tags'] as JsonObject | undefined)?.[grouping.slice('tag:'.length)];
}

const tokens = (line: JsonObject): number =>
  Object.values(line['tokens'] as Record<string, number>).reduce((sum, count) => sum + count, 0);

/** What most of it went on. */
function dearestCause({ scope, causes }: JsonObject): string | undefined {
  const [cause] = causes as { user: string | null; app: string; feature: string; model: string }[];
  if (!cause) return undefined;
  const { user, app, feature, model } = cause;
  const isOfUser = (scope as { type: string }).type === 'user';
  return `${isOfUser || user === null ? '' : `${user}: `}${app}/${feature} with ${model}`;
}

const ANOMALY_COLUMNS: Column<JsonObject>[] = [
  { title: 'day', value: (anomaly) => anomaly['day'] },
  { title: 'who', value: scopeText },
  { title: 'spent usd', value: (anomaly) => anomaly['spent_usd'], align: 'right' },
  { title: 'usual usd', value: (anomaly) => anomaly['usual_usd'], align: 'right' },
  { title: 'noticed', value: (anomaly) => anomaly['at'] },
  { title: 'most on', value: dearestCause },
];

const FIGURES: Column<JsonObject>[] = [
  { title: 'cost usd', value: (line) => line['cost_usd'], align: 'right' },
  { title: 'requests', value: (line) => line['requests'], align: 'right' },
  { title: 'tokens', value: tokens, align: 'right' },
];
