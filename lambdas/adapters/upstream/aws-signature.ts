/** Signature Version 4 for calls to AWS, by the SDK's own signer. */
import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Signer } from './http-upstream.ts';

export interface AwsSigning {
  service: string;
  region: string;
  /** Asked at every call: the SDK's providers keep what is still good. */
  credentials: ConstructorParameters<typeof SignatureV4>[0]['credentials'];
}

export function awsSigner({ service, region, credentials }: AwsSigning): Signer {
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  return async ({ method, origin, path, headers, body }) => {
    const { protocol, host, hostname, pathname, searchParams } = new URL(path, origin);
    const { headers: signed } = await signer.sign({
      ...{ method, protocol, hostname, path: pathname, body, query: Object.fromEntries(searchParams) },
      headers: { ...headers, host },
    });
    return Object.entries(signed).filter(([name]) => !Object.hasOwn(headers, name) && name !== 'host');
  };
}

class Sha256 {
  readonly #hash: ReturnType<typeof createHash | typeof createHmac>;

  constructor(secret?: Bytes) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }
  update(data: Bytes): void {
    this.#hash.update(bytesOf(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

type Bytes = string | ArrayBuffer | ArrayBufferView;

function bytesOf(data: Bytes): string | Uint8Array {
  if (typeof data === 'string') return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
