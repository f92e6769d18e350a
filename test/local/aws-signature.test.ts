/** Calls that are signed in place of carrying a key: checked as AWS does, from the definition of the signature. */
import { describe, expect, it } from 'vitest';
import { awsSigner } from '../../lambdas/adapters/upstream/aws-signature.ts';
import { HttpUpstream } from '../../lambdas/adapters/upstream/http-upstream.ts';
import { ProviderUpstream } from '../../lambdas/runtime/provider-upstream.ts';
import { bedrockCredential } from '../../local/bedrock-credential.ts';
import { CREDENTIALS, signatureOf } from '../support/iam-front.ts';
import { answered, cleanups, httpServer, post } from '../support/socket-servers.ts';

const identity = {
  accessKeyId: CREDENTIALS.AWS_ACCESS_KEY_ID,
  secretAccessKey: CREDENTIALS.AWS_SECRET_ACCESS_KEY,
  sessionToken: 'token//example+==',
};
const sign = awsSigner({
  service: 'bedrock',
  region: 'eu-west-1',
  credentials: () => Promise.resolve(identity),
});

/** Answers with whether the signature holds. */
const checking = () =>
  httpServer((request, response, body) => {
    const expected = signatureOf({
      ...{ method: request.method!, target: request.url!, headers: request.headers, body: Buffer.from(body) },
      ...{ secret: identity.secretAccessKey, scope: 'eu-west-1/bedrock' },
    });
    const given = /Signature=(\w+)$/.exec(request.headers.authorization ?? '')?.[1];
    response.writeHead(expected !== undefined && expected === given ? 200 : 403).end();
  });

describe('a signed call', () => {
  it.each([
    ['/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse', '{"text":"grüße"}'],
    ['/model/a/converse?b=2&a=1%20x', '{}'],
    ['/model/a/converse-stream', ''],
  ])('%s holds', async (path, body) => {
    const { origin, requests } = await checking();
    const upstream = new HttpUpstream({ bedrock: { origin, apiKey: undefined, sign } });
    cleanups.push(() => upstream.close());
    expect(answered(await upstream.send('bedrock', post({ path, body }))).status).toBe(200);
    expect(requests[0]!.headers).toMatchObject({
      'x-amz-security-token': identity.sessionToken,
      'content-type': 'application/json',
    });
  });

  it('is not sent where there is nothing to sign with', async () => {
    const { origin, requests } = await checking();
    const nothing = awsSigner({
      ...{ service: 'bedrock', region: 'eu-west-1' },
      credentials: () => Promise.reject(new Error('no credentials')),
    });
    const upstream = new HttpUpstream({ bedrock: { origin, apiKey: undefined, sign: nothing } });
    cleanups.push(() => upstream.close());
    expect(await upstream.send('bedrock', post())).toEqual({
      kind: 'not_sent',
      reason: 'it cannot be signed: no credentials',
    });
    expect(requests).toEqual([]);
  });

  it('is not sent where it is aborted while it is signed', async () => {
    const { origin, requests } = await checking();
    const abort = new AbortController();
    const leaving = awsSigner({
      ...{ service: 'bedrock', region: 'eu-west-1' },
      credentials: () => {
        abort.abort();
        return Promise.resolve(identity);
      },
    });
    const upstream = new HttpUpstream({ bedrock: { origin, apiKey: undefined, sign: leaving } });
    cleanups.push(() => upstream.close());
    expect(await upstream.send('bedrock', post({ signal: abort.signal }))).toEqual({
      kind: 'not_sent',
      reason: 'aborted before it was sent',
    });
    expect(requests).toEqual([]);
  });

  it('needs no key, and no secret with keys', async () => {
    const { origin } = await checking();
    const upstream = new ProviderUpstream({
      origins: { bedrock: origin, openai: origin },
      currentKeys: () => Promise.reject(new Error('no secret')),
      report: () => undefined,
      signers: { bedrock: sign },
    });
    expect(answered(await upstream.send('bedrock', post())).status).toBe(200);
    expect(await upstream.send('openai', post())).toMatchObject({ kind: 'not_sent' });
  });
});

describe('on this machine', () => {
  const AWS = 'https://bedrock-runtime.eu-west-1.amazonaws.com';

  it.each([
    ['a key of its own', { SPENDCAP_BEDROCK_API_KEY: 'own', AWS_BEARER_TOKEN_BEDROCK: 'aws' }, 'own'],
    ["AWS's variable", { AWS_BEARER_TOKEN_BEDROCK: 'aws' }, 'aws'],
  ])('%s is taken', (_, environment, apiKey) => {
    expect(bedrockCredential(AWS, environment)).toEqual({ apiKey });
  });

  it('credentials of AWS sign for the region of the address, or of the environment', async () => {
    expect(bedrockCredential(AWS, {}).sign).toBeTypeOf('function');
    expect(bedrockCredential('http://127.0.0.1:9', { AWS_REGION: 'eu-west-1' }).sign).toBeTypeOf('function');
  });

  it('a relay without a region gets nothing', () => {
    expect(bedrockCredential('http://127.0.0.1:9', {})).toEqual({ apiKey: undefined });
  });
});
