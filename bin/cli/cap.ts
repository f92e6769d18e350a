/** `spendcap cap`: what each user, team, app, feature or the whole organisation may use. */
import type { Command } from 'commander';
import type { AdminApi, Json, JsonObject } from './admin-api.ts';
import {
  defaultCapId,
  parseAmount,
  parseRolling,
  parseScope,
  parseThreshold,
  parseWarn,
  scopeText,
  type Amount,
  type Scope,
} from './cap-arguments.ts';
import { CliError, EXIT, usageError } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { confirm, printJson, printNote, printRecord, printTable } from './terminal.ts';

interface SetOptions {
  monthly?: string;
  weekly?: string;
  daily?: string;
  hourly?: string;
  minute?: string;
  lifetime?: string;
  rolling?: string[];
  concurrent?: string;
  id?: string;
  overage?: string;
  warn?: string;
  throttle?: string;
  block?: string;
  ladder?: string;
  timeZone?: string;
  anchorDay?: string;
}

/** Flags that take an amount, and the window that each sets. */
const WINDOW_FLAGS = [
  ['monthly', 'month'],
  ['weekly', 'week'],
  ['daily', 'day'],
  ['hourly', 'hour'],
  ['minute', 'minute'],
  ['lifetime', 'lifetime'],
] as const;

export function addCapCommands(program: Command): void {
  const cap = program
    .command('cap')
    .helpCommand(false)
    .description('caps: how much a scope may use in a window');

  const set = cap
    .command('set')
    .description('create a cap, or change the one with the same id')
    .argument(
      '<scope>',
      'user:alice, user:*, team:growth, app:web, feature:web/summarise, user_feature:alice/summarise, org',
    );
  for (const [flag, window] of WINDOW_FLAGS) {
    set.option(`--${flag} <amount>`, window === 'lifetime' ? 'limit for good' : `limit per ${window}`);
  }
  set
    .option('--rolling <length=amount...>', 'limit over the last hours or days, as in 24h=20usd')
    .option('--concurrent <calls>', 'calls in flight at once')
    .option('--id <id>', 'id of the cap (default: from scope and window, as in alice-month)')
    .option('--overage <amount>', 'how far the limit may be passed, as in 5usd')
    .option('--warn <fractions>', 'when to warn, as in 0.5,0.8; off for never')
    .option('--throttle <fraction>', 'from where on calls are slowed down, as in 0.95; off for never')
    .option('--block <fraction>', 'from where on calls are refused, as in 0.9; off: at the limit itself')
    .option('--ladder <name>', 'what follows each rung, by a ladder of the policy (default: default)')
    .option('--time-zone <zone>', 'where the window begins and ends, as in Europe/Berlin (default: UTC)')
    .option('--anchor-day <day>', 'day on which a month (1 to 28) or week (1 is Monday) begins')
    .addHelpText(
      'after',
      `
Amounts: 20usd, 0.50usd, 100000tokens, 60requests. Several limits at once make several caps.

Caps of a team, app, feature or org are shared by everybody whose calls they cover. They count dollars, by day, week,
month or for good; anything else is refused, since it could not be held strictly.

Examples:
  spendcap cap set user:alice --monthly 20usd
  spendcap cap set user:alice --minute 60requests --concurrent 4
  spendcap cap set 'user:*' --monthly 5usd      each user who has no usd cap of their own
  spendcap cap set team:growth --monthly 500usd --time-zone Europe/Berlin --warn 0.5,0.8
  spendcap cap set feature:web/summarise --daily 25usd
  spendcap cap set org --monthly 2000usd`,
    )
    .action(async (scopeText: string, _own: SetOptions, command: Command) => {
      const options = optionsOf<SetOptions>(command);
      const caps = capsToSet(parseScope(scopeText), options);
      const api = adminApi(options);
      const results: JsonObject[] = [];
      for (const { id, body, isDerived } of caps) {
        if (isDerived) await refuseOtherCap(api, id, body);
        const result = await api.put(capPath(id), body);
        results.push(result);
        if (!options.json) printNote(`Cap ${id} is set.`);
      }
      if (options.json) printJson(results.length === 1 ? results[0] : results);
      else await printTable(results, CAP_COLUMNS);
    });

  cap
    .command('get')
    .alias('show')
    .description('show one cap, with what is spent and what is left')
    .argument('<id>', 'id of the cap')
    .option('--user <user>', 'whose account to show, where the cap is for each of many users')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf<{ user?: string }>(command);
      const found = await adminApi(options).get(capPath(id), { user: options.user });
      if (options.json) {
        printJson(found);
        return;
      }
      printRecord(Object.entries(found).map(([name, value]) => [name, plain(name, value)]));
      if (isShared(found)) printNote(SHARED_FIGURES);
    });

  cap
    .command('list')
    .description('list all caps')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command);
      const page = await adminApi(options).list('caps');
      if (options.json) printJson(page);
      else await printTable(page.items, CAP_COLUMNS);
    });

  cap
    .command('delete')
    .description('delete a cap; calls that it alone allowed are refused from then on')
    .argument('<id>', 'id of the cap')
    .option('--yes', 'do not ask')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf<{ yes?: boolean }>(command);
      await confirm(`Delete the cap ${id}?`, options);
      await adminApi(options).delete(capPath(id));
      printNote(`Cap ${id} is deleted.`);
    });
}

interface CapToSet {
  id: string;
  isDerived: boolean;
  body: JsonObject;
}

function capsToSet(scope: Scope, options: SetOptions): CapToSet[] {
  const limits = limitsOf(options);
  if (limits.length === 0) {
    throw usageError('No limit was given.', 'Name one, as in --monthly 20usd.');
  }
  if (options.id !== undefined && limits.length > 1) {
    throw usageError('--id names one cap, and several limits make several.', 'Set them one by one.');
  }
  const extras = extrasOf(options);
  const overage = options.overage === undefined ? undefined : parseAmount(options.overage);
  const odd = limits.find(({ amount }) => overage !== undefined && overage.metric !== amount.metric);
  if (overage && odd) {
    throw usageError(`The limit is in ${odd.amount.metric} and the overage in ${overage.metric}.`);
  }
  return limits.map(({ window, amount }) => ({
    id: options.id ?? defaultCapId(scope, amount.metric, window),
    isDerived: options.id === undefined,
    body: {
      scope: { ...scope },
      metric: amount.metric,
      ...(window !== undefined && { window }),
      limit: amount.limit,
      ...(overage !== undefined && { overage: overage.limit }),
      ...extras,
    },
  }));
}

function limitsOf(options: SetOptions): { window: string | undefined; amount: Amount }[] {
  const limits: { window: string | undefined; amount: Amount }[] = [];
  for (const [flag, window] of WINDOW_FLAGS) {
    const text = options[flag];
    if (text !== undefined) limits.push({ window, amount: parseAmount(text) });
  }
  if (options.rolling !== undefined) limits.push(parseRolling(options.rolling));
  const inWindow = limits.find(({ amount }) => amount.metric === 'concurrent');
  if (inWindow) {
    throw usageError('Calls in flight have no window.', `Write --concurrent ${inWindow.amount.limit}.`);
  }
  if (options.concurrent !== undefined) {
    limits.push({
      window: undefined,
      amount: parseAmount(options.concurrent.replace(/(concurrent)?$/, 'concurrent')),
    });
  }
  return limits;
}

function extrasOf({ warn, throttle, block, ladder, timeZone, anchorDay }: SetOptions): JsonObject {
  const thresholds = {
    ...(warn !== undefined && { warn: parseWarn(warn) }),
    ...(throttle !== undefined && { throttle: parseThreshold('--throttle', throttle) }),
    ...(block !== undefined && { block: parseThreshold('--block', block) }),
  };
  if (anchorDay !== undefined && !/^[1-9][0-9]?$/.test(anchorDay)) {
    throw usageError(
      `${JSON.stringify(anchorDay)} is no day.`,
      'Write 1 to 28 for a month, 1 to 7 for a week.',
    );
  }
  return {
    ...(Object.keys(thresholds).length > 0 && { thresholds }),
    ...(ladder !== undefined && { ladder }),
    ...(timeZone !== undefined && { time_zone: timeZone }),
    ...(anchorDay !== undefined && { anchor_day: Number(anchorDay) }),
  };
}

/** Two scopes may lead to one derived id (user:team-web and team:web): never change a cap of somebody else. */
async function refuseOtherCap(api: AdminApi, id: string, body: JsonObject): Promise<void> {
  const { items } = await api.list('caps');
  const existing = items.find((item) => item['id'] === id);
  if (existing === undefined || scopeText(existing) === scopeText(body)) return;
  throw new CliError(
    EXIT.refused,
    `The cap ${id} exists already, for ${scopeText(existing)}.`,
    'Name yours with --id.',
  );
}

const capPath = (id: string): string => `caps/${encodeURIComponent(id)}`;

const isShared = (cap: JsonObject): boolean => !/^user(_feature)?:/.test(scopeText(cap));

/** Each caller spends from a lease; what it spent is told with its next draw, or when the lease lies idle. */
const SHARED_FIGURES =
  'Shared: "settled" and "remaining" are never more than is true; "reserved" is what callers have on lease, some of it spent already.';

function plain(name: string, value: Json): unknown {
  if (name === 'scope' && value !== null && typeof value === 'object' && !Array.isArray(value)) {
    return scopeText({ scope: value });
  }
  return value;
}

const CAP_COLUMNS = [
  { title: 'id', value: (cap: JsonObject) => cap['id'] },
  { title: 'scope', value: scopeText },
  { title: 'metric', value: (cap: JsonObject) => cap['metric'] },
  { title: 'window', value: (cap: JsonObject) => cap['window'] },
  { title: 'limit', value: (cap: JsonObject) => cap['limit'], align: 'right' as const },
  { title: 'overage', value: (cap: JsonObject) => cap['overage'], align: 'right' as const },
  { title: 'time zone', value: (cap: JsonObject) => cap['time_zone'] },
];
