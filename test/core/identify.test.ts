import { describe, expect, it, test, vi } from 'vitest';
import { keyFrom } from '../../lambdas/core/directory/app-keys.ts';
import type { AppKey } from '../../lambdas/core/directory/directory.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { identify, type Caller, type TokenVerifier } from '../../lambdas/core/steps/identify.ts';
import { NOON } from '../support/worlds.ts';

/** What each key is allowed, in the words of `POST /admin/v1/keys`. All are of the app web, team growth. */
const KEYS = {
  plain: { scopes: ['call'], user: null, requireUser: false },
  strict: { scopes: ['call'], user: null, requireUser: true },
  delegate: { scopes: ['call', 'delegate'], user: null, requireUser: false },
  strictDelegate: { scopes: ['call', 'delegate'], user: null, requireUser: true },
  alices: { scopes: ['call'], user: 'alice', requireUser: false },
  alicesDelegate: { scopes: ['call', 'delegate'], user: 'alice', requireUser: false },
  admin: { scopes: ['admin'], user: 'boss', requireUser: false },
  delegateOnly: { scopes: ['delegate'], user: null, requireUser: false },
} as const satisfies Record<
  string,
  { scopes: readonly AppKey['scopes'][number][]; user: string | null; requireUser: boolean }
>;
type KeyName = keyof typeof KEYS;

const made = new Map<string, AppKey & { key: string }>();
for (const [i, [name, { scopes, ...more }]] of Object.entries(KEYS).entries()) {
  const { id, key, hash } = await keyFrom('test', { id: BigInt(i), secret: 9_000_000n + BigInt(i) });
  made.set(name, {
    id,
    key,
    hash,
    app: 'web',
    team: 'growth',
    scopes: [...scopes],
    ...more,
    createdAt: NOON,
  });
}
const secret = (name: KeyName): string => made.get(name)!.key;
const idOf = (name: KeyName): string => made.get(name)!.id;
/** The right id and a right checksum over a wrong secret. */
const FORGED = (await keyFrom('test', { id: 0n, secret: 1n })).key;
const STRANGER = (await keyFrom('test', { id: 99n, secret: 99n })).key;

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYXJvbCJ9.c2ln';
const verifier: TokenVerifier = {
  verify: async (token) => (token === TOKEN ? { user: 'carol', app: 'chat', team: 'desk' } : undefined),
};

interface World {
  verifier?: TokenVerifier | undefined;
  /** Users whom the directory knows. */
  teams?: Record<string, string>;
}
async function identified(headers: Record<string, string>, world: World = {}) {
  const byId = new Map([...made.values()].map((key) => [key.id, key]));
  const keyById = vi.fn(async (id: string) => byId.get(id));
  const stepped = await identify(new Headers(headers), {
    directory: { keyById, teamOf: async (user) => world.teams?.[user] },
    policy: parsePolicy({}),
    verifier: 'verifier' in world ? world.verifier : verifier,
  });
  return { stepped, reads: keyById.mock.calls.length };
}
async function caller(headers: Record<string, string>, world?: World): Promise<Caller> {
  const { stepped } = await identified(headers, world);
  if (!stepped.ok) throw new Error(`${stepped.refusal.code}: ${stepped.refusal.message}`);
  return stepped.value;
}
async function refusal(headers: Record<string, string>, world?: World) {
  const { stepped } = await identified(headers, world);
  return stepped.ok ? 'passed' : stepped.refusal;
}
const bearer = (name: KeyName, more: Record<string, string> = {}) => ({
  authorization: `Bearer ${secret(name)}`,
  ...more,
});

describe('the credential', () => {
  it.each<[string, Record<string, string>]>([
    ['Authorization', { authorization: `Bearer ${secret('alices')}` }],
    ['Authorization, in lower case', { authorization: `bearer ${secret('alices')}` }],
    ['x-api-key', { 'x-api-key': secret('alices') }],
    ['api-key', { 'api-key': secret('alices') }],
    ['x-goog-api-key', { 'x-goog-api-key': secret('alices') }],
    ['two headers that agree', bearer('alices', { 'x-api-key': secret('alices') })],
    ['a header and an empty one', bearer('alices', { 'x-api-key': '' })],
  ])('comes from %s', async (_what, headers) => {
    expect(await caller(headers)).toMatchObject({
      keyId: idOf('alices'),
      user: 'alice',
      app: 'web',
      team: 'growth',
    });
  });

  it.each<[string, Record<string, string>]>([
    ['Authorization and x-api-key', bearer('plain', { 'x-api-key': secret('alices') })],
    ['x-api-key and api-key', { 'x-api-key': secret('plain'), 'api-key': secret('alices') }],
    ['api-key and x-goog-api-key', { 'api-key': secret('plain'), 'x-goog-api-key': secret('alices') }],
    ["a provider's key beside ours", bearer('plain', { 'x-api-key': 'sk-ant-api03-abc' })],
  ])('%s that disagree: 400', async (_what, headers) => {
    const { stepped, reads } = await identified(headers);
    expect(stepped).toMatchObject({ ok: false, refusal: { code: 'invalid_request' } });
    expect(reads).toBe(0);
  });

  it.each<[string, Record<string, string>, number]>([
    ['none', {}, 0],
    ['an empty one', { authorization: 'Bearer ' }, 0],
    ['another scheme', { authorization: `Basic ${secret('plain')}` }, 0],
    ["a provider's", { authorization: 'Bearer sk-proj-abc' }, 0],
    ['one with a wrong checksum', { 'x-api-key': `${secret('plain').slice(0, -1)}_` }, 0],
    ['one that nobody has', { 'x-api-key': STRANGER }, 1],
    ['one with another secret', { 'x-api-key': FORGED }, 1],
    ['a forged token', { authorization: `Bearer ${TOKEN}x` }, 0],
  ])('%s: 401, junk without a read', async (_what, headers, wanted) => {
    const { stepped, reads } = await identified(headers);
    expect(stepped).toMatchObject({ ok: false, refusal: { code: 'invalid_api_key' } });
    expect(reads).toBe(wanted);
  });

  it.each<KeyName>(['admin', 'delegateOnly'])(
    '%s, without the scope "call", makes no calls',
    async (name) => {
      expect(await refusal(bearer(name))).toMatchObject({ code: 'invalid_api_key' });
    },
  );
});

describe('the user', () => {
  it.each<[KeyName, string | undefined, string | null]>([
    ['plain', undefined, null],
    ['delegate', undefined, null],
    ['delegate', 'bob', 'bob'],
    ['delegate', 'bob@example.com', 'bob@example.com'],
    ['strictDelegate', 'bob', 'bob'],
    ['alices', undefined, 'alice'],
    ['alices', 'alice', 'alice'],
    ['alicesDelegate', undefined, 'alice'],
    ['alicesDelegate', 'alice', 'alice'],
  ])('of key %s with x-spendcap-user %s is %s', async (name, named, user) => {
    const headers = bearer(name, named === undefined ? {} : { 'x-spendcap-user': named });
    const principal = user === null ? { type: 'app', id: 'web' } : { type: 'user', id: user };
    expect(await caller(headers)).toMatchObject({ user, principal, app: 'web', team: 'growth' });
  });

  it.each<[KeyName, string | undefined, string]>([
    ['strict', undefined, 'user_required'],
    ['strictDelegate', undefined, 'user_required'],
    ['plain', 'bob', 'delegate_required'],
    ['strict', 'bob', 'delegate_required'],
    ['alices', 'bob', 'delegate_required'],
    ['alices', 'Alice', 'delegate_required'],
    ['plain', 'a b', 'delegate_required'],
    ['delegate', 'a b', 'invalid_request'],
    ['delegate', 'bob/summarise', 'invalid_request'],
    ['delegate', 'bob#1', 'invalid_request'],
    ['delegate', '', 'invalid_request'],
    ['delegate', '*', 'invalid_request'],
    ['delegate', 'b'.repeat(129), 'invalid_request'],
  ])('of key %s with x-spendcap-user %j: %s', async (name, named, code) => {
    const headers = bearer(name, named === undefined ? {} : { 'x-spendcap-user': named });
    expect(await refusal(headers)).toMatchObject({ code });
  });

  test("a key of one's own is never used for somebody else, delegate or not", async () => {
    const stepped = await refusal(bearer('alicesDelegate', { 'x-spendcap-user': 'bob' }));
    expect(stepped).toMatchObject({ code: 'delegate_required' });
  });
});

describe('the team', () => {
  const TEAMS = { alice: 'research', carol: 'research' };
  const token = { authorization: `Bearer ${TOKEN}` };

  it.each<[string, Record<string, string>, string]>([
    ["is the user's own", bearer('alices'), 'research'],
    ["is the user's own, whoever names them", bearer('delegate', { 'x-spendcap-user': 'alice' }), 'research'],
    ["is the key's for a user of none", bearer('delegate', { 'x-spendcap-user': 'bob' }), 'growth'],
    ["is the key's for the app itself", bearer('plain'), 'growth'],
    ["is the user's own before the token's", token, 'research'],
  ])('%s', async (_what, headers, team) => {
    expect(await caller(headers, { teams: TEAMS })).toMatchObject({ team });
  });

  test("is the token's for a user of none", async () => {
    expect(await caller(token)).toMatchObject({ team: 'desk' });
  });
});

describe('a verified token', () => {
  test("names its user, and its issuer's app and team", async () => {
    expect(await caller({ authorization: `Bearer ${TOKEN}` })).toMatchObject({
      user: 'carol',
      principal: { type: 'user', id: 'carol' },
      app: 'chat',
      team: 'desk',
    });
  });

  it.each([
    ['carol', 'passed'],
    ['bob', 'delegate_required'],
  ])('with x-spendcap-user %s: %s', async (named, ending) => {
    const stepped = await refusal({ authorization: `Bearer ${TOKEN}`, 'x-spendcap-user': named });
    expect(stepped === 'passed' ? stepped : stepped.code).toBe(ending);
  });

  test('counts for nothing where no issuer is configured', async () => {
    const stepped = await refusal({ authorization: `Bearer ${TOKEN}` }, { verifier: undefined });
    expect(stepped).toMatchObject({ code: 'invalid_api_key' });
  });

  test('is not asked for when the credential is an app key', async () => {
    const verify = vi.fn((token: string) => verifier.verify(token));
    await caller(bearer('plain'), { verifier: { verify } });
    await refusal({ 'x-api-key': FORGED }, { verifier: { verify } });
    expect(verify).not.toHaveBeenCalled();
  });

  test('that cannot be checked lets nobody in', async () => {
    const down: TokenVerifier = { verify: () => Promise.reject(new Error('keys not fetched')) };
    await expect(refusal({ authorization: `Bearer ${TOKEN}` }, { verifier: down })).rejects.toThrow(
      'keys not fetched',
    );
  });
});
