import type { DynamoDBRecord, StreamRecord } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { EventBridgeBus } from '../../lambdas/adapters/eventbridge/eventbridge-bus.ts';
import { toWire } from '../../lambdas/adapters/table/items.ts';
import { createChangeFeed } from '../../lambdas/change-feed/change-feed.ts';
import { AccountCaps } from '../../lambdas/core/escalation/account-caps.ts';
import { REACHED_PREFIX } from '../../lambdas/core/admission/reached-caps.ts';
import type { HoldId } from '../../lambdas/core/brands.ts';
import { standingFacts } from '../../lambdas/core/escalation/standing-facts.ts';
import { overrunDetectedSchema } from '../../lambdas/core/events/overrun-detected.ts';
import { chargeToItem, type Charge } from '../../lambdas/core/ledger/charge.ts';
import type { Leaf } from '../../lambdas/core/ledger/leaf.ts';
import type { Pool } from '../../lambdas/core/ledger/pool.ts';
import type { BusEvent } from '../../lambdas/core/events/catalogue.ts';
import type { Item } from '../../lambdas/core/ports.ts';
import { usd } from '../../lambdas/core/money.ts';
import { ManualClock, NOON } from '../support/worlds.ts';
import { growth, leafAt, monthly, poolAt, defaultLadder } from './leaves.ts';

type StreamImage = NonNullable<StreamRecord['NewImage']>;

let sequence = 0;
function record<T extends Leaf | Pool>(old: T | undefined, next: T | undefined): DynamoDBRecord {
  sequence += 1;
  const image = (item: T) => toWire(item as unknown as Item) as StreamImage;
  return {
    eventName: old ? (next ? 'MODIFY' : 'REMOVE') : 'INSERT',
    dynamodb: {
      SequenceNumber: `record-${sequence}`,
      ApproximateCreationDateTime: 1_795_521_600,
      ...(old && { OldImage: image(old) }),
      ...(next && { NewImage: image(next) }),
    },
  };
}

function feedWith(refused: (event: BusEvent) => boolean = () => false) {
  const published: BusEvent[] = [];
  const reasons: string[] = [];
  const clock = new ManualClock();
  const feed = createChangeFeed({
    bus: {
      publish: async (events) => {
        published.push(...events.filter((event) => !refused(event)));
        return events.flatMap((event, i) => (refused(event) ? [i] : []));
      },
    },
    caps: new AccountCaps({
      directory: { getCap: async (id) => (id === 'month' ? monthly() : growth()) as never },
      clock,
    }),
    ladderOf: defaultLadder,
    clock,
    report: ({ reason }) => reasons.push(reason),
  });
  return { feed, published, reasons };
}

describe('the change feed', () => {
  test('publishes what a change of a leaf has crossed, and nothing of other items', async () => {
    const { feed, published } = feedWith();
    const other = record(undefined, leafAt('20'));
    other.dynamodb!.NewImage = { pk: { S: 'C#one' }, sk: { S: '-' } };
    const Records = [record(leafAt('9'), leafAt('10')), record(leafAt('10'), undefined), other];
    expect(await feed({ Records })).toEqual({ batchItemFailures: [] });
    expect(published).toMatchObject([
      { type: 'CapThresholdCrossed', detail: { rung: 'warn', at: '2026-11-24T12:00:00Z' } },
      { type: 'StageChanged', detail: { from: 'normal', to: 'warned', at: '2026-11-24T12:00:00Z' } },
    ]);
  });

  const put = (image: object): DynamoDBRecord => ({
    eventName: 'INSERT',
    dynamodb: { SequenceNumber: 'one', NewImage: toWire(image as Item) as StreamImage },
  });

  test('publishes an overrun with what was held and charged, and no other charge', async () => {
    const { feed, published } = feedWith();
    const info = { rq: 'req_1', us: 'alice', ap: 'web', tm: 'growth', ft: 'default', ep: 'openai-chat' };
    const charge: Charge = {
      ...{ id: 'h1' as HoldId, at: 5n, fence: 0n, leafPk: 'L#user:alice', accounts: {}, tokens: {} },
      info: { ...info, md: 'gpt-4.1', cd: 'card', pu: 2_000_000_000n, tk: 10n, ts: BigInt(NOON) },
      used: { u: 2_500_000_000n, t: 12n, r: 1n, c: 0n },
      ...{ outcome: 'overrun', modelServed: 'gpt-4.1-2025-04-14', stage: 'normal', latencyMs: 5n },
    };
    const Records = [put(chargeToItem(charge)), put(chargeToItem({ ...charge, outcome: 'settled' }))];
    expect(await feed({ Records })).toEqual({ batchItemFailures: [] });
    expect(published).toHaveLength(1);
    const [{ type, detail }] = published as [BusEvent];
    expect(type).toBe('OverrunDetected');
    expect(overrunDetectedSchema.parse(detail)).toMatchObject({
      request_id: 'req_1',
      model_requested: 'gpt-4.1',
      model: 'gpt-4.1-2025-04-14',
      reserved_usd: '0.002',
      cost_usd: '0.0025',
      at: '2026-11-24T12:00:00Z',
    });
  });

  test('publishes a reached cap as the refusal noted it, and reports one that nobody can read', async () => {
    const { feed, published } = feedWith();
    const id = 'a'.repeat(64);
    const account = leafAt('20').a['month']!;
    const standing = { cap: monthly(), account, principal: null, held: 0n, at: NOON };
    const refused = { reason: 'cap_reached', requested: '0.61', request_id: 'req_1' };
    const event = { id, version: 1, ...standingFacts(standing), ...refused };
    const item = { pk: `${REACHED_PREFIX}${id}`, sk: '-', event: JSON.stringify(event) };
    const { batchItemFailures } = await feed({ Records: [put(item), put({ ...item, event: '{}' })] });
    expect(published).toEqual([{ type: 'CapReached', detail: event }]);
    expect(batchItemFailures).toHaveLength(1);
  });

  test('publishes what a change of a pool has crossed, and reports one that gave more than it had', async () => {
    const { feed, published, reasons } = feedWith();
    const Records = [
      record(poolAt('240', '20'), poolAt('255', '5')),
      record(poolAt('255', '5'), poolAt('255', '25')),
      record(undefined, poolAt('255', '0', { f: usd('300') })),
    ];
    const { batchItemFailures } = await feed({ Records });
    expect(published.map(({ detail }) => detail)).toMatchObject([
      { cap: 'growth-month', principal: null, rung: 'warn', threshold: '0.5' },
      { cap: 'growth-month', principal: null, from: 'normal', to: 'warned' },
    ]);
    expect(batchItemFailures).toHaveLength(1);
    expect(reasons[0]).toContain('LedgerBroken');
  });

  test('reports the records that fail, each by itself, and goes on behind them', async () => {
    const { feed, published, reasons } = feedWith(
      ({ detail }) => 'rung' in detail && detail.rung === 'block',
    );
    const broken = leafAt('10', { f: 1n });
    const Records = [
      record(leafAt('9'), broken),
      record(leafAt('19.5'), leafAt('20')),
      record(leafAt('9'), leafAt('10')),
    ];
    const { batchItemFailures } = await feed({ Records });
    expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(
      Records.slice(0, 2).map(({ dynamodb }) => dynamodb!.SequenceNumber),
    );
    expect(reasons[0]).toContain('LedgerBroken');
    expect(reasons[1]).toContain('1 of 2 events');
    expect(published.map(({ type }) => type)).toEqual([
      'StageChanged',
      'CapThresholdCrossed',
      'StageChanged',
    ]);
  });
});

describe('EventBridge', () => {
  const events = Array.from({ length: 23 }, (_, i): BusEvent => {
    return { type: 'PricesChanged', detail: { id: `${i}`, version: 1, added: ['card'], total: 1 } };
  });
  const busOver = (send: (input: { Entries: object[] }) => unknown) => {
    const reasons: string[] = [];
    const client = { send: async ({ input }: { input: { Entries: object[] } }) => send(input) };
    const bus = new EventBridgeBus({
      client: client as never,
      name: 'bus',
      report: (reason) => reasons.push(reason),
    });
    return { bus, reasons };
  };

  test('takes ten events at a time', async () => {
    const sizes: number[] = [];
    const { bus } = busOver(({ Entries }) => {
      sizes.push(Entries.length);
      return { Entries: Entries.map(() => ({ EventId: 'e' })) };
    });
    expect(await bus.publish(events)).toEqual([]);
    expect(sizes).toEqual([10, 10, 3]);
    expect(await bus.publish([])).toEqual([]);
  });

  test('names the events that were refused, and all of a request that failed', async () => {
    let requests = 0;
    const { bus, reasons } = busOver(({ Entries }) => {
      requests += 1;
      if (requests === 2) throw new Error('no network');
      return {
        Entries: Entries.map((_, i) => (i === 1 ? { ErrorCode: 'Throttled' } : { EventId: 'e' })),
      };
    });
    expect(await bus.publish(events)).toEqual([1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21]);
    expect(reasons).toHaveLength(3);
  });
});
