/** The adapter on a table where things go wrong: what it retries, what it counts, and what it says in the end. */
import { describe, expect, test } from 'vitest';
import { ATTEMPTS_MAX, DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { TableUnavailable, type TransactWrite, type UpdateWrite } from '../../lambdas/core/ports.ts';
import { faultyApi, inOrder, seeded, type FaultyApi, type Faults } from './faulty-api.ts';
import { middleIds, TestClock } from './setup.ts';

const KEY = { pk: 'L#ada', sk: '-' };
/** Applied once or refused: the version tells a repeat. */
const TO_TWO: UpdateWrite = {
  key: KEY,
  condition: 'v = :one',
  update: 'SET v = v + :one',
  values: { ':one': 1n },
};
const COUNT: UpdateWrite = { key: KEY, update: 'SET v = v + :one', values: { ':one': 1n } };
const ALWAYS_LOST: Faults = { next: () => 'request_lost' };

async function tableWith(
  faults: Faults,
): Promise<{ table: DynamoDbTable; api: FaultyApi; clock: TestClock; sound: DynamoDbTable }> {
  const clock = new TestClock();
  const engine = openMemoryEngine({ clock });
  const api = faultyApi(engine, faults);
  const options = { tableName: 'spendcap', clock, ids: middleIds };
  const sound = new DynamoDbTable({ ...options, api: engine });
  await sound.put({ item: { ...KEY, v: 1n } });
  return { table: new DynamoDbTable({ ...options, api }), api, clock, sound };
}

describe('a write', () => {
  test.each([
    { faults: ['throttled', 'throttled', 'conflict'], unanswered: 0 },
    { faults: ['request_lost'], unanswered: 1 },
    { faults: ['server_error', 'throttled', 'request_lost', 'conflict'], unanswered: 2 },
  ] as const)('is applied after $faults, unanswered $unanswered', async ({ faults, unanswered }) => {
    const { table, clock } = await tableWith(inOrder(...faults));
    expect(await table.update(TO_TWO)).toEqual({ kind: 'applied', item: { ...KEY, v: 2n }, unanswered });
    expect(clock.slept).toHaveLength(faults.length);
  });

  test('whose first answer is lost is refused by its own effect, and the count says so', async () => {
    const { table } = await tableWith(inOrder('throttled', 'answer_lost'));
    expect(await table.update(TO_TWO)).toEqual({ kind: 'refused', item: { ...KEY, v: 2n }, unanswered: 1 });
  });

  test('that is refused at once is not sent again', async () => {
    const { table, api, clock } = await tableWith(inOrder());
    await table.update(TO_TWO);
    expect(await table.update(TO_TWO)).toEqual({ kind: 'refused', item: { ...KEY, v: 2n }, unanswered: 0 });
    expect(api.met.none).toBe(2);
    expect(clock.slept).toEqual([]);
  });

  test('gives up after 8 attempts, with longer and longer waits', async () => {
    const { table, clock, api } = await tableWith(ALWAYS_LOST);
    expect(ATTEMPTS_MAX).toBe(8);
    expect(await table.update(TO_TWO)).toEqual({
      kind: 'unavailable',
      unanswered: 8,
      reason: 'TimeoutError: Request timed out',
    });
    expect(api.met.request_lost).toBe(8);
    expect(clock.slept).toEqual([10, 20, 40, 80, 160, 320, 500]);
  });

  test('that was only throttled surely did not happen', async () => {
    const { table, sound } = await tableWith({ next: () => 'throttled' });
    expect(await table.put({ item: { ...KEY, v: 9n } })).toMatchObject({
      kind: 'unavailable',
      unanswered: 0,
    });
    expect(await table.delete({ key: KEY })).toMatchObject({ kind: 'unavailable', unanswered: 0 });
    expect(await sound.get(KEY)).toEqual({ ...KEY, v: 1n });
  });

  test('that comes late is counted, and lands behind the retry', async () => {
    const { table, api, sound } = await tableWith(inOrder('late'));
    expect(await table.update(TO_TWO)).toMatchObject({ unanswered: 1 });
    await api.drain();
    expect(await sound.get(KEY)).toEqual({ ...KEY, v: 2n });
  });

  test('that is wrong is thrown, not retried', async () => {
    const { table, api } = await tableWith(inOrder());
    await expect(table.update({ ...COUNT, update: 'SET v = v + :one,' })).rejects.toMatchObject({
      name: 'ValidationException',
    });
    expect(api.met.none).toBe(1);
  });

  test('with a JavaScript number is thrown before it is sent', async () => {
    const { table, api } = await tableWith(inOrder());
    const item = { ...KEY, a: { team: { f: 5 as unknown as bigint } } };
    await expect(table.put({ item })).rejects.toThrow('Not a value of an item: 5, a number');
    await expect(table.update({ ...COUNT, values: { ':one': 1 as unknown as bigint } })).rejects.toThrow(
      TypeError,
    );
    expect(api.met.none).toBe(0);
  });
});

describe('an error', () => {
  const outcomeOf = async (
    error: object,
  ): Promise<{ outcome: unknown; calls: number; slept: readonly number[] }> => {
    let calls = 0;
    const clock = new TestClock();
    const api = {
      ...openMemoryEngine({ clock: new TestClock() }),
      updateItem: async () => {
        calls += 1;
        throw Object.assign(new Error('no'), error);
      },
    } satisfies DynamoDbApi;
    const table = new DynamoDbTable({ api, tableName: 'spendcap', clock, ids: middleIds });
    return { outcome: await table.update(COUNT), calls, slept: clock.slept };
  };

  test.each([
    { name: 'TimeoutError', status: undefined, unanswered: 8 },
    { name: 'Error', status: undefined, unanswered: 8 },
    { name: 'InternalServerError', status: 500, unanswered: 8 },
    { name: 'ServiceUnavailable', status: 503, unanswered: 8 },
    { name: 'ThrottlingException', status: 400, unanswered: 0 },
    { name: 'RequestLimitExceeded', status: 400, unanswered: 0 },
  ])('$name, status $status, is retried; unanswered: $unanswered', async ({ name, status, unanswered }) => {
    const { outcome, calls } = await outcomeOf({ name, $metadata: { httpStatusCode: status } });
    expect(outcome).toEqual({ kind: 'unavailable', unanswered, reason: `${name}: no` });
    expect(calls).toBe(8);
  });

  test.each(['TransactionConflictException', 'ReplicatedWriteConflictException'])(
    '%s is retried soon and often: whoever is in the way is gone in some milliseconds',
    async (name) => {
      const { outcome, calls, slept } = await outcomeOf({ name, $metadata: { httpStatusCode: 400 } });
      expect(outcome).toEqual({ kind: 'unavailable', unanswered: 0, reason: `${name}: no` });
      expect(calls).toBe(60);
      expect(slept.slice(0, 4)).toEqual([10, 20, 20, 20]);
    },
  );

  test.each([
    { name: 'AccessDeniedException', status: 400 },
    { name: 'ResourceNotFoundException', status: 400 },
    { name: 'CredentialsProviderError', status: undefined },
  ])('$name is answered, and no use to retry', async ({ name, status }) => {
    const { outcome, calls } = await outcomeOf({ name, $metadata: { httpStatusCode: status } });
    expect(outcome).toEqual({ kind: 'unavailable', unanswered: 0, reason: `${name}: no` });
    expect(calls).toBe(1);
  });
});

describe('a transaction', () => {
  const PLAN: TransactWrite[] = [
    { op: 'update', ...COUNT },
    { op: 'put', item: { pk: 'cap', sk: '-', v: 1n } },
  ];

  test('whose answer is lost is applied once, thanks to its token', async () => {
    const { table, sound } = await tableWith(inOrder('answer_lost', 'throttled', 'answer_lost'));
    expect(await table.transact(PLAN, 'plan')).toEqual({ kind: 'applied', unanswered: 2 });
    expect(await sound.get(KEY)).toEqual({ ...KEY, v: 2n });
  });

  test('keeps its token, but for a suffix after a conflict; none once an answer is missing', async () => {
    const { table, api } = await tableWith(
      inOrder('throttled', 'conflict', 'conflict', 'request_lost', 'conflict', 'none'),
    );
    const tokens: unknown[] = [];
    const recording = new DynamoDbTable({
      api: {
        ...api,
        transactWriteItems: (input) => {
          tokens.push(input.ClientRequestToken);
          return api.transactWriteItems(input);
        },
      },
      tableName: 'spendcap',
      clock: new TestClock(),
      ids: middleIds,
    });
    expect(await recording.transact(PLAN, 'plan')).toEqual({ kind: 'applied', unanswered: 1 });
    expect(tokens).toEqual(['plan', 'plan', 'plan.1', 'plan.2', 'plan.2', 'plan.2']);
    await expect(table.transact(PLAN, 'x'.repeat(33))).rejects.toThrow('1 to 32 characters');
  });

  test('that conflicts again and again is left to its caller, who may plan anew', async () => {
    const { table, sound } = await tableWith(
      inOrder('conflict', 'throttled', 'conflict', 'conflict', 'none'),
    );
    expect(await table.transact(PLAN, 'plan')).toMatchObject({ kind: 'contended' });
    expect(await sound.get({ pk: 'cap', sk: '-' })).toBeUndefined();
    const unsure = await tableWith(inOrder('request_lost', 'conflict', 'conflict', 'conflict', 'none'));
    expect(await unsure.table.transact(PLAN, 'plan')).toEqual({ kind: 'applied', unanswered: 1 });
  });

  test('that a condition and a conflict refuse is refused', async () => {
    const Item = { pk: { S: 'cap' }, sk: { S: '-' }, f: { N: '3' } };
    const api = {
      ...openMemoryEngine({ clock: new TestClock() }),
      transactWriteItems: async () => {
        throw Object.assign(new Error('cancelled'), {
          name: 'TransactionCanceledException',
          $metadata: { httpStatusCode: 400 },
          CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'ConditionalCheckFailed', Item }],
        });
      },
    } satisfies DynamoDbApi;
    const table = new DynamoDbTable({ api, tableName: 'spendcap', clock: new TestClock(), ids: middleIds });
    expect(await table.transact(PLAN, 'plan')).toEqual({
      kind: 'refused',
      items: [undefined, { pk: 'cap', sk: '-', f: 3n }],
      unanswered: 0,
    });
  });
});

describe('a read', () => {
  test('is sent again', async () => {
    const { table } = await tableWith(inOrder('request_lost', 'throttled', 'server_error', 'answer_lost'));
    expect(await table.get(KEY)).toEqual({ ...KEY, v: 1n });
  });

  test('throws TableUnavailable in the end', async () => {
    const { table } = await tableWith(ALWAYS_LOST);
    await expect(table.get(KEY)).rejects.toThrow(TableUnavailable);
    await expect(table.query({ partition: 'L#ada' })).rejects.toThrow(TableUnavailable);
    await expect(table.scan({})).rejects.toThrow(TableUnavailable);
  });
});

describe('unanswered', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('bounds what was applied, seed %i', async (seed) => {
    const { table, api, sound } = await tableWith(seeded(seed, 0.5));
    let applied = 1n;
    let unanswered = 0;
    for (let i = 0; i < 200; i += 1) {
      const outcome = await table.update(COUNT);
      if (outcome.kind === 'applied') applied += 1n;
      unanswered += outcome.unanswered;
    }
    await api.drain();
    const v = (await sound.get(KEY))!['v'] as bigint;
    const { request_lost, answer_lost, late, server_error } = api.met;
    expect(unanswered).toBe(request_lost + answer_lost + late + server_error);
    expect(v).toBe(applied + BigInt(answer_lost + late));
    expect(answer_lost).toBeGreaterThan(5);
    expect(late).toBeGreaterThan(5);
  });
});
