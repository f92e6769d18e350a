/**
 * App keys: `sck_<env>_<key id>_<secret><checksum>`. A recognisable prefix for secret scanners, a checksum that
 * rejects junk before anything is read, and only the SHA-256 of the whole is kept.
 */
import crc32 from 'crc-32';
import QuickLRU from 'quick-lru';
import type { Ids } from '../ports.ts';
import { sha256 } from '../request-ids.ts';

const KEY = /^sck_([a-z]{1,12})_([0-9A-Za-z]{12})_([0-9A-Za-z]{30})([0-9A-Za-z]{6})$/;
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const KEY_ID_LENGTH = 12;
const SECRET_LENGTH = 30;
const CHECKSUM_LENGTH = 6;

export interface NewKey {
  /** `key_<key id>`: what the API calls it. */
  id: string;
  /** Shown once. */
  key: string;
  hash: string;
}

export function makeKey(env: string, ids: Ids): Promise<NewKey> {
  return keyFrom(env, { id: ids.randomBits(KEY_ID_LENGTH * 6), secret: ids.randomBits(SECRET_LENGTH * 6) });
}

/** The key that these numbers make; of more bits than a part has room for, the lowest count. */
export async function keyFrom(env: string, part: { id: bigint; secret: bigint }): Promise<NewKey> {
  const keyId = base62(part.id, KEY_ID_LENGTH);
  const body = `sck_${env}_${keyId}_${base62(part.secret, SECRET_LENGTH)}`;
  const key = body + checksum(body);
  return { id: `key_${keyId}`, key, hash: await sha256(key) };
}

/** The id of a well-formed key; undefined for junk, without a read. */
export function keyIdOf(text: string): string | undefined {
  const match = KEY.exec(text);
  if (!match) return undefined;
  const body = text.slice(0, -CHECKSUM_LENGTH);
  return checksum(body) === match[4] ? `key_${match[2]!}` : undefined;
}

const HASHES_KEPT_MAX = 10_000;
const hashes = new QuickLRU<string, Promise<string>>({ maxSize: HASHES_KEPT_MAX });

/** The hash that a key is stored as. Kept in memory: hashing is slower than all else that a known key takes. */
export function hashOfKey(key: string): Promise<string> {
  const known = hashes.get(key);
  if (known) return known;
  const hash = sha256(key);
  hashes.set(key, hash);
  return hash;
}

/** Compares without telling by its time where two texts differ. */
export function isSame(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

function checksum(body: string): string {
  const unsigned = crc32.buf(new TextEncoder().encode(body)) >>> 0;
  return base62(BigInt(unsigned), CHECKSUM_LENGTH);
}

function base62(value: bigint, length: number): string {
  let text = '';
  let rest = value;
  for (let i = 0; i < length; i += 1) {
    text = BASE62[Number(rest % 62n)]! + text;
    rest /= 62n;
  }
  return text;
}
