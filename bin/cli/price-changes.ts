/** `spendcap price` of a server: cards in force and before, what is pending and who decides, what is paid instead. */
import type { Command } from 'commander';
import type { JsonObject } from './admin-api.ts';
import { CliError, EXIT, usageError } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { addRerateCommand } from './price-rerate.ts';
import { cellText, confirm, indented, printData, printJson, printNote, printTable } from './terminal.ts';

export function addPriceChangeCommands(price: Command): void {
  price
    .command('list')
    .description('the cards in force')
    .option('--provider <provider>', 'of this provider alone')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf<{ provider?: string }>(command);
      const { items } = await adminApi(options).list('prices');
      const cards = items.filter(({ provider }) => (options.provider ?? provider) === provider);
      if (options.json) printJson({ items: cards });
      else await printTable(cards, CARD_COLUMNS);
    });

  price
    .command('history')
    .description('every card of a model, newest first, and on whose word it came')
    .argument('<model>', 'model, by its exact name')
    .action(async (model: string, _own: object, command: Command) => {
      const options = optionsOf(command);
      const page = await adminApi(options).list('prices/history', { query: { model } });
      if (options.json) printJson(page);
      else await printHistory(page.items);
      if (page.items.length === 0)
        throw new CliError(
          EXIT.refused,
          `No card is for the model ${JSON.stringify(model)}.`,
          'Names must be exact; see spendcap price list.',
        );
    });

  price
    .command('pending')
    .description('changes that wait for a second family of feeds, or for you')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command);
      const page = await adminApi(options).list('prices/pending');
      if (options.json) printJson(page);
      else if (page.items.length === 0) printNote('Nothing is pending.');
      else printData(page.items.map(pendingText).join('\n\n'));
    });

  price
    .command('accept')
    .description('take a pending change: in force from now on')
    .argument('<id>', 'as `spendcap price pending` lists it')
    .action(async (id: string, _own: object, command: Command) => {
      const options = optionsOf(command);
      const card = await adminApi(options).post(`prices/pending/${encodeURIComponent(id)}/accept`);
      if (options.json) printJson(card);
      else printNote(`${text(card['id'])} is in force.`);
    });

  price
    .command('reject')
    .description('leave the price as it is; you are asked again when more feeds say so')
    .argument('<id>', 'as `spendcap price pending` lists it')
    .action(async (id: string, _own: object, command: Command) => {
      await adminApi(optionsOf(command)).post(`prices/pending/${encodeURIComponent(id)}/reject`);
      printNote(`${id} is rejected.`);
    });

  price
    .command('refresh')
    .description('read all price feeds now; exit code 1 if one could not be read')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command);
      const result = await adminApi(options).post('prices/refresh');
      const feeds = result['feeds'] as JsonObject[];
      if (options.json) printJson(result);
      else await printRefresh(result, feeds);
      const failed = feeds.filter(({ status }) => status === 'failed').map(({ family }) => text(family));
      if (failed.length > 0)
        throw new CliError(
          EXIT.refused,
          `Not read: ${[...new Set(failed)].join(', ')}. What they said before stands.`,
        );
    });
  addOverrideCommands(price);
  addRerateCommand(price);
}

function addOverrideCommands(price: Command): void {
  const override = price
    .command('override')
    .helpCommand(false)
    .description('what you pay instead of list prices');

  override
    .command('set')
    .description('a share of the list price, or a card of your own')
    .argument('<target>', "provider and model, as in openai/gpt-4.1; 'openai/*' for all of its models")
    .option('--factor <factor>', 'share of the list price: 0.85 is 15 % off')
    .option('--card <file>', 'JSON file with a card; - reads it from stdin')
    .option(
      '--from <instant>',
      'when it begins, as in 2027-01-01T00:00:00Z, or began: then see price rerate; now if left out',
    )
    .action(async (target: string, _own: object, command: Command) => {
      const options = optionsOf<{ factor?: string; card?: string; from?: string }>(command);
      const { factor, card, from } = options;
      if ((factor === undefined) === (card === undefined))
        throw usageError('Give --factor or --card, one of the two.');
      const set = await adminApi(options).put(overridePath(target), {
        ...(factor !== undefined && { factor }),
        ...(card !== undefined && { card: await readCard(card) }),
        ...(from !== undefined && { from }),
      });
      if (options.json) printJson(set);
      else printNote(`${target} is set from ${text(set['from'])}.`);
    });

  override
    .command('list')
    .description('every revision, by model and date')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf(command);
      const page = await adminApi(options).list('prices/overrides');
      if (options.json) printJson(page);
      else await printTable(page.items, OVERRIDE_COLUMNS);
    });

  override
    .command('end')
    .description('list prices again, from now on')
    .argument('<target>', 'as it was set')
    .option('--yes', 'do not ask')
    .action(async (target: string, _own: object, command: Command) => {
      const options = optionsOf<{ yes?: boolean }>(command);
      await confirm(`Charge calls of ${target} by list prices again?`, options);
      await adminApi(options).delete(overridePath(target));
      printNote(`${target} is at list prices.`);
    });
}

/** The provider is what stands before the first slash: names of models have slashes, too. */
function overridePath(target: string): string {
  const slash = target.indexOf('/');
  if (slash < 1 || slash === target.length - 1)
    throw usageError(`${JSON.stringify(target)} is no provider and model.`, 'Write it as in openai/gpt-4.1.');
  return `prices/overrides/${target.slice(0, slash)}/${encodeURIComponent(target.slice(slash + 1))}`;
}

async function readCard(file: string): Promise<JsonObject> {
  const { readFileSync } = await import('node:fs');
  try {
    return JSON.parse(readFileSync(file === '-' ? STDIN : file, 'utf8')) as JsonObject;
  } catch (error) {
    throw usageError(`${file} is no card: ${(error as Error).message}.`, 'See docs/prices.md for its form.');
  }
}

const STDIN = 0;

async function printRefresh(result: JsonObject, feeds: JsonObject[]): Promise<void> {
  if (feeds.length === 0) printNote('No feed is set: prices are those of the release and your own.');
  else await printTable(feeds, FEED_COLUMNS);
  for (const id of result['accepted'] as string[]) printData(`in force  ${id}`);
  for (const { family, url, status, reason } of feeds.filter(({ status }) => status === 'failed'))
    printNote(`${text(family)} ${text(status)}: ${text(reason)} (${text(url)})`);
  for (const feed of feeds) {
    for (const { reason, rows, examples } of leftOutOf(feed, 'left_out'))
      printNote(`${text(feed['family'])}, rows left out: ${rows} ${reason} (${examples.join(', ')})`);
    const reasons = leftOutOf(feed, 'without_card').map(({ reason, rows }) => `${rows} ${reason}`);
    if (reasons.length > 0)
      printNote(`${text(feed['family'])}, models without a card: ${reasons.join('; ')}`);
  }
  for (const { provider, model, reason } of result['refused'] as JsonObject[])
    printNote(`refused: ${text(provider)}/${text(model)}: ${text(reason)}`);
  for (const { id, reason } of result['shadowed'] as JsonObject[])
    printNote(`prices no call: ${text(id)}: ${text(reason)}`);
  const pending = result['pending'] as number;
  if (pending > 0) printNote(`${pending} pending: see spendcap price pending.`);
}

interface LeftOut {
  reason: string;
  rows: number;
  examples: string[];
}
const leftOutOf = (feed: JsonObject, what: 'left_out' | 'without_card'): LeftOut[] =>
  feed[what] as unknown as LeftOut[];
const rowsOf = (leftOut: readonly LeftOut[]): number => leftOut.reduce((total, { rows }) => total + rows, 0);

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

type Prices = Record<string, string>;
const pricesOf = (of: JsonObject): Prices => (of['prices'] ?? {}) as Prices;

const right = 'right' as const;
const PRICE_COLUMNS = [
  { title: 'input', value: (card: JsonObject) => pricesOf(card)['input'], align: right },
  { title: 'cache read', value: (card: JsonObject) => pricesOf(card)['cache_read'], align: right },
  { title: 'output', value: (card: JsonObject) => pricesOf(card)['output'], align: right },
];

/** The id of a card is made of its provider, model and beginning: --json has it as charges cite it. */
const CARD_COLUMNS = [
  { title: 'provider', value: (card: JsonObject) => card['provider'] },
  { title: 'model', value: (card: JsonObject) => card['model'] },
  { title: 'since', value: (card: JsonObject) => text(card['effective_from']).slice(0, 'YYYY-MM-DD'.length) },
  ...PRICE_COLUMNS,
];

const HISTORY_COLUMNS = [
  { title: 'from', value: (card: JsonObject) => card['effective_from'] },
  { title: 'in force', value: (card: JsonObject) => (card['in_force'] === true ? 'yes' : '') },
  ...PRICE_COLUMNS,
  { title: 'by', value: (card: JsonObject) => card['accepted_by'] },
];

async function printHistory(cards: readonly JsonObject[]): Promise<void> {
  await printTable(cards, HISTORY_COLUMNS);
  const periods = cards.flatMap((card) =>
    ((card['periods'] ?? []) as unknown as Period[]).map(periodText(card)),
  );
  if (periods.length > 0) printData(`\n${[...new Set(periods)].join('\n')}`);
}

interface Period {
  from: string;
  to: string;
  weekdays?: number[];
  factor: string;
}
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
/** Tokens cost more or less at some times of the day. */
const periodText =
  (card: JsonObject) =>
  ({ from, to, weekdays, factor }: Period): string => {
    const days = weekdays ? weekdays.map((day) => WEEKDAYS[day]).join(' ') : 'every day';
    return cellText(
      `since ${text(card['effective_from'])}: times ${factor} from ${from} to ${to} UTC, ${days}`,
    );
  };

/** A change: its id and model, the prices that would change, and why it waits. */
function pendingText(change: JsonObject): string {
  const [before, after] = [(change['old'] ?? {}) as Prices, change['new'] as Prices];
  const prices = Object.keys(after)
    .filter((what) => before[what] !== after[what])
    .map((what) => `${what} ${before[what] ?? '-'} -> ${after[what]!}`);
  const [id, provider, model, family, reason] = ['id', 'provider', 'model', 'family', 'reason'].map(
    (member) => cellText(change[member]),
  );
  return [
    `${id}  ${provider}/${model}, by ${family}`,
    ...prices.map((price) => indented(price, INDENT)),
    indented(reason!, INDENT),
  ].join('\n');
}
const INDENT = '  ';

const FEED_COLUMNS = [
  { title: 'family', value: (feed: JsonObject) => feed['family'] },
  { title: 'status', value: (feed: JsonObject) => feed['status'] },
  { title: 'models', value: (feed: JsonObject) => feed['models'], align: right },
  {
    title: 'without card',
    value: (feed: JsonObject) => rowsOf(leftOutOf(feed, 'without_card')),
    align: right,
  },
  {
    title: 'rows left out',
    value: (feed: JsonObject) => rowsOf(leftOutOf(feed, 'left_out')),
    align: right,
  },
];

const OVERRIDE_COLUMNS = [
  { title: 'provider', value: (override: JsonObject) => override['provider'] },
  { title: 'model', value: (override: JsonObject) => override['model'] },
  { title: 'from', value: (override: JsonObject) => override['from'] },
  {
    title: 'pays',
    value: ({ factor, card }: JsonObject) =>
      factor !== null
        ? `${text(factor)} of the list price`
        : card === null
          ? 'the list price'
          : 'a card of its own',
  },
];
