/** `spendcap price rerate`: charges of the past against the prices that are known now to have held then. */
import type { Command } from 'commander';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { formatUsd, parseSignedUsd } from '../../lambdas/core/money.ts';
import type { AdminApi, JsonObject } from './admin-api.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { instantOf } from './instants.ts';
import { confirm, printJson, printNote, printTable } from './terminal.ts';

interface RerateOptions {
  from: string;
  to: string;
  model?: string;
  user?: string;
  dryRun?: boolean;
  yes?: boolean;
}

export function addRerateCommand(price: Command): void {
  price
    .command('rerate')
    .description('correct what was charged in a span of time, by the prices that are known now to have held')
    .requiredOption('--from <when>', 'from this day or instant on, as in 2026-11-01 or 2026-11-01T12:00:00Z')
    .requiredOption('--to <when>', 'before this day or instant')
    .option('--model <model>', 'calls of this model only')
    .option('--user <user>', 'calls of this user only')
    .option('--dry-run', 'show what would be corrected, and correct nothing')
    .option('--yes', 'do not ask')
    .action(async (_own: object, command: Command) => {
      const options = optionsOf<RerateOptions>(command);
      const query = {
        from: instantOf('--from', options.from),
        to: instantOf('--to', options.to),
        ...(options.model !== undefined && { model: options.model }),
        ...(options.user !== undefined && { user: options.user }),
      };
      const api = adminApi(options);
      const planned = await rerated(api, { ...query, write: false });
      if (!options.json) await show(planned);
      const changed = planned.models.reduce((count, model) => count + model.changed, 0);
      if (options.dryRun === true || changed === 0) {
        if (options.json) printJson(planned);
        else if (changed === 0) printNote('Nothing is to be corrected.');
        return;
      }
      await confirm(`Correct ${changed} ${changed === 1 ? 'charge' : 'charges'}?`, options);
      const written = await rerated(api, { ...query, write: true });
      if (options.json) printJson(written);
      else printNote('Corrected. Each charge stands as it was, with its correction beside it.');
    });
}

interface Rerated {
  models: ModelSum[];
  not_rated: { reason: string; calls: number }[];
}

interface ModelSum {
  model: string;
  calls: number;
  changed: number;
  charged_usd: string;
  correct_usd: string;
  difference_usd: string;
}

/** All pages, added up. */
async function rerated(api: AdminApi, query: JsonObject): Promise<Rerated> {
  const models = new Map<string, ModelSum>();
  const notRated = new Map<string, number>();
  let cursor: unknown = null;
  do {
    const page: JsonObject = await api.post('prices/rerate', {
      ...query,
      ...(cursor !== null && { cursor: cursor as string }),
    });
    for (const sum of page['models'] as unknown as ModelSum[]) {
      const before = models.get(sum.model);
      models.set(sum.model, before ? added(before, sum) : sum);
    }
    for (const { reason, calls } of page['not_rated'] as unknown as Rerated['not_rated'])
      notRated.set(reason, (notRated.get(reason) ?? 0) + calls);
    cursor = page['next_cursor'];
  } while (cursor !== null);
  return {
    models: [...models.values()].sort((a, b) => (a.model < b.model ? -1 : 1)),
    not_rated: [...notRated].map(([reason, calls]) => ({ reason, calls })),
  };
}

const added = (a: ModelSum, b: ModelSum): ModelSum => ({
  model: a.model,
  calls: a.calls + b.calls,
  changed: a.changed + b.changed,
  charged_usd: sumUsd(a.charged_usd, b.charged_usd),
  correct_usd: sumUsd(a.correct_usd, b.correct_usd),
  difference_usd: sumUsd(a.difference_usd, b.difference_usd),
});

const sumUsd = (a: string, b: string): string =>
  formatUsd(picoUsd((parseSignedUsd(a) ?? 0n) + (parseSignedUsd(b) ?? 0n)));

async function show({ models, not_rated }: Rerated): Promise<void> {
  await printTable(models, COLUMNS);
  for (const { reason, calls } of not_rated) printNote(`not rated: ${calls} ${reason}`);
}

const COLUMNS = [
  { title: 'model', value: ({ model }: ModelSum) => model },
  { title: 'calls', value: ({ calls }: ModelSum) => calls, align: 'right' as const },
  { title: 'changed', value: ({ changed }: ModelSum) => changed, align: 'right' as const },
  { title: 'charged usd', value: (sum: ModelSum) => sum.charged_usd, align: 'right' as const },
  { title: 'correct usd', value: (sum: ModelSum) => sum.correct_usd, align: 'right' as const },
  { title: 'difference usd', value: (sum: ModelSum) => sum.difference_usd, align: 'right' as const },
];
