/** Dead letters of a deployment: seen, and worked again from the table, by the bus or by their queue. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LetterQueue } from '../../lambdas/adapters/sqs/letter-queue.ts';
import { createChangeFeed } from '../../lambdas/change-feed/change-feed.ts';
import { durationMs, epochMs, type EpochMs } from '../../lambdas/core/brands.ts';
import { DEAD_LETTER_QUEUES, type Redrive } from '../../lambdas/core/dead-letters/dead-letters.ts';
import { ReachedCaps } from '../../lambdas/core/admission/reached-caps.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import { AccountCaps } from '../../lambdas/core/escalation/account-caps.ts';
import type { BusEvent } from '../../lambdas/core/events/catalogue.ts';
import { leafKey, type HeldCall } from '../../lambdas/core/ledger/leaf.ts';
import { chargeToItem } from '../../lambdas/core/ledger/charge.ts';
import { usd } from '../../lambdas/core/money.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { toRfc3339, MINUTE, plus } from '../../lambdas/core/time.ts';
import { QueuedDeadLetters } from '../../lambdas/runtime/queued-dead-letters.ts';
import { put } from '../core/directory-world.ts';
import { recordsLetter } from '../support/letters.ts';
import { startSqs } from '../support/sqs-server.ts';
import { chargeOf, hours, ledgerOver, ManualClock, minutes, testCall } from '../support/worlds.ts';
import { defaultLadder, leafAt, monthly } from './leaves.ts';

let world: Awaited<ReturnType<typeof open>>;
beforeEach(async () => {
  world = await open();
});
afterEach(() => world.sqs.client.destroy());

async function open() {
  const clock = new ManualClock();
  const { table, ids, ledger } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
  const directory = new Directory({ table, clock });
  const sqs = await startSqs(() => clock.now());
  const queueOf = (name: string) => new LetterQueue(sqs.client, sqs.urlOf(name));
  const published: BusEvent[] = [];
  const bus = {
    isAway: false,
    eachTakes: durationMs(0),
    publish: async (events: readonly BusEvent[]): Promise<number[]> => {
      clock.advance(bus.eachTakes);
      if (bus.isAway) return events.map((_event, index) => index);
      published.push(...events);
      return [];
    },
  };
  const openedHours: EpochMs[] = [];
  const webhooks = [
    { id: 'chat', url: 'https://chat.example.com/' },
    { id: 'erp', url: 'https://erp.example.com/', events: ['PricesChanged' as const] },
  ];
  const letters = new QueuedDeadLetters({
    ...{ table, directory, clock, bus, webhooks },
    queues: new Map(DEAD_LETTER_QUEUES.map((name) => [name, queueOf(name)])),
    deliveries: queueOf('deliveries'),
    periods: { openHour: async (hour) => void openedHours.push(hour) },
    feed: createChangeFeed({
      ...{ bus, clock, caps: new AccountCaps({ directory, clock }), ladderOf: defaultLadder },
      report: () => undefined,
    }),
  });
  /** A call of somebody under a cap, of so many dollars. */
  const hold = async (user: string, dollars: string, window = 'month'): Promise<HeldCall> => {
    const { cap } = await put(directory, `${user}-cap`, { scope: { type: 'user', id: user }, window });
    const outcome = await ledger.reserve({
      ...testCall([cap], ids, { picoUsd: usd(dollars) }),
      leaf: leafKey({ type: 'user', id: user }),
    });
    if (outcome.kind !== 'held') throw new Error(outcome.kind);
    return outcome.call;
  };
  const spend = async (user: string, dollars: string, window?: string): Promise<void> => {
    const held = await hold(user, dollars, window);
    await ledger.finish(chargeOf(held, usd(dollars)), leafKey({ type: 'user', id: user }));
  };
  return { clock, table, ids, ledger, directory, sqs, bus, published, openedHours, letters, hold, spend };
}

/** As Lambda writes it for an invocation that nobody waits for. */
const failureLetter = (requestPayload: unknown, errorMessage: string): string =>
  JSON.stringify({
    requestContext: { functionArn: 'arn', condition: 'RetriesExhausted', approximateInvokeCount: 3 },
    ...{ requestPayload, responsePayload: { errorType: 'Error', errorMessage } },
  });
const PRICES = { id: 'f'.repeat(64), version: 1 as const, added: ['card'], total: 1 };
const ON_THE_BUS = {
  ...{ version: '0', id: 'e-1', source: 'spendcap', 'detail-type': 'PricesChanged', account: '1' },
  ...{ time: '2026-11-24T11:00:00Z', region: 'us-east-1', resources: [], detail: PRICES },
};

const done = (redriven: number): Redrive => ({
  ...{ kind: 'redriven', redriven, kept: 0, reasons: [], cursor: undefined },
});
const rungsOf = (events: readonly BusEvent[]) =>
  events.flatMap(({ type, detail }) =>
    type === 'CapThresholdCrossed' ? [`${detail.principal?.id} ${detail.rung} ${detail.threshold}`] : [],
  );
const redriveAll = async (): Promise<{ redriven: number; runs: number }> => {
  let [redriven, runs] = [0, 0];
  let cursor: string | undefined;
  do {
    const outcome = await world.letters.redrive('change-feed', cursor);
    if (outcome.kind !== 'redriven') throw new Error(outcome.kind);
    ({ cursor } = outcome);
    redriven += outcome.redriven;
    runs += 1;
  } while (cursor !== undefined);
  return { redriven, runs };
};

describe('letters of the change feed', () => {
  it('are told again from the table, under the same ids however often, and leave the queue', async () => {
    const { letters, sqs, clock, published, spend } = world;
    await spend('ann', '17');
    await spend('bob', '1');
    sqs.send('change-feed', recordsLetter(clock.now()));
    expect(await letters.redrive('change-feed')).toEqual(done(1));
    expect(sqs.bodies('change-feed')).toEqual([]);
    expect(rungsOf(published)).toEqual(['ann warn 0.5', 'ann warn 0.8']);
    const first = published.splice(0);
    expect(await letters.redrive('change-feed')).toEqual(done(0));
    expect(published).toEqual([]);
    sqs.send('change-feed', recordsLetter(clock.now()));
    await letters.redrive('change-feed');
    expect(published.map(({ detail }) => detail.id)).toEqual(first.map(({ detail }) => detail.id));
  });

  it('bring overruns, used-up caps and grants of that time, and none from before', async () => {
    const { sqs, clock, published, table, hold } = world;
    const reached = new ReachedCaps({ table });
    const happen = async (name: string, limit: string): Promise<void> => {
      const call = await hold(name, '1');
      await table.put({ item: chargeToItem({ ...chargeOf(call, usd('2')), outcome: 'overrun' }) });
      const account = leafAt('20', { l: usd(limit), s: usd(limit), f: 0n }).a['month']!;
      const standing = { cap: monthly(), account, principal: null, held: 0n, at: clock.now() };
      await reached.note({ ...standing, pk: 'L#user:x', reason: 'cap_reached', requested: 1n }, name);
    };
    await happen('early', '20');
    clock.advance(hours(5));
    const since = clock.now();
    await happen('late', '30');
    sqs.send('change-feed', recordsLetter(since));
    clock.advance(minutes(30));
    expect(await redriveAll()).toEqual({ redriven: 1, runs: 1 });
    const told = published.map(({ type, detail }) =>
      'request_id' in detail ? `${type} ${detail.request_id}` : type,
    );
    expect(told).toHaveLength(2);
    expect(told).toContain('CapReached late');
    expect(told.find((text) => text.startsWith('OverrunDetected'))).toMatch(/req_call-\d+$/);
  });

  it('take several runs where there is much to tell, and each account is told once', async () => {
    const { letters, sqs, clock, bus, published, spend } = world;
    for (let n = 0; n < 30; n += 1) await spend(`user-${n}`, '11');
    sqs.send('change-feed', recordsLetter(clock.now()));
    bus.eachTakes = durationMs(1000);
    const { redriven, runs } = await redriveAll();
    expect(redriven).toBe(1);
    expect(runs).toBeGreaterThan(1);
    expect(new Set(rungsOf(published)).size).toBe(30);
    expect(rungsOf(published)).toHaveLength(30);
    expect(await letters.redrive('change-feed', '{"since": 1}')).toEqual({ kind: 'cursor_unknown' });
  });

  it('leave the queue in a run of their own where telling took all the time of one', async () => {
    const { letters, sqs, clock, bus, spend } = world;
    for (let n = 0; n < 15; n += 1) await spend(`user-${n}`, '11');
    sqs.send('change-feed', recordsLetter(clock.now()));
    bus.eachTakes = durationMs(1000);
    const first = await letters.redrive('change-feed');
    expect(first).toMatchObject({ redriven: 0, cursor: expect.stringContaining('told') as string });
    expect(sqs.bodies('change-feed')).toHaveLength(1);
    const { cursor } = first as { cursor: string };
    expect(await letters.redrive('change-feed', cursor)).toEqual(done(1));
  });

  it('stay where the bus is away, and say so', async () => {
    const { letters, sqs, clock, bus, spend } = world;
    await spend('ann', '17');
    sqs.send('change-feed', recordsLetter(clock.now()));
    bus.isAway = true;
    const outcome = await letters.redrive('change-feed');
    expect(outcome).toMatchObject({ redriven: 0, kept: 1, cursor: undefined });
    expect(outcome).toHaveProperty(
      'reasons.0',
      expect.stringMatching(/^1 accounts, grants or charges could/),
    );
    expect(sqs.isAtRest('change-feed')).toBe(true);
    bus.isAway = false;
    expect(await letters.redrive('change-feed')).toEqual(done(1));
  });

  it('that come meanwhile stay for the next time', async () => {
    const { letters, sqs, clock, spend } = world;
    await spend('ann', '1');
    sqs.send('change-feed', recordsLetter(clock.now()));
    sqs.send('change-feed', recordsLetter(clock.now()), { sentAt: clock.now() + 1 });
    expect(await letters.redrive('change-feed')).toMatchObject({ redriven: 1, kept: 1, cursor: undefined });
    expect(sqs.bodies('change-feed')).toHaveLength(1);
  });

  it('do not tell of windows that were over before, nor again of a rolling window whose stage is set', async () => {
    const { letters, sqs, clock, published, spend, ledger } = world;
    await spend('ann', '17');
    clock.advance(hours(24 * 60));
    await spend('bob', '17', 'rolling_24h');
    sqs.send('change-feed', recordsLetter(clock.now()));
    await letters.redrive('change-feed');
    expect(rungsOf(published.splice(0))).toEqual(['bob warn 0.5', 'bob warn 0.8']);
    await ledger.leaves.change(leafKey({ type: 'user', id: 'bob' }), (leaf) => ({
      ...leaf,
      a: { 'bob-cap': { ...leaf.a['bob-cap']!, g: 'warned' } },
    }));
    sqs.send('change-feed', recordsLetter(clock.now()));
    await letters.redrive('change-feed');
    expect(published).toEqual([]);
  });
});

describe('letters of the charge feed', () => {
  it('open the hours of their charges, a day and two hours back, each once', async () => {
    const { letters, sqs, openedHours } = world;
    const at = epochMs(Date.UTC(2026, 10, 24, 9, 30));
    sqs.send('charge-feed', recordsLetter(at, plus(at, MINUTE)));
    sqs.send('charge-feed', recordsLetter(plus(at, MINUTE)));
    sqs.send('charge-feed', 'no JSON');
    expect(await letters.redrive('charge-feed')).toMatchObject({
      ...{ redriven: 2, kept: 1, reasons: ['it names no records: it is no JSON'] },
    });
    expect(openedHours.map(toRfc3339)).toHaveLength(27);
    expect(toRfc3339(openedHours[0]!)).toBe('2026-11-23T07:00:00Z');
    expect(toRfc3339(openedHours.at(-1)!)).toBe('2026-11-24T09:00:00Z');
  });
});

describe('letters of the bus', () => {
  it('go to it again as they were, whether a rule or a function gave them up', async () => {
    const { letters, sqs, published } = world;
    sqs.send('escalation', JSON.stringify(ON_THE_BUS), { attributes: { ERROR_CODE: 'NO_PERMISSIONS' } });
    sqs.send('escalation', failureLetter(ON_THE_BUS, 'TableUnavailable'));
    expect(await letters.redrive('escalation')).toEqual(done(2));
    expect(published).toEqual(Array(2).fill({ type: 'PricesChanged', detail: PRICES }));
  });

  it('stay where the bus does not take them, or they are none', async () => {
    const { letters, sqs, bus } = world;
    sqs.send('approvals', JSON.stringify(ON_THE_BUS));
    sqs.send('approvals', '{"source": "aws.ec2"}');
    // The next hour's does the same.
    sqs.send('approvals', failureLetter({ action: 'sweep' }, 'TableUnavailable'));
    bus.isAway = true;
    expect(await letters.redrive('approvals')).toMatchObject({
      ...{ redriven: 1, kept: 2 },
      reasons: ['it has no event of ours: not taken in 9 attempts', 'the bus did not take it'],
    });
    expect(sqs.isAtRest('approvals')).toBe(true);
  });
});

describe('letters of webhooks', () => {
  const DELIVERY = { webhook: 'chat', type: 'PricesChanged', time: '2026-11-24T10:00:00Z', detail: PRICES };

  it('go to their queue again, for the one subscription that they are for', async () => {
    const { letters, sqs } = world;
    sqs.send('webhooks', JSON.stringify(DELIVERY), { attributes: { reason: 'it answered 401' } });
    expect(await letters.redrive('webhooks')).toEqual(done(1));
    expect(sqs.bodies('deliveries').map((body) => JSON.parse(body) as unknown)).toEqual([DELIVERY]);
    expect(sqs.bodies('webhooks')).toEqual([]);
  });

  it('that a rule could not hand over go to each who wants them', async () => {
    const { letters, sqs } = world;
    sqs.send('webhooks', JSON.stringify(ON_THE_BUS), { attributes: { ERROR_CODE: 'THROTTLED' } });
    expect(await letters.redrive('webhooks')).toEqual(done(1));
    const { time } = ON_THE_BUS;
    expect(sqs.bodies('deliveries').map((body) => JSON.parse(body) as unknown)).toEqual([
      { webhook: 'chat', type: 'PricesChanged', detail: PRICES, time },
      { webhook: 'erp', type: 'PricesChanged', detail: PRICES, time },
    ]);
  });
});

describe('the list', () => {
  it('tells how many wait in each queue, since when, and why; they stay', async () => {
    const { letters, sqs, clock } = world;
    const early = epochMs(clock.now() - 60_000);
    const reason = { attributes: { reason: 'it answered 401' } };
    sqs.send('webhooks', '{}', reason);
    sqs.send('webhooks', '{}', { ...reason, sentAt: early });
    sqs.send('webhooks', '{}', { attributes: { ERROR_CODE: 'THROTTLED', ERROR_MESSAGE: 'too many' } });
    sqs.send('collector', failureLetter({}, 'TableUnavailable: away'));
    sqs.send('change-feed', recordsLetter(early));
    const list = await letters.list();
    expect(list.map(({ queue }) => queue)).toEqual(DEAD_LETTER_QUEUES);
    expect(list.filter(({ messages }) => messages > 0)).toEqual([
      {
        ...{ queue: 'change-feed', messages: 1, oldest: clock.now() },
        reasons: [{ reason: 'RetryAttemptsExhausted', messages: 1 }],
      },
      {
        ...{ queue: 'collector', messages: 1, oldest: clock.now() },
        reasons: [{ reason: 'RetriesExhausted: TableUnavailable: away', messages: 1 }],
      },
      {
        ...{ queue: 'webhooks', messages: 3, oldest: early },
        reasons: [
          { reason: 'it answered 401', messages: 2 },
          { reason: 'THROTTLED: too many', messages: 1 },
        ],
      },
    ]);
    for (const queue of DEAD_LETTER_QUEUES) expect(sqs.isAtRest(queue)).toBe(true);
  });

  it('of queues whose runs come again by themselves is all that there is to do', async () => {
    const outcome = await world.letters.redrive('collector');
    expect(outcome).toMatchObject({ kind: 'by_itself' });
    expect(outcome).toHaveProperty(
      'reason',
      expect.stringContaining('docs/runbook.md#dead-letters-collector'),
    );
  });
});
