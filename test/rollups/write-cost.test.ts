/**
 * What rows cost to write, by DynamoDB's published rule (a write unit for each begun kilobyte of the larger of the old
 * and the new item), for the whole of a day: charge feed with a batch a minute, roll-up every five minutes.
 */
import { expect, test } from 'vitest';
import type { DynamoDBRecord, StreamRecord } from 'aws-lambda';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { itemBytes, type StoredItem } from '../../lambdas/adapters/table/local/attribute-values.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { toWire } from '../../lambdas/adapters/table/items.ts';
import { createChargeFeed } from '../../lambdas/charge-feed/charge-feed.ts';
import { durationMs } from '../../lambdas/core/brands.ts';
import { chargeToItem } from '../../lambdas/core/ledger/charge.ts';
import { Periods } from '../../lambdas/core/rollups/periods.ts';
import { rollUp } from '../../lambdas/core/rollups/roll-up.ts';
import { Random } from '../simulation/random.ts';
import { ManualClock, SeededIds } from '../support/worlds.ts';
import { charge } from './charged-world.ts';

const MINUTE = 60_000;
const DAY_MINUTES = 1440;
const START = Date.parse('2026-11-24T00:00:00Z');

/** A working day of so many people, each with a team, some of four features and two models. */
async function writeUnitsPerCall(users: number, callsOfUser: number): Promise<number> {
  const random = new Random(users, 'write cost');
  const clock = new ManualClock();
  const ids = new SeededIds();
  let units = 0;
  const api = countingUnits(openMemoryEngine({ clock }), (more) => (units += more));
  const table = new DynamoDbTable({ api, tableName: 't', clock, ids });
  const periods = new Periods({ table, clock, ids });
  const feed = createChargeFeed({ periods, report: () => undefined });

  const calls = Array.from({ length: users * callsOfUser }, (_, i) => ({
    at: START + random.whole(8 * 60, 18 * 60 - 1) * MINUTE,
    user: `person-${i % users}@example.com`,
    team: `team-${(i % users) % 5}`,
    feature: random.pick(['summarise', 'chat', 'search', 'review']),
    model: random.pick(['claude-sonnet-4-5-20250929', 'gpt-5-mini-2025-08-07']),
  })).sort((a, b) => a.at - b.at);
  for (let minute = 0; minute < DAY_MINUTES + 30; minute += 1) {
    clock.advance(durationMs(START + minute * MINUTE - clock.now()));
    const Records: DynamoDBRecord[] = [];
    while (calls[0] && calls[0].at <= clock.now()) {
      const { at, ...call } = calls.shift()!;
      const tokens = { input: 1200n, cache_read: 11_900n, output: 640n };
      const item = chargeToItem(
        charge({ ...call, tokens, at: new Date(at).toISOString(), cost: 12_345_600_000n }),
      );
      const before = units;
      await table.put({ item });
      units = before;
      const NewImage = toWire(item) as NonNullable<StreamRecord['NewImage']>;
      Records.push({ dynamodb: { SequenceNumber: '1', NewImage } });
    }
    if (Records.length > 0) await feed({ Records });
    if (minute % 5 === 0) await rollUp({ table, clock, periods, zone: 'UTC' });
  }
  expect(await periods.openDays()).toEqual([]);
  return units / (users * callsOfUser);
}

function countingUnits(api: DynamoDbApi, count: (units: number) => void): DynamoDbApi {
  const last = new Map<string, number>();
  const unitsOf = (key: StoredItem, item: StoredItem | undefined): number => {
    const name = `${key['pk']!.S!} ${key['sk']!.S!}`;
    const size = item ? itemBytes(item) : 0;
    const larger = Math.max(size, last.get(name) ?? 0, 1);
    last.set(name, size);
    return Math.ceil(larger / 1024);
  };
  return {
    ...api,
    putItem: (input) => {
      count(unitsOf(input.Item!, input.Item));
      return api.putItem(input);
    },
    deleteItem: (input) => {
      count(unitsOf(input.Key!, undefined));
      return api.deleteItem(input);
    },
  };
}

test.each([
  { what: 'one person, one call', users: 1, calls: 1, most: 9 },
  { what: 'ten people, five calls each', users: 10, calls: 5, most: 4.6 },
  { what: 'forty people, fifty calls each', users: 40, calls: 50, most: 1.5 },
  { what: 'ten people, five hundred calls each', users: 10, calls: 500, most: 0.4 },
])('$what: at most $most write units a call', async ({ users, calls, most }) => {
  const units = await writeUnitsPerCall(users, calls);
  expect(units).toBeLessThanOrEqual(most);
  expect(units, 'the figures of docs/decisions/0023-rows-from-charges.md').toBeGreaterThan(most * 0.8);
});
