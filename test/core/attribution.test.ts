/** The rest of step 2: app, feature, tags, what the caller forbids, idempotency. */
import { describe, expect, it } from 'vitest';
import { keyFrom } from '../../lambdas/core/directory/app-keys.ts';
import type { AppKey } from '../../lambdas/core/directory/directory.ts';
import { parsePolicy, type PolicyInput } from '../../lambdas/core/policy/policy.ts';
import type { Refusal } from '../../lambdas/core/refusals.ts';
import { identify, type Caller } from '../../lambdas/core/steps/identify.ts';
import { NOON } from '../support/worlds.ts';

const { id, key, hash } = await keyFrom('test', { id: 1n, secret: 2n });
const WEB: AppKey = {
  id,
  hash,
  app: 'web',
  team: 'growth',
  scopes: ['call'],
  user: 'alice',
  requireUser: true,
  createdAt: NOON,
};

async function called(headers: Record<string, string>, policy: PolicyInput = {}): Promise<Caller | Refusal> {
  const stepped = await identify(new Headers({ 'x-api-key': key, ...headers }), {
    directory: { keyById: async () => WEB, teamOf: async () => undefined },
    policy: parsePolicy(policy),
    verifier: undefined,
  });
  return stepped.ok ? stepped.value : stepped.refusal;
}

describe('app and feature', () => {
  const features: PolicyInput = { apps: [{ id: 'web', team: 'growth', features: ['summarise', 'chat'] }] };
  const others: PolicyInput = { apps: [{ id: 'other', team: 'desk', features: ['chat'] }] };

  it.each<[string | undefined, PolicyInput, string]>([
    [undefined, {}, 'default'],
    ['anything', {}, 'anything'],
    [undefined, features, 'default'],
    ['default', features, 'default'],
    ['summarise', features, 'summarise'],
    ['anything', others, 'anything'],
  ])('feature %s, declared %j: %s', async (named, policy, feature) => {
    const headers: Record<string, string> = named === undefined ? {} : { 'x-spendcap-feature': named };
    expect(await called(headers, policy)).toMatchObject({ feature });
  });

  it.each<[string, PolicyInput, RegExp]>([
    ['translate', features, /"translate".*default, summarise, chat/],
    ['Summarise', features, /"Summarise"/],
    ['a/b', {}, /"a\/b"/],
    ['a b', {}, /"a b"/],
    ['', {}, /""/],
  ])('feature %j is refused', async (feature, policy, message) => {
    const refusal = await called({ 'x-spendcap-feature': feature }, policy);
    expect(refusal).toMatchObject({ code: 'invalid_request' });
    expect('message' in refusal && refusal.message).toMatch(message);
  });

  it.each([
    ['web', { app: 'web', team: 'growth' }],
    ['other', { code: 'invalid_api_key' }],
  ])('where apps must be declared and %s is', async (app, ending) => {
    expect(await called({}, { declaredAppsOnly: true, apps: [{ id: app, team: 'desk' }] })).toMatchObject(
      ending,
    );
  });
});

describe('tags', () => {
  it.each<[Record<string, string>, Record<string, string>]>([
    [{}, {}],
    [
      { 'x-spendcap-tag-ticket': 'A-17', 'X-Spendcap-Tag-Run': '7' },
      { ticket: 'A-17', run: '7' },
    ],
    [
      { 'x-spendcap-tag-cost_centre': '42', 'x-spendcap-tag-a.b': '' },
      { cost_centre: '42', 'a.b': '' },
    ],
    [{ 'x-spendcap-tags': 'no', 'x-tag-a': 'no', 'x-spendcap-clamp': 'never' }, {}],
    [{ 'x-spendcap-tag-long': 'x'.repeat(100) }, { long: 'x'.repeat(100) }],
    [{ [`x-spendcap-tag-${'n'.repeat(40)}`]: '1' }, { ['n'.repeat(40)]: '1' }],
  ])('%j are %j', async (headers, tags) => {
    expect(await called(headers)).toHaveProperty('tags', tags);
  });

  it('keep each name, also one that objects have of their own', async () => {
    const caller = await called({ 'x-spendcap-tag-__proto__': 'x', 'x-spendcap-tag-constructor': 'y' });
    expect('tags' in caller && Object.entries(caller.tags).sort()).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-spendcap-tag-t${i}`, 'v']));

  it('are ten at most', async () => {
    const caller = await called(many(10));
    expect('tags' in caller && Object.keys(caller.tags)).toHaveLength(10);
  });

  it.each<[string, Record<string, string>]>([
    ['eleven', many(11)],
    ['one too long', { 'x-spendcap-tag-a': 'x'.repeat(101) }],
    // Dropped without a word, they would be missed in the bill.
    ['a name too long', { [`x-spendcap-tag-${'n'.repeat(41)}`]: 'v' }],
    ['a name of other characters', { 'x-spendcap-tag-a!': 'v' }],
    ['no name', { 'x-spendcap-tag-': 'v' }],
  ])('%s are refused', async (_what, headers) => {
    expect(await called(headers)).toMatchObject({ code: 'invalid_request' });
  });
});

describe('the two changes that Spendcap may make to a call', () => {
  const never: PolicyInput = { apps: [{ id: 'web', team: 'growth', clamp: false }] };
  const noFallback: PolicyInput = { apps: [{ id: 'web', team: 'growth', fallback: false }] };
  const others: PolicyInput = { apps: [{ id: 'other', team: 'growth', clamp: false }] };

  it.each<[string, Record<string, string>, PolicyInput, boolean, boolean]>([
    ['nothing said', {}, {}, true, true],
    ['clamping forbidden', { 'x-spendcap-clamp': 'never' }, {}, false, true],
    ['fallback forbidden', { 'x-spendcap-fallback': 'never' }, {}, true, false],
    ['both forbidden', { 'x-spendcap-clamp': 'never', 'x-spendcap-fallback': 'never' }, {}, false, false],
    ['clamping forbidden by the policy', {}, never, false, true],
    ['fallback forbidden by the policy', {}, noFallback, true, false],
    ["clamping forbidden by another app's policy", {}, others, true, true],
  ])('%s', async (_what, headers, policy, clampAllowed, fallbackAllowed) => {
    expect(await called(headers, policy)).toMatchObject({ clampAllowed, fallbackAllowed });
  });
});

describe('an idempotency key', () => {
  it.each([
    [undefined, undefined],
    ['0b6c2c9e-7d0e-4f1c-9d2a-6d3f7c1b2a3e', '0b6c2c9e-7d0e-4f1c-9d2a-6d3f7c1b2a3e'],
    ['!~', '!~'],
    ['k'.repeat(255), 'k'.repeat(255)],
  ])('%s is taken as it is', async (sent, taken) => {
    const headers: Record<string, string> = sent === undefined ? {} : { 'Idempotency-Key': sent };
    expect(await called(headers)).toHaveProperty('idempotencyKey', taken);
  });

  it.each(['', 'a b', 'clé', 'k'.repeat(256)])('%j is refused', async (sent) => {
    expect(await called({ 'Idempotency-Key': sent })).toMatchObject({ code: 'invalid_request' });
  });
});
