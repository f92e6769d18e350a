/**
 * Request ids and hold ids. A request id begins with the id of its hold, so that `/v1/requests/{id}` finds the
 * charge without an index; a retry with the same idempotency key shares the hold's id and has its own tail.
 */
import { holdId, requestId, type HoldId, type RequestId } from './brands.ts';
import type { Principal } from './ledger/leaf.ts';
import type { Ids } from './ports.ts';

const HOLD_LENGTH = 26;
const HOLD_BITS = 130;
const TAIL_LENGTH = 8;
const TAIL_BITS = 40;
const REQUEST = new RegExp(`^req_([0-9a-v]{${HOLD_LENGTH}})(?:[0-9a-v]{${TAIL_LENGTH}})?$`);

const HOLD = new RegExp(`^[0-9a-v]{${HOLD_LENGTH}}(?:\\.[1-9][0-9]*)?$`);

export interface CallIds {
  requestId: RequestId;
  holdId: HoldId;
}

export function freshIds(ids: Ids): CallIds {
  const hold = base32(ids.randomBits(HOLD_BITS), HOLD_LENGTH);
  return { requestId: requestId(`req_${hold}`), holdId: holdId(hold) };
}

export async function idempotentIds(principal: Principal, key: string, ids: Ids): Promise<CallIds> {
  const hold = await holdOfKey(principal, key);
  const tail = base32(ids.randomBits(TAIL_BITS), TAIL_LENGTH);
  return { requestId: requestId(`req_${hold}${tail}`), holdId: hold };
}

/** A hash of who calls and their idempotency key: the same key from anyone else is another call. */
export async function holdOfKey(principal: Principal, key: string): Promise<HoldId> {
  const digest = await sha256(`${principal.type}:${principal.id}\n${key}`);
  return holdId(base32(BigInt(`0x${digest}`) >> BigInt(256 - HOLD_BITS), HOLD_LENGTH));
}

/** A voided call leaves its idempotency key free: what is called under it next has the hold id of the next generation. */
export const generationOf = (base: HoldId, generation: number): HoldId =>
  generation === 0 ? base : holdId(`${base}.${generation}`);

/** The hold that a request id names; undefined for text that is no request id. */
export function holdOfRequest(text: string): HoldId | undefined {
  const match = REQUEST.exec(text);
  return match ? holdId(match[1]!) : undefined;
}

/** True of the id of a hold, of whatever generation. */
export const isHoldId = (text: string): boolean => HOLD.test(text);

/** Hex SHA-256 of a text's UTF-8 bytes, or of bytes. */
export async function sha256(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const base32 = (value: bigint, length: number): string => value.toString(32).padStart(length, '0');
