/** What the suites of this folder share: an open engine with the adapter on it, for one test. */
import { durationMs, epochMs, type DurationMs, type EpochMs } from '../../lambdas/core/brands.ts';
import type { Clock, Ids, Timer } from '../../lambdas/core/ports.ts';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { engines, type NamedEngine, type OpenEngine } from './engines.ts';

/** Time stands still until it is moved; a sleep moves it and is over at once. */
export class TestClock implements Clock {
  #now = 1_800_000_000_000;
  readonly slept: DurationMs[] = [];

  now(): EpochMs {
    return epochMs(this.#now);
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }

  async sleep(duration: DurationMs): Promise<void> {
    this.slept.push(durationMs(duration));
    this.#now += duration;
  }

  timer(duration: DurationMs): Timer {
    return { ended: this.sleep(duration), stop: () => undefined };
  }
}

/** Half of every range. */
export const middleIds: Ids = { randomBits: (bits) => 1n << BigInt(bits - 1) };

export interface Harness extends OpenEngine {
  table: DynamoDbTable;
  clock: TestClock;
}

export async function openTable(engine: NamedEngine): Promise<Harness> {
  const clock = new TestClock();
  const open = await engine.open(clock);
  const { api, tableName } = open;
  return { ...open, clock, table: new DynamoDbTable({ api, tableName, clock, ids: middleIds }) };
}

/** Runs a test on a fresh table and closes it. */
export async function withTable(
  engine: NamedEngine,
  test: (harness: Harness) => Promise<void>,
): Promise<void> {
  const harness = await openTable(engine);
  try {
    await test(harness);
  } finally {
    await harness.close();
  }
}

export const engineNamed = (name: string): NamedEngine => engines.find((engine) => engine.name === name)!;
