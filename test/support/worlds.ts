/** Small worlds for tests: a clock that moves when told, ids from a seed, a ledger over any engine, caps. */
import {
  capId,
  durationMs,
  epochMs,
  holdId,
  picoUsd,
  type DurationMs,
  type EpochMs,
} from '../../lambdas/core/brands.ts';
import type { Attribution } from '../../lambdas/core/directory/directory.ts';
import type { Cap, Metric } from '../../lambdas/core/caps/cap.ts';
import type { Clock, Ids, Timer } from '../../lambdas/core/ports.ts';
import { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import type { Fit, ReserveCall } from '../../lambdas/core/ledger/reserve-call.ts';
import type { Books } from '../../lambdas/core/ledger/books.ts';
import { amountsOf, leafKey, type Leaf } from '../../lambdas/core/ledger/leaf.ts';
import type { Charge } from '../../lambdas/core/ledger/charge.ts';
import type { HeldCall } from '../../lambdas/core/ledger/leaf.ts';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { parseWindow } from '../../lambdas/core/caps/windows.ts';

/** 2026-11-24T12:00:00Z. */
export const NOON: EpochMs = epochMs(Date.UTC(2026, 10, 24, 12));

/** Stands still until moved. Sleeps end at once, in the order in which they were begun. */
export class ManualClock implements Clock {
  private at: EpochMs = NOON;
  now(): EpochMs {
    return this.at;
  }
  sleep(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
  timer(): Timer {
    return { ended: this.sleep(), stop: () => undefined };
  }
  advance(duration: DurationMs): void {
    this.at = epochMs(this.at + duration);
  }
}

/** Mulberry32: small, seeded, good enough to be unique. */
export class SeededIds implements Ids {
  private state: number;
  constructor(seed = 1) {
    this.state = seed;
  }
  randomBits(bits: number): bigint {
    let value = 0n;
    for (let got = 0; got < bits; got += 16) value = (value << 16n) | BigInt(this.next() >>> 16);
    return value & ((1n << BigInt(bits)) - 1n);
  }
  private next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}

/** Whom a call of the app `web` is charged to. */
export const callOf = (user: string | null, feature = 'default'): Attribution => ({
  user,
  team: 'growth',
  app: 'web',
  feature,
});

export const alice = leafKey({ type: 'user', id: 'alice' });

/** What a caller without shared caps sees. */
export const booksOf = (leaf: Leaf): Books => ({ leaf, pools: new Map() });

export function ledgerOver(
  { api, tableName }: { api: DynamoDbApi; tableName: string },
  clock: Clock = new ManualClock(),
  ids: Ids = new SeededIds(),
) {
  const table = new DynamoDbTable({ api, tableName, clock, ids });
  return { table, clock, ids, ledger: new Ledger({ table, clock, ids }) };
}

export function testCap(
  id: string,
  metric: Metric,
  window: string,
  limit: bigint,
  more: Partial<Cap> = {},
): Cap {
  const parsed =
    metric === 'concurrent'
      ? ({ kind: 'lifetime' } as const)
      : parseWindow(window, { timeZone: 'UTC', anchorDay: 1 });
  if (!parsed) throw new Error(`no window ${window}`);
  return {
    id: capId(id),
    account: id,
    scope: { type: 'user', id: 'alice' },
    metric,
    window: parsed,
    limit,
    overage: 0n,
    thresholds: { warn: [500, 800], throttle: 950, block: 1000 },
    ladder: 'default',
    revision: 1n,
    ...more,
  };
}

export interface CallOptions {
  picoUsd?: bigint;
  tokens?: bigint;
  id?: string;
  bodyHash?: string;
}

let calls = 0;
/** A call of alice that holds a fixed amount. */
export function testCall(caps: readonly Cap[], ids: Ids, options: CallOptions = {}): ReserveCall {
  const amounts = amountsOf(picoUsd(options.picoUsd ?? 100n), options.tokens ?? 10n);
  const fit: Fit = { amounts, outputTokensMax: null, smallest: amounts, isLowered: false };
  calls += 1;
  const id = options.id ?? `call-${calls}`;
  return {
    leaf: alice,
    id: holdId(id),
    bodyHash: options.bodyHash,
    caps,
    nonce: ids.randomBits(40),
    info: {
      rq: `req_${id}`,
      us: 'alice',
      ap: 'web',
      tm: 'growth',
      ft: 'default',
      ep: 'openai-chat',
      md: 'm',
      cd: 'card',
    },
    fit: () => fit,
    rates: () => [],
  };
}

/** A charge of `usedPicoUsd` for a held call. */
export function chargeOf(held: HeldCall, usedPicoUsd: bigint, tokens = 10n): Charge {
  return {
    id: held.id,
    at: held.at,
    fence: held.fence,
    leafPk: held.leaf.pk,
    used: { u: usedPicoUsd, t: tokens, r: 1n, c: 0n },
    outcome: 'settled',
    accounts: held.hold.c,
    info: held.hold.i,
    modelServed: 'm',
    tokens: { input: tokens },
    stage: 'normal',
    latencyMs: 5n,
  };
}

export const minutes = (count: number): DurationMs => durationMs(count * 60_000);
export const hours = (count: number): DurationMs => durationMs(count * 3_600_000);
/** From now on; below zero where it is over. */
export const durationUntil = (clock: Clock, at: EpochMs): DurationMs => durationMs(at - clock.now());
