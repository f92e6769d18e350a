/** The deployed admin API as an operator's tools reach it: every request signed (SigV4) for `execute-api`. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { CREDENTIALS, REGION } from '../emulator.ts';

export interface SignedAdmin {
  /** Throws where the answer is no success. */
  ask<T>(method: string, path: string, body?: object): Promise<T>;
}

export function signedAdmin(gatewayUrl: string): SignedAdmin {
  const signer = new SignatureV4({
    service: 'execute-api',
    region: REGION,
    credentials: CREDENTIALS,
    sha256: Sha256,
  });
  return {
    async ask<T>(method: string, path: string, body?: object): Promise<T> {
      const url = new URL(`${gatewayUrl}/admin/v1${path}`);
      const text = body && JSON.stringify(body);
      const { headers } = await signer.sign({
        ...{ method, protocol: url.protocol, hostname: url.hostname, path: url.pathname },
        query: Object.fromEntries(url.searchParams),
        headers: { host: url.host, 'content-type': 'application/json' },
        body: text,
      });
      const answer = await fetch(url, { method, headers, ...(text !== undefined && { body: text }) });
      const said = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${said}`);
      return JSON.parse(said) as T;
    },
  };
}
