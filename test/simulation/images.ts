/**
 * Items as the auditor reads them, decoded by itself from what the table holds. A part that no write has touched
 * stays the same object, and is decoded once.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

type Wire = Readonly<Record<string, AttributeValue>>;

export interface AccountImage {
  k: bigint;
  f: bigint;
  s: bigint;
  l: bigint;
  /** Undefined on a lease of a shared cap. */
  r: bigint | undefined;
  /** Approved overage, by grant. */
  o: ReadonlyMap<string, GrantImage>;
  /** Settled by rolling bucket. */
  b: ReadonlyMap<bigint, bigint> | undefined;
  /** Stage that the ladder set. */
  g: string | undefined;
  /** Of a lease: when it was drawn or given back last. */
  d: number | undefined;
}

export interface GrantImage {
  n: bigint;
  x: bigint;
}

export interface PoolImage extends AccountImage {
  v: bigint;
}

export type MetricLetter = 'u' | 't' | 'r' | 'c';
export interface HeldImage {
  k: bigint;
  n: bigint;
  m: MetricLetter;
}

export interface HoldImage {
  at: bigint;
  x: bigint;
  c: ReadonlyMap<string, HeldImage>;
  pu: bigint;
  tk: bigint;
  /** The request that made it. */
  rq: string;
  /** Hash of its body, where it has an idempotency key. */
  bh: string | undefined;
}

export interface LeafImage {
  pk: string;
  v: bigint;
  t: bigint;
  a: ReadonlyMap<string, AccountImage>;
  h: ReadonlyMap<string, HoldImage>;
}

export interface ChargeImage {
  at: bigint;
  leaf: string;
  used: Record<MetricLetter, bigint>;
  outcome: string;
  bh: string | undefined;
  /** Written by somebody who did not see the call end. */
  isAfterwards: boolean;
}

const number = (item: Wire, name: string): bigint => BigInt(item[name]!.N!);
const mapOf = (item: Wire, name: string): Wire => item[name]?.M ?? {};

const leaves = new WeakMap<object, LeafImage>();
const accounts = new WeakMap<object, AccountImage>();
const holds = new WeakMap<object, HoldImage>();

function once<T>(known: WeakMap<object, T>, wire: object, decode: () => T): T {
  let image = known.get(wire);
  if (image === undefined) known.set(wire, (image = decode()));
  return image;
}

function entries<T>(wire: Wire, decode: (value: AttributeValue) => T): Map<string, T> {
  const decoded = new Map<string, T>();
  for (const name of Object.keys(wire)) decoded.set(name, decode(wire[name]!));
  return decoded;
}

export const leafImage = (item: Wire): LeafImage =>
  once(leaves, item, () => ({
    pk: item['pk']!.S!,
    v: number(item, 'v'),
    t: number(item, 't'),
    a: entries(mapOf(item, 'a'), accountImage),
    h: entries(mapOf(item, 'h'), holdImage),
  }));

const accountImage = (value: AttributeValue): AccountImage =>
  once(accounts, value, () => decodeAccount(value.M!));

const decodeAccount = (account: Wire): AccountImage => ({
  k: number(account, 'k'),
  f: number(account, 'f'),
  s: number(account, 's'),
  l: number(account, 'l'),
  r: account['r'] && number(account, 'r'),
  o: entries(mapOf(account, 'o'), (grant) => ({ n: number(grant.M!, 'n'), x: number(grant.M!, 'x') })),
  b: account['b'] && bucketsOf(account['b'].M!),
  g: account['g']?.S,
  d: account['d'] && Number(account['d'].N),
});

export const poolImage = (item: Wire): PoolImage => ({ ...decodeAccount(item), v: number(item, 'v') });

function bucketsOf(wire: Wire): Map<bigint, bigint> {
  const buckets = new Map<bigint, bigint>();
  for (const name of Object.keys(wire)) buckets.set(BigInt(name), BigInt(wire[name]!.N!));
  return buckets;
}

export const holdImage = (value: AttributeValue): HoldImage =>
  once(holds, value, () => {
    const hold = value.M!;
    const info = mapOf(hold, 'i');
    return {
      at: number(hold, 'at'),
      x: number(hold, 'x'),
      c: entries(mapOf(hold, 'c'), heldImage),
      pu: number(info, 'pu'),
      tk: number(info, 'tk'),
      rq: info['rq']!.S!,
      bh: info['bh']?.S,
    };
  });

const heldImage = (value: AttributeValue): HeldImage => ({
  k: number(value.M!, 'k'),
  n: number(value.M!, 'n'),
  m: value.M!['m']!.S as MetricLetter,
});

export function chargeImage(item: Wire): ChargeImage {
  const used = mapOf(item, 'u');
  return {
    at: number(item, 'at'),
    leaf: item['lf']!.S!,
    used: { u: number(used, 'u'), t: number(used, 't'), r: number(used, 'r'), c: 0n },
    outcome: item['end']!.S!,
    bh: mapOf(item, 'i')['bh']?.S,
    isAfterwards: number(item, 'lt') < 0n,
  };
}

/** When a stamp was made. */
export const stampMs = (stamp: bigint): number => Number(stamp >> 40n);
