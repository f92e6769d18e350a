/**
 * What the deployed functions could not process, worked again by command. They fail for real: the tables of the feeds are not
 * there, nor is the ladder's state machine. What the emulator then loses, where AWS keeps it (probes `stream-retries-end`,
 * `bus-function-failure`), is put into the queues by the test, as AWS writes it.
 */
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { DeadLetterQueueName } from '../../../lambdas/core/dead-letters/dead-letters.ts';
import { capId, epochMs, picoUsd, type EpochMs } from '../../../lambdas/core/brands.ts';
import { Directory } from '../../../lambdas/core/directory/directory.ts';
import type { CapThresholdCrossed } from '../../../lambdas/core/events/cap-threshold-crossed.ts';
import { Ledger } from '../../../lambdas/core/ledger/ledger.ts';
import { leafKey } from '../../../lambdas/core/ledger/leaf.ts';
import { formatUsd, usd } from '../../../lambdas/core/money.ts';
import { hourOf } from '../../../lambdas/core/rollups/plan.ts';
import { readHours } from '../../../lambdas/core/rollups/stored-rows.ts';
import { HOUR, MINUTE, plus, toRfc3339 } from '../../../lambdas/core/time.ts';
import { systemClock } from '../../../lambdas/runtime/clock.ts';
import { systemIds as ids } from '../../../lambdas/runtime/ids.ts';
import { runCli } from '../../cli/run-cli.ts';
import { recordsLetter } from '../../support/letters.ts';
import { chargeOf, hours, testCall } from '../../support/worlds.ts';
import { ACCOUNT, REGION, type Emulator } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { startAbsentTable, type AbsentTable } from './absent-table.ts';
import { same, type Caller } from './calls.ts';
import type { Deployed } from './cdk.ts';
import { onDeployedTable } from './deployed-table.ts';
import type { Finance } from './finance.ts';
import { functionNamed } from './functions.ts';
import { executionsOf } from './machines.ts';
import { withMovedClock } from './moved-clock.ts';
import { person, until, type Person } from './people.ts';
import type { Subscriber } from './webhooks.ts';
import { variablesOf, withVariables } from './workarounds.ts';

interface Parts {
  emulator: Emulator;
  clients: Clients;
  stacks: Deployed;
  caller: Caller;
  finance: Finance;
  subscriber: Subscriber;
}

/** One call of $0.00402 crosses it. */
const RUNG = { thresholds: { warn: null, throttle: 0.6, block: null } };
const NOWHERE = `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:nowhere`;
const QUEUES = ['change-feed', 'charge-feed', 'escalation'] as const;
type Queue = (typeof QUEUES)[number];
const LOOK_EVERY_MS = 100;

export async function tellDeadLetters(story: Story, parts: Parts): Promise<void> {
  story.step('What failed is worked again from the dead letters');
  await parts.subscriber.tellDeadLetter(story);
  const failed = await fail(story, parts);
  if (failed) await redrive(story, parts, failed);
}

interface Failed {
  /** Whose crossing the ladder has not heard of. */
  quinn: Person;
  /** Whose crossing nobody has heard of. */
  petra: Person;
  /** Of a charge whose hour nobody opened. */
  hour: EpochMs;
  letters: Record<Queue, string>;
}

async function fail(story: Story, parts: Parts): Promise<Failed | undefined> {
  const { clients, caller, subscriber } = parts;
  const [quinn, petra] = [await person(caller, 'quinn', RUNG), await person(caller, 'petra', RUNG)] as const;
  let crossed = '';
  const isKept = await story.check('a crossing whose ladder is not there ends in the queue', async () => {
    const FunctionName = await functionNamed(clients, 'EscalationFunction');
    await withVariables(clients, FunctionName, { STATE_MACHINE_ARN: NOWHERE }, async () => {
      await quinn.call();
      await until('heard', async () => (crossingOf(subscriber, quinn) ? 'heard' : 'nothing'), LOOK_EVERY_MS);
      crossed = onTheBus(crossingOf(subscriber, quinn)!);
      await clients.lambda.send(
        new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: Buffer.from(crossed) }),
      );
      await until('1', async () => String(await messagesIn(parts, 'escalation')), LOOK_EVERY_MS);
    });
    return 'after its retries';
  });
  if (!isKept) return undefined;
  // The stream keeps its order: once the feed asks for the cap of this one, it is through with all of petra's records.
  const behind = await person(caller, 'ruth', { thresholds: { warn: null, throttle: null, block: null } });
  const from = systemClock.now();
  const tables = { charges: await startAbsentTable(), changes: await startAbsentTable() };
  const hour = hourOf(epochMs(from - LATE));
  try {
    const isLost = await story.check('the feeds fail where their table is not there', async () => {
      await withVariables(
        clients,
        await functionNamed(clients, 'ChargeFeed'),
        endpoint(tables.charges),
        async () => {
          await chargeLate(parts);
          await until('asked', asked(tables.charges, toRfc3339(hour)), LOOK_EVERY_MS);
        },
      );
      await withVariables(
        clients,
        await functionNamed(clients, 'ChangeFeed'),
        endpoint(tables.changes),
        async () => {
          await petra.call();
          await behind.call();
          await until('asked', asked(tables.changes, behind.cap), LOOK_EVERY_MS);
        },
      );
      return 'a crossing and a charge of three hours ago';
    });
    const letter = recordsLetter(from, systemClock.now());
    const letters = { 'change-feed': letter, 'charge-feed': letter, escalation: crossed };
    return isLost ? { quinn, petra, hour, letters } : undefined;
  } finally {
    await Promise.all(Object.values(tables).map((table) => table.close()));
  }
}

async function redrive(story: Story, parts: Parts, { quinn, petra, hour, letters }: Failed): Promise<void> {
  const { caller, emulator, finance, clients } = parts;
  const spendcap = (...args: string[]) =>
    runCli(args, { env: { ...emulator.variables, SPENDCAP_URL: caller.url, SPENDCAP_SIGN: 'aws' } });
  const again = (queue: Queue) => caller.admin.ask<object>('POST', `/dead-letters/${queue}/redrive`, {});
  await story.check('all of it is listed, and nothing of it has happened', async () => {
    await put(parts, 'change-feed', letters);
    await put(parts, 'charge-feed', letters);
    const { items } = await caller.admin.ask<{ items: { queue: string; messages: number }[] }>(
      'GET',
      '/dead-letters',
    );
    const waiting = items.filter(({ messages }) => messages > 0);
    same(
      waiting.map(({ queue, messages }) => `${queue} ${messages}`).join(),
      QUEUES.map((q) => `${q} 1`).join(),
    );
    same(`${await petra.stage()} ${await quinn.stage()}`, 'normal normal');
    same(await spentIn(parts, hour), '0.00');
    same((await executionsFor(parts, [petra, quinn])).length, 0);
    return waiting.map(({ queue }) => queue).join(', ');
  });
  await story.check('the ladder has the crossing that it had not heard of', async () => {
    same(JSON.stringify(await again('escalation')), REDRIVEN);
    await until('throttled', quinn.stage, LOOK_EVERY_MS);
    return 'throttled';
  });
  await story.check('the hour is open again, and has its rows', async () => {
    same(JSON.stringify(await again('charge-feed')), REDRIVEN);
    same(await spentIn(parts, hour), LATE_COST);
    await rollUp(parts);
    same(await rowsOf(parts, hour), `${LATE_USER} $${LATE_COST}`);
    return `${toRfc3339(hour)}: $${LATE_COST}`;
  });
  await story.check('the command tells of the crossing from the table, and the stage is set', async () => {
    const { code, stderr } = await spendcap('dead-letter', 'redrive', 'change-feed');
    same(code, 0);
    await until('throttled', petra.stage, LOOK_EVERY_MS);
    return stderr.trim();
  });
  await story.check('the same messages once more change nothing', async () => {
    const ended = 'SUCCEEDED,SUCCEEDED';
    await until(ended, async () => (await executionsFor(parts, [petra, quinn])).join());
    await Promise.all(
      QUEUES.map(async (queue) => {
        await put(parts, queue, letters);
        same(JSON.stringify(await again(queue)), REDRIVEN);
        same(await messagesIn(parts, queue), 0);
      }),
    );
    await rollUp(parts);
    same(await rowsOf(parts, hour), `${LATE_USER} $${LATE_COST}`);
    same((await executionsFor(parts, [petra, quinn])).join(), ended);
    return `${(await executionsOf(clients, 'escalation')).length} executions`;
  });
  await story.check('finance has one mail of each crossing, and no other', async () => {
    await finance.round();
    const subjects = [(await finance.next()).subject, (await finance.next()).subject];
    const mailOf = ({ user, cap }: Person) => `Spendcap: ${user} is at stage throttled, 80.4% of ${cap} used`;
    same(subjects.sort().join('\n'), [petra, quinn].map(mailOf).join('\n'));
    await finance.quiet();
    return `${subjects.length} mails`;
  });
}

const REDRIVEN = '{"redriven":1,"kept":0,"reasons":[],"next_cursor":null}';

// ---- what happens, and fails ---------------------------------------------------------------------------------

const crossingOf = (subscriber: Subscriber, { cap }: Person): CapThresholdCrossed | undefined =>
  subscriber.told().find(({ type, data }) => type === 'CapThresholdCrossed' && data.cap === cap)?.data as
    CapThresholdCrossed | undefined;

/** As EventBridge hands an event to a function. */
const onTheBus = (detail: CapThresholdCrossed): string =>
  JSON.stringify({
    ...{ version: '0', id: 'event-1', 'detail-type': 'CapThresholdCrossed', source: 'spendcap' },
    ...{ account: ACCOUNT, time: detail.at, region: REGION, resources: [], detail },
  });

const endpoint = ({ url }: AbsentTable): Record<string, string> => ({ AWS_ENDPOINT_URL_DYNAMODB: url });

const asked = (table: AbsentTable, text: string) => async (): Promise<string> =>
  table.wasAskedFor(text) ? 'asked' : 'not yet';

const LATE = hours(3);
const LATE_USER = 'olga';
const LATE_COST = '0.003';

/** Written by the ledger itself, with its clock in the past: in an hour that has no other call. */
async function chargeLate({ clients, stacks, caller }: Parts): Promise<void> {
  const { cap: id } = await person(caller, LATE_USER);
  const clock = { ...systemClock, now: () => epochMs(systemClock.now() - LATE) };
  await onDeployedTable({ endpoint: clients.endpoint, stacks, clock }, async (table) => {
    const cap = await new Directory({ table, clock }).getCap(capId(id));
    if (!cap) throw new Error(`the table has no cap ${id}`);
    const leaf = leafKey({ type: 'user', id: LATE_USER });
    const ledger = new Ledger({ table, clock, ids });
    const call = testCall([cap], ids, { picoUsd: usd(LATE_COST), id: 'late' });
    const outcome = await ledger.reserve({ ...call, leaf, info: { ...call.info, us: LATE_USER } });
    if (outcome.kind !== 'held') throw new Error(`not held: ${outcome.kind}`);
    await ledger.finish(chargeOf(outcome.call, usd(LATE_COST)), leaf);
  });
}

// ---- what stands afterwards ----------------------------------------------------------------------------------

async function urlOf({ clients }: Parts, queue: DeadLetterQueueName): Promise<string> {
  const { DEAD_LETTERS } = await variablesOf(clients, await functionNamed(clients, 'Admin'));
  const { dead } = JSON.parse(DEAD_LETTERS!) as { dead: Record<string, string> };
  return `${clients.endpoint}/${ACCOUNT}/${dead[queue]!.split('/').at(-1)}`;
}

async function put(parts: Parts, queue: Queue, letters: Record<Queue, string>): Promise<void> {
  const QueueUrl = await urlOf(parts, queue);
  await parts.clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: letters[queue] }));
}

async function messagesIn(parts: Parts, queue: Queue): Promise<number> {
  const { Attributes } = await parts.clients.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: await urlOf(parts, queue), AttributeNames: ['All'] }),
  );
  const { ApproximateNumberOfMessages: visible, ApproximateNumberOfMessagesNotVisible: hidden } = Attributes!;
  return Number(visible) + Number(hidden);
}

/** How the executions for the crossings of these people stand. */
async function executionsFor({ clients, subscriber }: Parts, people: readonly Person[]): Promise<string[]> {
  const names = new Set(people.map((each) => crossingOf(subscriber, each)?.id));
  return (await executionsOf(clients, 'escalation'))
    .filter(({ name }) => names.has(name))
    .map(({ status }) => status!);
}

/** By the report, which reads rows where there are some and charges where an hour is open. */
async function spentIn({ caller }: Parts, hour: EpochMs): Promise<string> {
  const span = `from=${toRfc3339(hour)}&to=${toRfc3339(plus(hour, HOUR))}`;
  const { total } = await caller.admin.ask<{ total: { cost_usd: string } }>('GET', `/reports/spend?${span}`);
  return total.cost_usd;
}

/** As its schedule does, once the index shows what has opened the hours. */
async function rollUp({ clients }: Parts): Promise<void> {
  await withMovedClock(clients, 'RollUp', async (clock) => {
    clock.ahead(2 * MINUTE);
    const FunctionName = await functionNamed(clients, 'RollUp');
    same((await clients.lambda.send(new InvokeCommand({ FunctionName }))).FunctionError, undefined);
  });
}

async function rowsOf({ clients, stacks }: Parts, hour: EpochMs): Promise<string> {
  const rows: string[] = [];
  await onDeployedTable({ endpoint: clients.endpoint, stacks }, (table) =>
    readHours(table, [hour], 'each', (_hour, { who, tally }) => {
      rows.push(`${who!.id} $${formatUsd(picoUsd(tally.costPicoUsd))}`);
    }),
  );
  return rows.join(', ');
}
