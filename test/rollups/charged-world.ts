/** A table with charges in it, and what reads and rolls them up, on a clock that moves when told. */
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { epochMs, holdId, type EpochMs } from '../../lambdas/core/brands.ts';
import { chargeToItem, type Charge, type ChargeOutcome } from '../../lambdas/core/ledger/charge.ts';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import type { Table } from '../../lambdas/core/ports.ts';
import { Periods } from '../../lambdas/core/rollups/periods.ts';
import { hourOf } from '../../lambdas/core/rollups/plan.ts';
import type { RowReader } from '../../lambdas/core/rollups/read-rows.ts';
import { durationUntil, ManualClock, SeededIds } from '../support/worlds.ts';

export interface Spent {
  at: string;
  cost: bigint;
  user?: string | null;
  team?: string;
  app?: string;
  feature?: string;
  model?: string;
  card?: string;
  tags?: Record<string, string>;
  outcome?: ChargeOutcome;
  tokens?: Record<string, bigint>;
}

export const instant = (text: string): EpochMs => epochMs(Date.parse(text));

let calls = 0;
export function charge(spent: Spent): Charge {
  calls += 1;
  const {
    user = 'alice',
    team = 'growth',
    app = 'web',
    feature = 'default',
    model = 'm',
    card = 'card',
  } = spent;
  const { at, cost, outcome = 'settled', tokens = { input: 3n, output: 2n } } = spent;
  const isAdjusted = outcome === 'adjusted';
  return {
    id: holdId(isAdjusted ? `call-${calls}~1` : `call-${calls}`),
    ...{ at: 1n, fence: 0n, accounts: {}, stage: 'normal', latencyMs: 5n },
    leafPk: leafKey(user === null ? { type: 'app', id: app } : { type: 'user', id: user }).pk,
    used: { u: cost, t: 5n, r: isAdjusted ? 0n : 1n, c: 0n },
    outcome,
    info: {
      rq: `req-${calls}`,
      ts: BigInt(instant(at)),
      ...{ us: user, ap: app, tm: team, ft: feature, ep: 'openai-chat', md: model, cd: card },
      ...{ pu: 1000n, tk: 10n },
      ...(spent.tags && { tg: spent.tags }),
    },
    modelServed: model,
    tokens,
  };
}

export interface ChargedWorld extends RowReader {
  clock: ManualClock;
  table: Table;
  /** Charges it, and tells of it unless that is left out. */
  spend(spent: Spent, isTold?: boolean): Promise<Charge>;
  /** Moves the clock to an instant. */
  at(text: string): void;
}

export function chargedWorld(zone = 'UTC'): ChargedWorld {
  const clock = new ManualClock();
  const ids = new SeededIds();
  const table = new DynamoDbTable({ api: openMemoryEngine({ clock }), tableName: 't', clock, ids });
  const periods = new Periods({ table, clock, ids });
  return {
    ...{ table, clock, periods, zone },
    spend: async (spent, isTold = true) => {
      const one = charge(spent);
      await table.put({ item: chargeToItem(one) });
      if (isTold) await periods.openHour(hourOf(instant(spent.at)));
      return one;
    },
    at: (text) => clock.advance(durationUntil(clock, instant(text))),
  };
}
