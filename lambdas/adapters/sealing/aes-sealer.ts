/**
 * Port Sealer by AES-256-GCM, over compressed text. Sealed: `<id of the key>.<base64url of nonce, ciphertext and tag>`.
 * The key is derived from a secret that its owner may change at any time; what was sealed before stays shut then.
 */
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Sealer } from '../../core/ports.ts';

type Bytes = Uint8Array<ArrayBuffer>;

interface SealingKey {
  id: string;
  key: CryptoKey;
}

const NONCE_LENGTH = 12;
const KEY_ID_BITS = 64;
/** Random text of fewer characters would be the weakest part. */
export const SECRET_LENGTH_MIN = 32;

const deflate = promisify<Uint8Array, Buffer<ArrayBuffer>>(deflateRaw);
const inflate = promisify<Uint8Array, Buffer<ArrayBuffer>>(inflateRaw);

export class AesSealer implements Sealer {
  readonly #secret: () => Promise<string>;
  #derived: { secret: string; key: Promise<SealingKey> } | undefined;

  /** `secret` is asked for each time, and keeps its own copy as long as it likes. */
  constructor({ secret }: { secret: () => Promise<string> }) {
    this.#secret = secret;
  }

  async seal(plain: Bytes, context: string): Promise<string> {
    const { id, key } = await this.#key();
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH));
    const encrypted = await crypto.subtle.encrypt(parameters(nonce, context), key, await deflate(plain));
    return `${id}.${Buffer.concat([nonce, new Uint8Array(encrypted)]).toString('base64url')}`;
  }

  async open(sealed: string, context: string): Promise<Bytes | undefined> {
    const { id, key } = await this.#key();
    const [sealedBy, text] = sealed.split('.') as [string, string];
    if (sealedBy !== id) return undefined;
    const bytes = Buffer.from(text, 'base64url');
    const nonce = bytes.subarray(0, NONCE_LENGTH);
    try {
      const packed = await crypto.subtle.decrypt(
        parameters(nonce, context),
        key,
        bytes.subarray(NONCE_LENGTH),
      );
      return await inflate(new Uint8Array(packed));
    } catch (error) {
      if ((error as Error).name === 'OperationError') return undefined; // another context, or changed since
      throw error;
    }
  }

  async #key(): Promise<SealingKey> {
    const secret = await this.#secret();
    if (secret.length < SECRET_LENGTH_MIN) {
      throw new Error(
        `the secret that answers are sealed with has fewer than ${SECRET_LENGTH_MIN} characters`,
      );
    }
    if (this.#derived?.secret !== secret) this.#derived = { secret, key: derive(secret) };
    return this.#derived.key;
  }
}

const parameters = (iv: Bytes, context: string) => ({
  name: 'AES-GCM',
  iv,
  additionalData: new TextEncoder().encode(context),
});

async function derive(secret: string): Promise<SealingKey> {
  const encoder = new TextEncoder();
  const base = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, [
    'deriveKey',
    'deriveBits',
  ]);
  const from = (info: string) => ({
    name: 'HKDF',
    hash: 'SHA-256',
    salt: new Uint8Array(),
    info: encoder.encode(`spendcap stored answers: ${info}`),
  });
  const aes = { name: 'AES-GCM', length: 256 };
  return {
    id: Buffer.from(await crypto.subtle.deriveBits(from('key id'), base, KEY_ID_BITS)).toString('hex'),
    key: await crypto.subtle.deriveKey(from('key'), base, aes, false, ['encrypt', 'decrypt']),
  };
}
