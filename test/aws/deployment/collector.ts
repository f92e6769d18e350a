/** Calls whose process died, and the deployed collector: started by its own schedule, then by hand. */
import {
  GetFunctionConfigurationCommand,
  GetFunctionEventInvokeConfigCommand,
  InvokeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import { capId, epochMs } from '../../../lambdas/core/brands.ts';
import { Directory } from '../../../lambdas/core/directory/directory.ts';
import { chargeToItem } from '../../../lambdas/core/ledger/charge.ts';
import { putIfAbsent } from '../../../lambdas/core/ledger/expressions.ts';
import { leafKey, type HeldCall, type Leaf } from '../../../lambdas/core/ledger/leaf.ts';
import { Ledger } from '../../../lambdas/core/ledger/ledger.ts';
import { usd } from '../../../lambdas/core/money.ts';
import type { Table } from '../../../lambdas/core/ports.ts';
import { systemClock } from '../../../lambdas/runtime/clock.ts';
import { systemIds as ids } from '../../../lambdas/runtime/ids.ts';
import { chargeOf, hours, minutes, testCall } from '../../support/worlds.ts';
import { ACCOUNT } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import { scheduleOf } from '../scheduler.ts';
import type { Story } from '../story.ts';
import { same, type Caller } from './calls.ts';
import type { Deployed } from './cdk.ts';
import { onDeployedTable } from './deployed-table.ts';
import { functionNamed } from './functions.ts';

interface Parts {
  clients: Clients;
  stacks: Deployed;
  caller: Caller;
}

const USER = 'orphan';
const CAP = capId('orphan-life');
const leafOfUser = leafKey({ type: 'user', id: USER });
/** The emulator counts from the schedule's creation, and looks every ten seconds. */
const FIRING_MS = 90_000;
const LOOK_EVERY_MS = 500;

export async function tellCollector(story: Story, parts: Parts): Promise<void> {
  story.step('Calls died; the collector resolves what they left behind');
  const { clients, stacks } = parts;
  await onDeployedTable({ endpoint: clients.endpoint, stacks }, (table) => tellOrphans(story, parts, table));
}

async function tellOrphans(story: Story, { clients, caller }: Parts, table: Table): Promise<void> {
  const name = await functionNamed(clients, 'Collector');
  const run = collectorOf(clients, name);

  let died: Died | undefined;
  await story.check(
    'three calls left a hold: yesterday without and with a charge, and just now',
    async () => {
      await caller.admin.ask('PUT', `/caps/${CAP}`, {
        ...{ scope: { type: 'user', id: USER }, metric: 'usd', window: 'lifetime', limit: '1.00' },
      });
      died = await leaveOrphans(table);
      const { reserved } = await figures(caller);
      same(reserved, '0.15');
      return `$${reserved} held`;
    },
  );
  if (!died) return;
  const { silent, charged, slow } = died;

  await story.check('its schedule starts it, and both of yesterday are resolved', async () => {
    const schedule = await scheduleOf(clients, name);
    same(schedule.expression, 'rate(1 hour)');
    await schedule.every('rate(1 minute)');
    const lasted = await untilResolved(table);
    await schedule.every(schedule.expression);
    const { settled, reserved } = await figures(caller);
    same(settled, '0.13');
    same(reserved, '0.01');
    const presumed = await new Ledger({ table, clock: systemClock, ids }).readCharge(silent.id);
    same(presumed?.outcome, 'presumed_spent');
    return `after ${lasted} s: $0.10 presumed spent, $0.03 of $0.04 charged, $0.01 still held`;
  });
  await story.check('a second run does nothing', async () => {
    const before = await leafIn(table);
    const said = await run();
    same(`${said.HoldsSettled} ${said.HoldsPresumedSpent} ${said.isComplete}`, '0 0 true');
    same((await leafIn(table)).v.toString(), before.v.toString());
    return `${said.leaves} leaves`;
  });
  await tellEndings(story, clients, name);
  await story.check(
    'the call of just now was only slow; calls that are answered late change nothing',
    async () => {
      const ledger = new Ledger({ table, clock: systemClock, ids });
      await ledger.finish(chargeOf(slow, usd('0.01')), leafOfUser);
      for (const late of [silent, charged]) await ledger.finish(chargeOf(late, usd('0.02')), leafOfUser);
      const { settled, reserved } = await figures(caller);
      same(`${settled} ${reserved}`, '0.14 0.00');
      return `$${settled}`;
    },
  );
  await story.check('the deployed audit balances', async () => {
    const audit = await caller.admin.ask<{ balanced: boolean; accounts: number; open_holds: number }>(
      'GET',
      '/ledger/audit',
    );
    same(`${audit.balanced} ${audit.open_holds}`, 'true 0');
    return `${audit.accounts} accounts`;
  });
}

/** How a run ends that cannot do all of its work. */
async function tellEndings(story: Story, clients: Clients, name: string): Promise<void> {
  const run = collectorOf(clients, name);
  await story.check('a run without time stops after a leaf, and the next goes on there', async () => {
    const { leaves } = await run();
    const timeout = (Timeout: number) =>
      clients.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Timeout }));
    await timeout(30);
    const short = await run();
    same(`${short.leaves} ${short.isComplete}`, '1 false');
    await timeout(900);
    const rest = await run();
    same(`${rest.leaves} ${rest.isComplete}`, `${leaves - 1} true`);
    return `1 and ${rest.leaves} leaves`;
  });
  await story.check('a run that fails with its retries ends in its dead-letter queue', async () => {
    const { requestContext } = JSON.parse(await deadLetterOf(clients, name)) as {
      requestContext: { condition: string };
    };
    same(requestContext.condition, 'RetriesExhausted');
    return undefined;
  });
}

interface Died {
  /** $0.10 held, and never heard of again. */
  silent: HeldCall;
  /** $0.04 held, $0.03 charged, not settled. */
  charged: HeldCall;
  /** $0.01 held, two minutes ago. */
  slow: HeldCall;
}

/** Written by the ledger itself, with its clock in the past. */
async function leaveOrphans(table: Table): Promise<Died> {
  const cap = await new Directory({ table, clock: systemClock }).getCap(CAP);
  if (!cap) throw new Error(`the table has no cap ${CAP}`);
  const hold = async (ago: number, amount: string): Promise<HeldCall> => {
    const clock = { ...systemClock, now: () => epochMs(systemClock.now() - ago) };
    const call = testCall([cap], ids, { picoUsd: usd(amount), id: `orphan-${amount}` });
    const outcome = await new Ledger({ table, clock, ids }).reserve({
      ...call,
      leaf: leafOfUser,
      info: { ...call.info, us: USER },
    });
    if (outcome.kind !== 'held') throw new Error(`not held: ${outcome.kind}`);
    return outcome.call;
  };
  const silent = await hold(hours(25), '0.10');
  const charged = await hold(hours(25), '0.04');
  await table.put(putIfAbsent(chargeToItem(chargeOf(charged, usd('0.03')))));
  return { silent, charged, slow: await hold(minutes(2), '0.01') };
}

/** Seconds until one hold is left. */
async function untilResolved(table: Table): Promise<number> {
  const started = performance.now();
  while (performance.now() - started < FIRING_MS) {
    const { h } = await leafIn(table);
    if (Object.keys(h).length === 1) return Math.round((performance.now() - started) / 1000);
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error(`nothing was resolved within ${FIRING_MS / 1000} s`);
}

const leafIn = async (table: Table): Promise<Leaf> => (await table.get(leafOfUser)) as unknown as Leaf;

async function figures({ admin }: Caller): Promise<{ settled: string; reserved: string }> {
  return admin.ask('GET', `/caps/${CAP}`);
}

interface Collected {
  HoldsSettled: number;
  HoldsPresumedSpent: number;
  leaves: number;
  isComplete: boolean;
}

/** Runs it by hand; resolves to its line in the log. */
const collectorOf =
  ({ lambda }: Clients, FunctionName: string) =>
  async (): Promise<Collected> => {
    const { FunctionError, LogResult = '' } = await lambda.send(
      new InvokeCommand({ FunctionName, LogType: 'Tail' }),
    );
    const log = Buffer.from(LogResult, 'base64').toString();
    same(FunctionError, undefined);
    const line = log.split('\n').find((text) => text.includes('"kind":"collected"'));
    if (line === undefined) throw new Error(`it said nothing: ${log}`);
    return JSON.parse(line) as Collected;
  };

/** What comes into the function's queue when its table is not there, and its schedule's kind of invocation fails. */
async function deadLetterOf({ lambda, sqs, endpoint }: Clients, FunctionName: string): Promise<string> {
  const { DestinationConfig } = await lambda.send(
    new GetFunctionEventInvokeConfigCommand({ FunctionName, Qualifier: '$LATEST' }),
  );
  const queue = DestinationConfig?.OnFailure?.Destination?.split(':').at(-1);
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const withTable = (TABLE_NAME: string | undefined) =>
    lambda.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName,
        Environment: {
          Variables: { ...Environment?.Variables, ...(TABLE_NAME !== undefined && { TABLE_NAME }) },
        },
      }),
    );
  await withTable('nowhere');
  try {
    await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event' }));
    const { Messages } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: `${endpoint}/${ACCOUNT}/${queue}`, WaitTimeSeconds: 20 }),
    );
    const body = Messages?.[0]?.Body;
    if (body === undefined) throw new Error('nothing came into the queue');
    return body;
  } finally {
    await withTable(undefined);
  }
}
