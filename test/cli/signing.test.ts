/** The CLI at a deployed admin API: which requests are signed, that the signatures hold, and what a refusal says. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signingRegion, type Sign } from '../../bin/cli/credential.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { startLocalServer, type LocalServer } from '../../local/server.ts';
import { CREDENTIALS, signatureOf, startIamFront, type IamFront } from '../support/iam-front.ts';
import { fakeServer, runCli, type FakeServer } from './run-cli.ts';

const API = 'https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/prod/';
const OWN = 'https://llm.example.com';

describe('what is signed', () => {
  const regionOf = (url: string, sign: Sign, environment: Record<string, string> = {}) =>
    signingRegion({ url: new URL(url), sign, environment });

  it.each<[string, Sign, Record<string, string>, string | undefined]>([
    [API, 'auto', {}, 'eu-central-1'],
    [API, 'aws', { AWS_REGION: 'us-east-1' }, 'eu-central-1'],
    [API, 'key', {}, undefined],
    ['https://a1.execute-api.us-gov-west-1.amazonaws.com', 'auto', {}, 'us-gov-west-1'],
    ['https://a1.execute-api.cn-north-1.amazonaws.com.cn/prod', 'auto', {}, 'cn-north-1'],
    // A name that only looks like it.
    ['https://a1.execute-api.us-east-1.amazonaws.com.example.com', 'auto', {}, undefined],
    ['http://127.0.0.1:8787', 'auto', { AWS_REGION: 'us-east-1' }, undefined],
    [OWN, 'auto', { AWS_REGION: 'us-east-1' }, undefined],
    [OWN, 'aws', { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'us-east-1' }, 'eu-west-1'],
    [OWN, 'aws', { AWS_REGION: '', AWS_DEFAULT_REGION: 'us-east-1' }, 'us-east-1'],
  ])('at %s with %s', (url, sign, environment, region) => {
    expect(regionOf(url, sign, environment)).toBe(region);
  });

  it('needs a region where the address has none', () => {
    expect(() => regionOf(OWN, 'aws')).toThrow('nothing says for which region');
  });
});

describe('the front that checks signatures', () => {
  // Published by AWS with the definition of Signature Version 4 (aws-sig-v4-test-suite).
  const published = { scope: 'us-east-1/service', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
  const headers = {
    ...{ host: 'example.amazonaws.com', 'x-amz-date': '20150830T123600Z' },
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=',
  };

  it.each([
    ['GET', '/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['POST', '/', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'GET',
      '/?Param2=value2&Param1=value1',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
  ])('finds what AWS published for %s %s', (method, target, signature) => {
    expect(signatureOf({ ...published, method, target, headers, body: Buffer.from('') })).toBe(signature);
  });

  it('knows a request for another region or service', () => {
    const request = { ...published, method: 'GET', target: '/', headers, body: Buffer.from('') };
    expect(signatureOf({ ...request, scope: 'eu-west-1/service' })).toBeUndefined();
    expect(signatureOf({ ...request, scope: 'us-east-1/execute-api' })).toBeUndefined();
  });
});

/** A home without AWS profiles: the run of a test must not find the developer's own. */
const home = mkdtempSync(join(tmpdir(), 'spendcap-home-'));
const signing = {
  HOME: home,
  SPENDCAP_SIGN: 'aws',
  AWS_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
};
let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer({
    ...{ host: '127.0.0.1', port: 0, dataDirectory: undefined, adminKey: undefined },
    ...{ upstreams: {}, policy: parsePolicy({}), report: () => undefined },
  });
});
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true });
});
let front: IamFront | undefined;
let fake: FakeServer | undefined;
afterEach(async () => {
  await front?.close();
  await fake?.close();
  front = fake = undefined;
});
const startFront = async (sessionToken?: string): Promise<string> => {
  front = await startIamFront({ ...server, sessionToken });
  return front.url;
};

describe('a signed CLI', () => {
  it.each([
    ['a user', undefined],
    ['a role', 'token//example+=='],
  ])('as %s makes keys and caps, and reads', async (_who, sessionToken) => {
    const SPENDCAP_URL = await startFront(sessionToken);
    const env = {
      ...{ ...signing, ...CREDENTIALS, SPENDCAP_URL, SPENDCAP_ADMIN_KEY: 'adm_of_another_server' },
      ...(sessionToken !== undefined && { AWS_SESSION_TOKEN: sessionToken }),
    };
    const run = async (...words: string[]): Promise<string> => {
      const { code, stdout, stderr } = await runCli(words, { env });
      expect(code, stderr).toBe(0);
      return stdout;
    };
    expect(await run('key', 'create', '--app', 'web', '--team', 'growth')).toMatch(/^sck_/);
    expect(await run('cap', 'set', 'user:alice', '--monthly', '20usd')).toContain('alice-month');
    // Names with what must be encoded, once on the wire and twice in the signature.
    const odd = ['cap', 'set', "user:o'neil(ops)+é@example.com", '--daily', '1usd', '--id', 'odd'];
    expect(await run(...odd)).toContain('odd');
    expect(await run('cap', 'get', 'odd')).toContain("o'neil");
    const from = ['--from', '2026-11-01T00:00:00+01:00'];
    expect(await run('usage', 'show', '--user', "o'neil(ops)+é@example.com~*", ...from)).toContain(
      'cost usd',
    );
    expect(await run('ledger', 'audit')).toContain('balanced');
    expect(await run('cap', 'delete', 'odd', '--yes')).toBe('');
    // Signed right, and only then found to be no cap.
    const { code, stderr } = await runCli(['cap', 'get', "o'neil (ops)+é@100%"], { env });
    expect(code).toBe(1);
    expect(stderr).toContain('id: use 1 to 64');
  });
});

describe('a refusal says what to do', () => {
  const list = (env: Record<string, string>) => runCli(['cap', 'list'], { env: { HOME: home, ...env } });

  it('where nothing was signed', async () => {
    const { code, stderr } = await list({ SPENDCAP_URL: await startFront(), SPENDCAP_ADMIN_KEY: 'adm_1' });
    expect(code).toBe(1);
    expect(stderr).toBe(
      'spendcap: Nothing is at this address, or it takes IAM-signed requests only.\nThis one is deployed on AWS: add --sign aws, or set SPENDCAP_SIGN=aws, to sign with your AWS credentials.\n',
    );
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'the secret key is another',
      { AWS_SECRET_ACCESS_KEY: 'other' },
      /does not match.*\nCheck the clock .*us-east-1/,
    ],
    ['the region is another', { AWS_REGION: 'eu-west-1' }, /does not match.*\nCheck the clock .*eu-west-1/],
    [
      'the session is over',
      { AWS_SESSION_TOKEN: 'old' },
      /is over\.\nYour AWS session is over: sign in again/,
    ],
    [
      'AWS does not know the key',
      { AWS_ACCESS_KEY_ID: 'AKIDOTHER' },
      /\nAWS does not know these credentials/,
    ],
  ])('where %s', async (_what, more, message) => {
    const { code, stderr } = await list({
      ...signing,
      ...CREDENTIALS,
      ...more,
      SPENDCAP_URL: await startFront(),
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  it.each<[number, object, RegExp]>([
    [
      403,
      { error: { code: 'access_denied', message: 'This request is not allowed.' } },
      /not allowed\.\nWho signs/,
    ],
    [
      403,
      { Message: 'User: x is not authorized' },
      /status 403\.\nWho signs .*execute-api:Invoke on arn:aws:/,
    ],
    [403, { message: 'Forbidden' }, /Forbidden\.\nWho signs/],
  ])('where IAM refuses, %i %j', async (status, body, message) => {
    fake = await fakeServer({ 'GET /prod/admin/v1/caps': [status, body] });
    const { code, stderr } = await list({ ...signing, ...CREDENTIALS, SPENDCAP_URL: `${fake.url}/prod/` });
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  it('where there are no credentials, and sends nothing', async () => {
    fake = await fakeServer({});
    const { code, stderr } = await list({ ...signing, SPENDCAP_URL: fake.url });
    expect(code).toBe(1);
    expect(stderr).toMatch(/There are no AWS credentials to sign with \(.*\)\.\nSign in as for the AWS CLI/);
    expect(fake.seen).toEqual([]);
  });

  it.each([
    [{ SPENDCAP_SIGN: 'aws', SPENDCAP_URL: OWN }, /Set AWS_REGION/],
    [{ SPENDCAP_SIGN: 'gcp' }, /auto, aws, key/],
    [{ SPENDCAP_URL: `${API}v1` }, /goes too far\.\nLeave \/v1 out/],
    [{ SPENDCAP_URL: `${API}admin/v1/` }, /Leave \/admin\/v1 out/],
  ])('before anything is sent: %j', async (env, message) => {
    const { code, stderr } = await list(env);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
