import { describe, expect, it, test } from 'vitest';
import {
  definePolicy,
  parsePolicy,
  PolicyInvalid,
  storesAnswers,
  type PolicyInput,
} from '../../lambdas/core/policy/policy.ts';

const MONTH = { id: 'pro', metric: 'usd', window: 'month', limit: '50.00' } as const;
const ISSUER = {
  issuer: 'https://login.example.com',
  audience: 'spendcap',
  jwksUri: 'https://login.example.com/keys',
  app: 'web',
  team: 'growth',
};

describe('a policy that leaves something open', () => {
  it.each<[string, PolicyInput, RegExp]>([
    [
      'two apps of one id',
      { apps: ['growth', 'sales'].map((team) => ({ id: 'web', team })) },
      /apps: "web" stands here twice/,
    ],
    [
      'two caps of one id',
      { caps: ['growth', 'sales'].map((id) => ({ ...MONTH, scope: { type: 'team' as const, id } })) },
      /caps: "pro" stands here twice/,
    ],
    [
      'a cap of users beside the plans',
      { caps: [{ ...MONTH, scope: { type: 'user', id: '*' } }] },
      /caps\.0\.scope\.type: "pro" is a cap of users: put it into plans\.default\.caps, or into a plan/,
    ],
    ['a user for everybody', { users: [{ id: '*', plan: 'default' }] }, /users\.0\.id: "\*" is no user/],
  ])('%s is refused', (_what, input, message) => {
    expect(() => parsePolicy(input)).toThrow(message);
  });
});

describe('a policy', () => {
  test('without a word has the defaults of the design', () => {
    expect(parsePolicy({})).toMatchObject({
      apps: [],
      users: [],
      teams: [],
      caps: [],
      plans: { default: { caps: [{ id: 'default-user', metric: 'usd', window: 'month', limit: '5.00' }] } },
      declaredAppsOnly: false,
      admitUncapped: false,
      maxOutputTokensDefault: 16_384,
      minOutputTokens: 256,
      drainSeconds: 30,
      oidcIssuers: [],
      ladders: {
        default: {
          warn: { mail: true },
          throttle: { mail: true, graceMinutes: 0, requestsPerMinute: 10, cheaperModel: false },
          block: { mail: true },
        },
      },
    });
  });

  it.each<[string, PolicyInput, object]>([
    [
      'an app may clamp and has any feature',
      { apps: [{ id: 'web', team: 'growth' }] },
      { apps: [{ id: 'web', team: 'growth', clamp: true, fallback: true }] },
    ],
    [
      'a token names its user by its subject',
      { oidcIssuers: [ISSUER] },
      { oidcIssuers: [{ ...ISSUER, userClaim: 'sub' }] },
    ],
    [
      'a ladder throttles to ten requests a minute',
      { ladders: { strict: {} } },
      { ladders: { strict: { throttle: { requestsPerMinute: 10 } } } },
    ],
    [
      'a plan may have none of the default',
      { plans: { pro: { caps: [MONTH] } } },
      { plans: { pro: { caps: [MONTH] } } },
    ],
    [
      'what is written stands',
      { minOutputTokens: 1, drainSeconds: 0, admitUncapped: true },
      { minOutputTokens: 1, drainSeconds: 0, admitUncapped: true },
    ],
  ])('%s', (_what, input, expected) => {
    expect(parsePolicy(input)).toMatchObject(expected);
  });

  it.each<[PolicyInput, boolean]>([
    [{}, false],
    [{ apps: [{ id: 'web', team: 'growth' }] }, false],
    [{ apps: ['a', 'b'].map((id) => ({ id, team: 't', storeAnswers: { retentionHours: 1 } })) }, true],
  ])('stores answers where an app says so: %#', (input, isStoring) => {
    expect(storesAnswers(parsePolicy(input))).toBe(isStoring);
  });

  test('is typed by definePolicy, and no more', () => {
    const written: PolicyInput = { org: { name: 'Acme' } };
    expect(definePolicy(written)).toBe(written);
    expect(parsePolicy(definePolicy(written)).org).toEqual({
      name: 'Acme',
      timeZone: 'UTC',
      digests: ['daily', 'weekly'],
    });
  });
});

describe('a mistake is named by its path', () => {
  it.each<[string, unknown, RegExp]>([
    ['no object', 'policy', /\(top\): .*expected object/],
    ['nothing', undefined, /\(top\): /],
    ['an unknown member', { limits: {} }, /\(top\): .*"limits"/],
    [
      'an unknown member within',
      { apps: [{ id: 'web', team: 'growth', clmap: false }] },
      /apps\.0: .*"clmap"/,
    ],
    ['an app without a team', { apps: [{ id: 'a', team: 't' }, { id: 'web' }] }, /apps\.1\.team: /],
    [
      'answers stored for good',
      { apps: [{ id: 'web', team: 'growth', storeAnswers: {} }] },
      /apps\.0\.storeAnswers\.retentionHours: /,
    ],
    [
      'answers stored for more than 30 days',
      { apps: [{ id: 'web', team: 'growth', storeAnswers: { retentionHours: 721 } }] },
      /apps\.0\.storeAnswers\.retentionHours: .*720/,
    ],
    [
      'answers stored because of a yes',
      { apps: [{ id: 'web', team: 'growth', storeAnswers: true }] },
      /apps\.0\.storeAnswers: .*object/,
    ],
    ['a name with a space', { users: [{ id: 'alice smith', plan: 'pro' }] }, /users\.0\.id: use 1 to 128/],
    [
      'money as a number',
      { plans: { pro: { caps: [{ ...MONTH, limit: 50 }] } } },
      /plans\.pro\.caps\.0\.limit: .*string/,
    ],
    [
      'an id in capitals',
      { plans: { pro: { caps: [{ ...MONTH, id: 'Pro' }] } } },
      /plans\.pro\.caps\.0\.id: .*lower-case/,
    ],
    [
      'a scope, which the plan gives',
      { plans: { pro: { caps: [{ ...MONTH, scope: { type: 'user', id: 'x' } }] } } },
      /plans\.pro\.caps\.0: .*"scope"/,
    ],
    ['a cap that says not whose it is', { caps: [MONTH] }, /caps\.0\.scope: /],
    [
      'a cap of nobody that is known',
      { caps: [{ ...MONTH, scope: { type: 'department', id: 'x' } }] },
      /caps\.0\.scope\.type: .*"team"/,
    ],
    ['a plan with a bad name', { plans: { 'a b': { caps: [] } } }, /plans\.a b: /],
    ['no mail address', { org: { financeEmail: 'finance' } }, /org\.financeEmail: .*email/],
    ['no URL', { org: { requestUrl: 'spend' } }, /org\.requestUrl: .*URL/],
    ['no output tokens', { minOutputTokens: 0 }, /minOutputTokens: /],
    ['half an output token', { maxOutputTokensDefault: 0.5 }, /maxOutputTokensDefault: /],
    ['a drain longer than a call can last', { drainSeconds: 841 }, /drainSeconds: /],
    ['yes for true', { admitUncapped: 'yes' }, /admitUncapped: .*boolean/],
    [
      'an issuer without an audience',
      { oidcIssuers: [{ ...ISSUER, audience: '' }] },
      /oidcIssuers\.0\.audience: /,
    ],
    [
      'a rate of nothing',
      { ladders: { default: { throttle: { requestsPerMinute: 0 } } } },
      /ladders\.default\.throttle\.requestsPerMinute: /,
    ],
    [
      'a ladder that is not described, of a cap',
      { caps: [{ ...MONTH, scope: { type: 'org', id: 'org' }, ladder: 'strikt' }], ladders: { strict: {} } },
      /caps\.0\.ladder: there is no ladder "strikt" in "ladders" \(there: default, strict\)/,
    ],
    [
      'a ladder that is not described, of a plan',
      { plans: { pro: { caps: [{ ...MONTH, ladder: 'strikt' }] } } },
      /plans\.pro\.caps\.0\.ladder: there is no ladder "strikt"/,
    ],
    [
      'a grace of more than a week',
      { ladders: { default: { throttle: { graceMinutes: 10_081 } } } },
      /ladders\.default\.throttle\.graceMinutes: /,
    ],
    [
      'quiet hours in no zone',
      { ladders: { default: { quietHours: { from: '20:00', to: '07:00', timeZone: 'Berlin' } } } },
      /ladders\.default\.quietHours\.timeZone: "Berlin" is no IANA time zone/,
    ],
    [
      'quiet hours that never end',
      { ladders: { default: { quietHours: { from: '20:00', to: '20:00' } } } },
      /ladders\.default\.quietHours\.to: the quiet hours begin and end at 20:00/,
    ],
    [
      'quiet hours at no time',
      { ladders: { default: { quietHours: { from: '8pm', to: '07:00' } } } },
      /ladders\.default\.quietHours\.from: must be a time of the day such as "19:30"/,
    ],
    [
      'an action that a rung has not',
      { ladders: { default: { warn: { requestsPerMinute: 5 } } } },
      /ladders\.default\.warn: Unrecognized key: "requestsPerMinute"/,
    ],
    [
      'a model in two chains',
      { modelTiers: [['gpt-4.1', 'gpt-4.1-mini'], ['gpt-4.1-mini']] },
      /modelTiers: "gpt-4\.1-mini" stands here twice/,
    ],
  ])('%s', (_what, value, message) => {
    expect(() => parsePolicy(value)).toThrow(PolicyInvalid);
    expect(() => parsePolicy(value)).toThrow(message);
  });

  test('all mistakes are told at once, a line each', () => {
    const wrong = { admitUncapped: 1, drainSeconds: -1, apps: [{ id: '', team: 'growth' }] };
    expect(() => parsePolicy(wrong)).toThrow(
      /^The policy file has mistakes:(?=[^]*\n {2}admitUncapped: )(?=[^]*\n {2}drainSeconds: )(?=[^]*\n {2}apps\.0\.id: )/,
    );
  });
});
