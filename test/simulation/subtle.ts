/**
 * Node computes digests and signatures of Web Crypto on a thread of its own, which virtual time cannot wait for. Here
 * the same are computed at once.
 */
import { createHash, createHmac } from 'node:crypto';

const replace = (name: keyof SubtleCrypto, value: unknown): void =>
  void Object.defineProperty(globalThis.crypto.subtle, name, { value });

replace('digest', async (_name: string, data: Uint8Array) => createHash('sha256').update(data).digest());
/** The raw bytes stand for the key. */
replace('importKey', async (_format: string, key: Uint8Array) => key);
replace('sign', async (_name: string, key: Uint8Array, data: Uint8Array) =>
  createHmac('sha256', key).update(data).digest(),
);
