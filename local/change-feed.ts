/**
 * Steps 8 and 9 on this machine: the change feed, the escalation and the state machine that AWS runs, with the local
 * table's changes in front and the finance desk behind. Leaves out: the event bus (events are handed on at once), retries
 * of a failed record (the item's next change tells the same again, a restart does too) and dead letters.
 */
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { toWire } from '../lambdas/adapters/table/items.ts';
import { createChangeFeed } from '../lambdas/change-feed/change-feed.ts';
import type { Directory } from '../lambdas/core/directory/directory.ts';
import { AccountCaps } from '../lambdas/core/escalation/account-caps.ts';
import { poolKeys } from '../lambdas/core/escalation/standing-items.ts';
import { EVENT_SOURCE, type BusEvent } from '../lambdas/core/events/catalogue.ts';
import type { DigestDesk } from '../lambdas/core/finance/digest-desk.ts';
import type { FinanceDesk } from '../lambdas/core/finance/finance-desk.ts';
import { grantKey } from '../lambdas/core/grants/grant-items.ts';
import { GrantRecords } from '../lambdas/core/grants/grant-records.ts';
import { leavesOf } from '../lambdas/core/ledger/collect.ts';
import type { Ledger } from '../lambdas/core/ledger/ledger.ts';
import { everyItem } from '../lambdas/core/pages.ts';
import type { LadderOf } from '../lambdas/core/policy/ladder.ts';
import type { Clock, EventBus, ItemKey, Table } from '../lambdas/core/ports.ts';
import { createEscalate } from '../lambdas/escalate/escalate.ts';
import { createMailFinance } from '../lambdas/mail-finance/mail-finance.ts';
import type { AccountChanges } from './account-changes.ts';
import type { Approvals } from './approvals.ts';
import { parseMachine } from './state-machine/definition.ts';
import { Executions } from './state-machine/executions.ts';
import type { Json } from './state-machine/expressions.ts';

export interface ChangeFeedDeps {
  changes: AccountChanges;
  table: Table;
  ledger: Ledger;
  directory: Directory;
  ladderOf: LadderOf;
  clock: Clock;
  desk: FinanceDesk;
  digests: DigestDesk;
  /** Somebody asked for more. */
  asked: Approvals['asked'];
  /** Hears of every event, after what acts on it here. */
  published: (event: BusEvent) => Promise<void>;
  report: (reason: string) => void;
}

export interface ChangeFeed {
  /** Ends when every change so far is told, and what it started has ended. */
  stop(): Promise<void>;
}

const RECORDS_A_BATCH = 100;
const ITEMS_A_PAGE = 100;
const FUNCTIONS = { escalateFunctionArn: 'escalate', mailFinanceFunctionArn: 'mail-finance' };

export function startChangeFeed(deps: ChangeFeedDeps): ChangeFeed {
  const { changes, directory, ladderOf, clock, report } = deps;
  const { executions, bus } = createLadder(deps);
  const feed = createChangeFeed({
    bus,
    caps: new AccountCaps({ directory, clock }),
    ladderOf,
    clock,
    report: ({ reason }) => report(reason),
  });
  let isStopping = false;
  const work = async (): Promise<void> => {
    await executions.resume().catch((error: unknown) => report(String(error)));
    await readBooks(deps);
    for (;;) {
      const Records = changes.take(RECORDS_A_BATCH);
      if (Records.length === 0) {
        if (isStopping) return;
        await changes.arrived();
        continue;
      }
      const { batchItemFailures } = await feed({ Records });
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      for (const record of Records) {
        if (failed.has(record.dynamodb!.SequenceNumber!)) changes.forget(record);
      }
      // Calls come first.
      await nextTurn();
    }
  };
  const working = work();
  return {
    stop: async () => {
      isStopping = true;
      changes.wake();
      await working;
      await executions.stop();
    },
  };
}

/** What an earlier process crossed and did not tell any more. */
async function readBooks({ table, directory, changes, report }: ChangeFeedDeps): Promise<void> {
  const read = async (key: ItemKey): Promise<void> => {
    const item = await table.get(key);
    if (item) changes.seen(toWire(item));
  };
  try {
    for await (const key of leavesOf(table)) await read(key);
    for await (const key of poolKeys(directory)) await read(key);
    const open = new GrantRecords({ table });
    for await (const { id } of everyItem(({ cursor }) => open.list('requested', ITEMS_A_PAGE, cursor)))
      await read(grantKey(id));
  } catch (error) {
    report(String(error));
  }
}

function createLadder(deps: ChangeFeedDeps): { executions: Executions; bus: EventBus } {
  const { table, clock, desk, report } = deps;
  const mailFinance = createMailFinance(desk, deps.digests);
  const file = readFileSync(new URL('../lib/escalation.asl.json', import.meta.url), 'utf8');
  const executions: Executions = new Executions({
    name: 'escalation',
    machine: parseMachine(file, FUNCTIONS),
    invoke: async (given) => {
      const { FunctionName, Payload } = given as { FunctionName: string; Payload: Json };
      const handler = FunctionName === FUNCTIONS.mailFinanceFunctionArn ? mailFinance : escalate;
      return { StatusCode: 200, Payload: (await handler(Payload)) as Json };
    },
    table,
    clock,
    report,
  });
  const escalate = createEscalate({ ...deps, start: (name, input) => executions.start(name, input) });
  const deliver = async (event: BusEvent): Promise<boolean> => {
    const { type, detail } = event;
    try {
      if (type === 'CapThresholdCrossed')
        await escalate({ source: EVENT_SOURCE, 'detail-type': type, detail });
      if (type === 'GrantRequested') await deps.asked(detail);
      await deps.published(event);
      return true;
    } catch (error) {
      report(String(error));
      return false;
    }
  };
  const bus: EventBus = {
    publish: async (events) => {
      const failed: number[] = [];
      for (const [index, event] of events.entries()) {
        if (!(await deliver(event))) failed.push(index);
      }
      return failed;
    },
  };
  return { executions, bus };
}
