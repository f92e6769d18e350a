import { describe, expect, it } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { applyPolicy, capsOfPolicy } from '../../lambdas/core/policy/apply-policy.ts';
import { capFromInput } from '../../lambdas/core/caps/cap-definition.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import { parsePolicy, type PolicyInput } from '../../lambdas/core/policy/policy.ts';
import { ManualClock, SeededIds, callOf } from '../support/worlds.ts';

const MONTH = { metric: 'usd', window: 'month', limit: '5.00' } as const;
const policy = (input: PolicyInput) => parsePolicy(input);

function newDirectory(): Directory {
  const clock = new ManualClock();
  const table = new DynamoDbTable({
    api: openMemoryEngine({ clock }),
    tableName: 't',
    clock,
    ids: new SeededIds(),
  });
  return new Directory({ table, clock });
}

const limits = async (directory: Directory, user: string): Promise<[string, bigint][]> =>
  (await directory.capsFor(callOf(user))).map(({ id, limit }) => [id, limit]);

describe('applying a policy', () => {
  it('without a file, gives each user five dollars a month', async () => {
    const directory = newDirectory();
    expect(await applyPolicy(directory, policy({}))).toMatchObject({ created: ['default-user'] });
    expect(await limits(directory, 'anybody')).toEqual([['default-user', 5_000_000_000_000n]]);
  });

  it('is level-based: a repeat changes nothing, a change is one, what is gone is deleted', async () => {
    const directory = newDirectory();
    const of = (caps: { id: string; limit: string }[]) =>
      policy({ plans: { default: { caps: caps.map((cap) => ({ ...MONTH, ...cap })) } } });
    const two = of([
      { id: 'a', limit: '1' },
      { id: 'b', limit: '2' },
    ]);
    const nothing = { created: [], changed: [], deleted: [], kept: [], users: [] };
    expect(await applyPolicy(directory, two)).toEqual({ ...nothing, created: ['a', 'b'] });
    expect(await applyPolicy(directory, two)).toEqual(nothing);
    expect(await applyPolicy(directory, of([{ id: 'b', limit: '3' }]))).toEqual({
      ...nothing,
      changed: ['b'],
      deleted: ['a'],
    });
    expect(await limits(directory, 'anybody')).toEqual([['b', 3_000_000_000_000n]]);
  });

  it('leaves caps alone that somebody set by the API', async () => {
    const directory = newDirectory();
    await applyPolicy(directory, policy({}));
    const raised = capFromInput('default-user', {
      ...MONTH,
      limit: '9',
      scope: { type: 'user', id: '*' },
    });
    if ('kind' in raised) throw new Error(raised.message);
    await directory.putCap(raised, 'admin');
    expect(await applyPolicy(directory, policy({}))).toMatchObject({ kept: ['default-user'], changed: [] });
    expect(await limits(directory, 'anybody')).toEqual([['default-user', 9_000_000_000_000n]]);
    const empty = policy({ plans: { default: { caps: [] } } });
    expect(await applyPolicy(directory, empty)).toMatchObject({ deleted: [] });
  });

  it('gives users on a plan its caps, whatever their names hold', async () => {
    const directory = newDirectory();
    const users = ['alice', 'Alice', 'bob@example.com'].map((id) => ({ id, plan: 'pro' }));
    await applyPolicy(
      directory,
      policy({ users, plans: { pro: { caps: [{ ...MONTH, id: 'pro', limit: '50' }] } } }),
    );
    expect(await limits(directory, 'alice')).toEqual([['pro-alice', 50_000_000_000_000n]]);
    const [[upper]] = (await limits(directory, 'Alice')) as [[string, bigint]];
    const [[mail]] = (await limits(directory, 'bob@example.com')) as [[string, bigint]];
    expect(new Set(['pro-alice', upper, mail]).size).toBe(3);
  });
});

describe('caps that many share', () => {
  const shared = (type: 'team' | 'app' | 'feature' | 'org', id: string, limit = '100.00') => ({
    ...MONTH,
    id: `${type}-month`,
    scope: { type, id },
    limit,
  });
  const ALL = [
    shared('team', 'growth'),
    shared('app', 'web'),
    shared('feature', 'web/summarise'),
    shared('org', 'org'),
  ];

  it('hold for whoever they name, and follow the file', async () => {
    const directory = newDirectory();
    const applied = await applyPolicy(directory, policy({ plans: {}, caps: ALL }));
    expect(applied.created).toEqual(['team-month', 'app-month', 'feature-month', 'org-month']);
    const caps = await directory.capsFor(callOf('anybody', 'summarise'));
    expect(caps.map(({ id }) => id)).toEqual(['team-month', 'app-month', 'feature-month', 'org-month']);
    const next = policy({ plans: {}, caps: [shared('team', 'growth', '150.00')] });
    expect(await applyPolicy(directory, next)).toMatchObject({
      changed: ['team-month'],
      deleted: ['app-month', 'feature-month', 'org-month'],
    });
    expect(await limits(directory, 'anybody')).toEqual([['team-month', 150_000_000_000_000n]]);
  });

  it('and those of one user’s feature', async () => {
    const directory = newDirectory();
    const scope = { type: 'user_feature', id: 'alice/summarise' } as const;
    await applyPolicy(directory, policy({ plans: {}, caps: [{ ...MONTH, id: 'mine', scope }] }));
    expect((await directory.capsFor(callOf('alice', 'summarise'))).map(({ id }) => id)).toEqual(['mine']);
  });

  it.each<[string, PolicyInput, RegExp]>([
    [
      'what no ledger holds strictly',
      { caps: [{ ...shared('team', 'growth'), metric: 'tokens', limit: '100' }] },
      /cap "team-month": A cap of scope team is shared by many people and counts dollars only/,
    ],
    [
      'a window too short to share',
      { caps: [{ ...shared('org', 'org'), window: 'hour' }] },
      /cap "org-month": .* its window is day, week, month or lifetime/,
    ],
    ['another organisation', { caps: [shared('org', 'acme')] }, /The one id of scope org is "org"/],
    [
      'a feature that its app has not',
      {
        apps: [{ id: 'web', team: 'growth', features: ['chat'] }],
        caps: [shared('feature', 'web/summarise')],
      },
      /cap "feature-month": the app "web" has no feature "summarise"; it has default, chat\./,
    ],
    [
      'an app that may not call',
      { declaredAppsOnly: true, caps: [shared('app', 'web')] },
      /cap "app-month": the app "web" is not among apps/,
    ],
    [
      'an id that a plan has',
      { plans: { default: { caps: [{ ...MONTH, id: 'team-month' }] } }, caps: [shared('team', 'growth')] },
      /two caps with the id "team-month"/,
    ],
  ])('%s is explained', async (_what, input, message) => {
    await expect(capsOfPolicy(policy(input))).rejects.toThrow(message);
  });

  it.each<[string, PolicyInput]>([
    ['apps that nobody declared', { caps: [shared('feature', 'web/summarise')] }],
    [
      'an app with any feature',
      { apps: [{ id: 'web', team: 'growth' }], caps: [shared('feature', 'web/chat')] },
    ],
    [
      'the feature that every app has',
      { apps: [{ id: 'web', team: 'growth', features: [] }], caps: [shared('feature', 'web/default')] },
    ],
  ])('may name %s', async (_what, input) => {
    expect((await capsOfPolicy(policy(input))).map(({ id }) => id)).toContain('feature-month');
  });
});

describe('teams of users', () => {
  const named = (...users: [string, string?][]) =>
    policy({ plans: {}, users: users.map(([id, team]) => ({ id, ...(team !== undefined && { team }) })) });

  it('follow the file, and what the API set stands', async () => {
    const directory = newDirectory();
    const teams = () => Promise.all(['alice', 'bob'].map((user) => directory.teamOf(user)));
    const first = named(['alice', 'growth'], ['bob', 'desk'], ['carol']);
    expect((await applyPolicy(directory, first)).users).toEqual(['alice', 'bob']);
    expect(await teams()).toEqual(['growth', 'desk']);
    expect((await applyPolicy(directory, first)).users).toEqual([]);

    await directory.users.put({ id: 'bob', team: 'research', source: 'admin' });
    expect((await applyPolicy(directory, named(['alice', 'desk'], ['bob', 'desk']))).users).toEqual([
      'alice',
    ]);
    expect(await teams()).toEqual(['desk', 'research']);
    expect((await applyPolicy(directory, named(['alice']))).users).toEqual(['alice']);
    expect(await teams()).toEqual([undefined, 'research']);
  });
});

describe('mistakes are found before anything is written', () => {
  it.each<[string, PolicyInput, RegExp]>([
    ['an unknown plan', { users: [{ id: 'alice', plan: 'gold' }] }, /"alice" on the plan "gold"/],
    [
      'two caps of one id',
      {
        plans: {
          default: {
            caps: [
              { ...MONTH, id: 'x' },
              { ...MONTH, id: 'x' },
            ],
          },
        },
      },
      /two caps with the id "x"/,
    ],
    [
      'a window that is none',
      { plans: { default: { caps: [{ ...MONTH, id: 'x', window: 'year' }] } } },
      /"x" of plan "default": "year" is no window/,
    ],
  ])('%s', async (_what, input, message) => {
    await expect(capsOfPolicy(policy(input))).rejects.toThrow(message);
  });
});
