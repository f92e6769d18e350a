/**
 * Stamps (`at`, `t`): one number made of milliseconds and the nonce of the invocation. Ordered, so it is a
 * fence; unique, so it proves who owns a hold and names the hold's generation.
 */
import { epochMs, type EpochMs } from '../brands.ts';

const NONCE_BITS = 40;
const NONCE_RANGE = 1n << BigInt(NONCE_BITS);

export type Nonce = bigint;
/** How many random bits a nonce takes. */
export const nonceBits = NONCE_BITS;

/** A stamp newer than `newest` (the leaf's fence, one's own last stamp) and not older than `now`. */
export function stampAfter(now: EpochMs, newest: bigint, nonce: Nonce): bigint {
  if (nonce < 0n || nonce >= NONCE_RANGE) throw new RangeError(`a nonce has ${NONCE_BITS} bits`);
  const ms = BigInt(now);
  const next = newest / NONCE_RANGE + 1n;
  return (ms > next ? ms : next) * NONCE_RANGE + nonce;
}

export const newerOf = (a: bigint, b: bigint): bigint => (a > b ? a : b);

export const stampedAt = (stamp: bigint): EpochMs => epochMs(Number(stamp / NONCE_RANGE));
