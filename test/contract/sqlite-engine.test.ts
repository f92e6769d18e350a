/** What only the engine on disk promises: answered writes survive a kill, one opener at a time, one fsync a group. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { openSqliteEngine } from '../../lambdas/adapters/table/local/sqlite-engine.ts';
import { SqliteStore } from '../../lambdas/adapters/table/local/sqlite-store.ts';
import { middleIds, TestClock } from './setup.ts';

const WRITER = new URL('sqlite-writer.ts', import.meta.url).pathname;
/** Belongs to no process: Linux counts to 4,194,304 at most. */
const DEAD_PID = 99_999_999;
const KEY = { pk: 'L#ada', sk: '-' };
const POOL = { pk: 'pool', sk: '-' };

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spendcap-sqlite-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true });
});

function open(): { table: DynamoDbTable; close: () => void } {
  const clock = new TestClock();
  const api = openSqliteEngine({ directory, clock });
  return {
    table: new DynamoDbTable({ api, tableName: 'spendcap', clock, ids: middleIds }),
    close: () => api.close(),
  };
}

describe('SIGKILL while writing', () => {
  test('loses nothing that was acknowledged and tears no transaction, five times over', async () => {
    const first = open();
    await first.table.put({ item: { ...POOL, f: 1_000_000n } });
    first.close();
    const puts = new Set<string>();
    let moved = 0;
    for (const [round, lines] of [150, 1, 400, 37, 222].entries()) {
      const writer = startWriter(round);
      const gone = once(writer, 'exit');
      let left = lines;
      for await (const line of createInterface(writer.stdout)) {
        const [what, which] = line.split(' ');
        if (what === 'open') expect(() => open()).toThrow(`is in use by process ${writer.pid}`);
        if (what === 'put') puts.add(which!);
        if (what === 'moved') moved += 1;
        if (what !== 'open') left -= 1;
        if (left === 0) writer.kill('SIGKILL');
      }
      await gone;
      const { table, close } = open();
      const items = new Map<unknown, bigint>();
      let cursor: string | undefined;
      do {
        const page = await table.scan(cursor === undefined ? {} : { cursor });
        for (const { pk, f } of page.items) items.set(pk, (f ?? 0n) as bigint);
        cursor = page.cursor;
      } while (cursor !== undefined);
      close();
      expect([...puts].filter((key) => !items.has(key))).toEqual([]);
      const sum = [...items.values()].reduce((total, f) => total + f, 0n);
      expect(sum).toBe(1_000_000n);
      expect(1_000_000n - items.get('pool')!).toBeGreaterThanOrEqual(BigInt(moved));
    }
    expect(puts.size).toBeGreaterThan(200);
  });

  function startWriter(round: number): ChildProcessByStdio<null, Readable, null> {
    return spawn(process.execPath, ['--import', 'tsx', WRITER, directory, String(round)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }
});

describe('one opener', () => {
  test('what was written is there after closing and opening again, and no file of a lock remains', async () => {
    const first = open();
    await first.table.put({ item: { ...KEY, f: 12_345_678_901_234_567_890_123_456_789_012_345_678n } });
    first.close();
    expect(readdirSync(directory)).toEqual(['spendcap.db']);
    const second = open();
    expect(await second.table.get(KEY)).toEqual({
      ...KEY,
      f: 12_345_678_901_234_567_890_123_456_789_012_345_678n,
    });
    second.close();
  });

  test('a second one in this process is told so, and the first is not disturbed', async () => {
    const first = open();
    expect(() => open()).toThrow(`${directory} is already open in this process`);
    expect(await first.table.put({ item: { ...KEY } })).toMatchObject({ kind: 'applied' });
    first.close();
  });

  test('a living process keeps its claim', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    writeFileSync(join(directory, 'spendcap.pid'), `${child.pid}\n`);
    mkdirSync(join(directory, 'spendcap.db.lock'));
    expect(() => open()).toThrow(`is in use by process ${child.pid}`);
    expect(existsSync(join(directory, 'spendcap.db.lock'))).toBe(true);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    open().close();
  });

  test.each([
    ['a dead process', `${DEAD_PID}\n`],
    ['a container that had the same pid', `${process.pid}\n`],
    ['a crash before the pid was written', ''],
  ])('the lock of %s is removed', async (_, pid) => {
    writeFileSync(join(directory, 'spendcap.pid'), pid);
    mkdirSync(join(directory, 'spendcap.db.lock'));
    const { table, close } = open();
    expect(readFileSync(join(directory, 'spendcap.pid'), 'utf8')).toBe(`${process.pid}\n`);
    expect(await table.put({ item: { ...KEY } })).toMatchObject({ kind: 'applied' });
    close();
  });

  test('a lock without a pid file is not ours to remove', () => {
    mkdirSync(join(directory, 'spendcap.db.lock'));
    expect(() => open()).toThrow('database is locked');
    expect(readdirSync(directory)).toContain('spendcap.db.lock');
  });
});

describe('group commit', () => {
  test('what arrives in one turn shares a commit, in order, and a refused one undoes no other', async () => {
    const { table, close } = open();
    await table.put({ item: { ...KEY, f: 10n } });
    const commits = vi.spyOn(SqliteStore.prototype, 'commit');
    const debit = (amount: bigint): ReturnType<DynamoDbTable['update']> =>
      table.update({
        key: KEY,
        condition: 'f >= :n',
        update: 'SET f = f - :n',
        values: { ':n': amount },
      });
    const outcomes = await Promise.all([debit(4n), debit(7n), debit(5n), table.get(KEY), debit(1n)]);
    expect(outcomes).toMatchObject([
      { kind: 'applied', item: { f: 6n } },
      { kind: 'refused', item: { f: 6n } },
      { kind: 'applied', item: { f: 1n } },
      { f: 1n },
      { kind: 'applied', item: { f: 0n } },
    ]);
    expect(commits).toHaveBeenCalledTimes(1);
    close();
  });

  test('a commit that fails takes everything back, tokens too, and is tried again as unanswered', async () => {
    const { table, close } = open();
    await table.put({ item: { ...KEY, f: 10n } });
    vi.spyOn(SqliteStore.prototype, 'commit').mockImplementationOnce(function (this: SqliteStore, work) {
      this.commit(() => {
        work();
        throw new Error('disk I/O error');
      });
    });
    const [put, moved] = await Promise.all([
      table.put({ item: { pk: 'other', sk: '-' } }),
      table.transact([{ op: 'update', key: KEY, update: 'SET f = f - :n', values: { ':n': 4n } }], 'plan'),
    ]);
    expect(put).toMatchObject({ kind: 'applied', unanswered: 1 });
    expect(moved).toEqual({ kind: 'applied', unanswered: 1 });
    expect(await table.get(KEY)).toEqual({ ...KEY, f: 6n });
    close();
  });

  test('closing answers what waits, then nothing is taken any more', async () => {
    const { table, close } = open();
    const last = table.put({ item: { ...KEY } });
    close();
    expect(await last).toMatchObject({ kind: 'applied', unanswered: 0 });
    expect(await table.put({ item: { ...KEY } })).toMatchObject({
      kind: 'unavailable',
      reason: 'InternalServerError: The store is closed',
    });
  });
});
