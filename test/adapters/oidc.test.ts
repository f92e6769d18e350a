/** Tokens signed with real keys, checked against a real key set over HTTP. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oidcVerifier } from '../../lambdas/adapters/identity/oidc.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import type { TokenVerifier } from '../../lambdas/core/steps/identify.ts';

const ISSUER = 'https://login.example.com';
let server: Server;
let verifier: TokenVerifier;
let ours: CryptoKey;
let theirs: CryptoKey;
let published: JWK;

const issuersAt = (jwksUri: string) =>
  parsePolicy({
    oidcIssuers: [
      { issuer: ISSUER, audience: 'spendcap', jwksUri, userClaim: 'email', app: 'web', team: 'growth' },
    ],
  }).oidcIssuers;

beforeAll(async () => {
  const pair = await generateKeyPair('ES256');
  ours = pair.privateKey;
  theirs = (await generateKeyPair('ES256')).privateKey;
  published = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256' };
  server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: [published] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  verifier = oidcVerifier(issuersAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))!;
});
afterAll(() => {
  server.close();
});

const token = (changes: Record<string, unknown>, key = ours, expires = '5m'): Promise<string> =>
  new SignJWT({ email: 'alice@example.com', ...changes })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setIssuer((changes['iss'] as string | undefined) ?? ISSUER)
    .setAudience((changes['aud'] as string | undefined) ?? 'spendcap')
    .setExpirationTime(expires)
    .sign(key);

describe('a bearer token', () => {
  it('of a configured issuer names its user, and the app and team of the issuer', async () => {
    expect(await verifier.verify(await token({}))).toEqual({
      user: 'alice@example.com',
      app: 'web',
      team: 'growth',
    });
  });

  it.each<[string, () => Promise<string> | string]>([
    ['signed by somebody else', () => token({}, theirs)],
    ['that has expired', () => token({}, ours, '-2m')],
    ['for another audience', () => token({ aud: 'other' })],
    ['of another issuer', () => token({ iss: 'https://evil.example.com' })],
    ['without the user claim', () => token({ email: undefined })],
    ['whose user is no name', () => token({ email: 'a/b' })],
    [
      'without signature',
      () => new UnsecuredJWT({ email: 'x' }).setIssuer(ISSUER).setAudience('spendcap').encode(),
    ],
    ['that is junk', () => 'not.a.token'],
  ])('%s is nobody', async (_what, make) => {
    expect(await verifier.verify(await make())).toBeUndefined();
  });

  it('whose issuer cannot be asked is an error, not a stranger', async () => {
    const unreachable = oidcVerifier(issuersAt('http://127.0.0.1:9/keys'))!;
    await expect(unreachable.verify(await token({}))).rejects.toThrow();
  });

  it('is not looked at where no issuer is configured', () => {
    expect(oidcVerifier([])).toBeUndefined();
  });
});
