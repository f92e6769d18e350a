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
