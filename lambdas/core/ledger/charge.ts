/**
 * The charge: what one call cost, written once and before its leaf is settled, so that any process can finish
 * a settle that a crash cut off. It names the stamp of the hold that it charges.
 */
import { epochMs, holdId, type EpochMs, type HoldId } from '../brands.ts';
import type { Item, ItemKey } from '../ports.ts';
import { DAY, plus, toSortableRfc3339 } from '../time.ts';
import { readingFromItem, readingToItem, type ChargeReading, type CitedCards } from './charge-reading.ts';
import type { Amounts, Hold, HeldAmount, HoldInfo } from './leaf.ts';
import { spread } from './spread.ts';

/** How a call ended, for people (contract 5). */
export type ChargeOutcome =
  | 'settled'
  | 'voided'
  | 'presumed_spent'
  | 'overrun'
  /** Corrects another charge of the same call: its amounts are differences. */
  | 'adjusted';

/** Tokens by kind, as the provider billed them. */
export type TokensByKind = Record<string, bigint>;

export interface Charge {
  id: HoldId;
  /** Stamp of the hold that it charges; a hold with another stamp under the same id is void. */
  at: bigint;
  fence: bigint;
  leafPk: string;
  used: Amounts;
  outcome: ChargeOutcome;
  /** Accounts that it moves, with what was held of each. */
  accounts: Record<string, HeldAmount>;
  info: HoldInfo;
  /** Model that the provider says it served. */
  modelServed: string;
  tokens: TokensByKind;
  stage: string;
  /** From admission to the end of the answer; -1 when nobody saw the end. */
  latencyMs: bigint;
  /** Whose evidence it rests on, where it is not the provider's own answer. */
  source?: string;
  /** Why nobody knew what the call cost, where it was presumed spent. */
  reason?: string;
  /** What it was computed from; absent where nothing was computed. */
  reading?: ChargeReading;
  /** Of a correction: the cards by which the call was rated again. */
  cards?: CitedCards;
}

export const chargeKey = (id: HoldId): ItemKey => ({ pk: `C#${id}`, sk: '-' });

/** Charges of one day stand in this many index partitions, so that a busy day does not heat one. */
export const TIME_SHARDS = 8;

export function timePartition(day: string, shard: number): string {
  return `D#${day}#${shard}`;
}
export const dayOf = (at: EpochMs): string => toSortableRfc3339(at).slice(0, 10);
export function* daysBetween(from: EpochMs, to: EpochMs): Generator<string> {
  const last = dayOf(to);
  for (let at = from; ; at = plus(at, DAY)) {
    const day = dayOf(at);
    if (day > last) return;
    yield day;
    if (day === last) return;
  }
}

/** All charges of a principal stand in one shard. */
export const shardOf = (leafPk: string): number => spread(leafPk, TIME_SHARDS);

export const chargeSortKey = (at: EpochMs, id: string): string => `${toSortableRfc3339(at)}#${id}`;

export function chargeToItem(charge: Charge): Item & ItemKey {
  const admittedAt = epochMs(Number(charge.info.ts));
  return {
    ...chargeKey(charge.id),
    gpk: timePartition(dayOf(admittedAt), shardOf(charge.leafPk)),
    gsk: chargeSortKey(admittedAt, charge.id),
    at: charge.at,
    fz: charge.fence,
    lf: charge.leafPk,
    u: charge.used,
    end: charge.outcome,
    c: charge.accounts as unknown as Item,
    i: charge.info as unknown as Item,
    ms: charge.modelServed,
    tk: charge.tokens,
    sg: charge.stage,
    lt: charge.latencyMs,
    ...(charge.source !== undefined && { src: charge.source }),
    ...(charge.reason !== undefined && { why: charge.reason }),
    ...(charge.reading && { rd: readingToItem(charge.reading, charge) }),
    ...(charge.cards && { rr: charge.cards as unknown as Item }),
  };
}

export function chargeFromItem(item: Item): Charge {
  const charge: Charge = {
    id: holdId((item['pk'] as string).slice('C#'.length)),
    at: item['at'] as bigint,
    fence: item['fz'] as bigint,
    leafPk: item['lf'] as string,
    used: item['u'] as Amounts,
    outcome: item['end'] as ChargeOutcome,
    accounts: item['c'] as unknown as Record<string, HeldAmount>,
    info: item['i'] as unknown as HoldInfo,
    modelServed: item['ms'] as string,
    tokens: item['tk'] as TokensByKind,
    stage: item['sg'] as string,
    latencyMs: item['lt'] as bigint,
    ...(item['src'] !== undefined && { source: item['src'] as string }),
    ...(item['why'] !== undefined && { reason: item['why'] as string }),
    ...(item['rr'] !== undefined && { cards: item['rr'] as unknown as CitedCards }),
  };
  const reading = item['rd'] as Item | undefined;
  return reading ? { ...charge, reading: readingFromItem(reading, charge) } : charge;
}

export const NOTHING_USED: Amounts = { u: 0n, t: 0n, r: 0n, c: 0n };

/** What an upstream says of itself may be a page long. */
const REASON_LENGTH_MAX = 200;

/** The worst case: what a call is charged when nobody can know better. */
export const presumed = ({ pu, tk }: HoldInfo, reason: string) => ({
  used: { u: pu, t: tk, r: 1n, c: 0n },
  outcome: 'presumed_spent' as const,
  reason: reason.slice(0, REASON_LENGTH_MAX),
});

/** Of a hold whose process is gone: what its charge says, whatever it comes to. */
export const orphanCharge = (id: HoldId, leafPk: string, hold: Hold, fence: bigint) => ({
  id,
  at: hold.at,
  fence,
  leafPk,
  accounts: hold.c,
  info: hold.i,
  modelServed: hold.i.ms ?? hold.i.md,
  tokens: {},
  stage: 'normal',
  latencyMs: -1n,
});
