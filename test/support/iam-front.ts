/**
 * Stands before a local Spendcap as API Gateway with IAM authorization stands before the admin function: it checks
 * signatures from their definition, and hands on what is signed. Its stage is part of the path. Refusals are the
 * deployed API's own, with the header in which AWS names the error.
 */
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GATEWAY_ANSWERS } from '../../lib/constructs/gateway/gateway-responses.ts';

export const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret+example/key' };

export interface IamFront {
  /** As the stack's output `Url`. */
  url: string;
  close(): Promise<void>;
}

export async function startIamFront({
  url,
  adminKey,
  sessionToken,
}: {
  url: string;
  adminKey: string;
  sessionToken: string | undefined;
}): Promise<IamFront> {
  const front = createServer((request, response) => {
    void (async () => {
      const body = Buffer.concat((await request.toArray()) as Buffer[]);
      const refusal = refusalOf(request, body, sessionToken);
      if (refusal) {
        const { code, message } = GATEWAY_ANSWERS[refusal.answer]!;
        response.writeHead(403, { 'x-amzn-errortype': refusal.awsError });
        response.end(JSON.stringify({ type: 'error', error: { type: code, code, message, param: null } }));
        return;
      }
      const answer = await fetch(url + request.url!.replace('/prod', ''), {
        method: request.method!,
        headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
        ...(body.length > 0 && { body }),
      });
      response.writeHead(answer.status).end(await answer.text());
    })();
  }).listen(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}/prod/`,
    close: async () => {
      front.closeAllConnections();
      front.close();
      await once(front, 'close');
    },
  };
}

interface Refusal {
  awsError: string;
  answer: keyof typeof GATEWAY_ANSWERS;
}

/** The order is AWS's: who it is, whether the session holds, whether the signature does. */
function refusalOf(
  request: IncomingMessage,
  body: Buffer,
  sessionToken: string | undefined,
): Refusal | undefined {
  const { authorization = '' } = request.headers;
  if (!authorization.startsWith('AWS4-HMAC-SHA256 '))
    return { awsError: 'MissingAuthenticationTokenException', answer: 'MissingAuthenticationToken' };
  if (!authorization.includes(`Credential=${CREDENTIALS.AWS_ACCESS_KEY_ID}/`))
    return { awsError: 'UnrecognizedClientException', answer: 'Default4xx' };
  if (request.headers['x-amz-security-token'] !== sessionToken)
    return { awsError: 'ExpiredTokenException', answer: 'ExpiredToken' };
  const expected = signatureOf({
    ...{ method: request.method!, target: request.url!, headers: request.headers, body },
    ...{ secret: CREDENTIALS.AWS_SECRET_ACCESS_KEY, scope: 'us-east-1/execute-api' },
  });
  if (expected === undefined || expected !== /Signature=(\w+)$/.exec(authorization)?.[1])
    return { awsError: 'InvalidSignatureException', answer: 'InvalidSignature' };
  return undefined;
}

export interface SignedRequest {
  method: string;
  /** Path and query as they arrived. */
  target: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  secret: string;
  /** Region and service. */
  scope: string;
}

/**
 * Signature Version 4, from its definition. Undefined where the request is signed for something else, or its host is
 * not. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signatureOf({
  method,
  target,
  headers,
  body,
  secret,
  scope,
}: SignedRequest): string | undefined {
  const { authorization = '', 'x-amz-date': time } = headers;
  const [, credential] = /Credential=\w+\/(\d{8}\/[\w/-]+\/aws4_request)/.exec(authorization) ?? [];
  const [, signed] = /SignedHeaders=([\w;-]+)/.exec(authorization) ?? [];
  if (credential === undefined || credential.slice('20150830/'.length) !== `${scope}/aws4_request`)
    return undefined;
  if (signed === undefined || !signed.split(';').includes('host')) return undefined;
  const [path = '', query = ''] = target.split('?');
  const canonical = [
    ...[method, encoded(path).replaceAll('%2F', '/'), canonicalQuery(query)],
    signed
      .split(';')
      .map((name) => `${name}:${String(headers[name]).trim()}\n`)
      .join(''),
    ...[signed, sha256(body)],
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, credential, sha256(canonical)].join('\n');
  const key = credential.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return hmac(key, toSign).toString('hex');
}

/** Decoded, encoded anew and sorted. */
const canonicalQuery = (query: string): string =>
  query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split('=').map((part) => encoded(decodeURIComponent(part))))
    .map(([name = '', value = '']) => `${name}=${value}`)
    .sort()
    .join('&');

const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
