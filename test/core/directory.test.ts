import { describe, expect, it, test } from 'vitest';
import type { CapInput } from '../../lambdas/core/caps/cap-definition.ts';
import { definition, over, put, user, world } from './directory-world.ts';
import { callOf } from '../support/worlds.ts';

describe('the caps over a caller', () => {
  const RATE: Partial<CapInput> = { metric: 'requests', window: 'minute', limit: '60' };

  it.each<[string, [string, Partial<CapInput>][], string | null, string, string[]]>([
    ['none', [], 'alice', 'default', []],
    [
      'their own',
      [
        ['own', user('alice')],
        ['bobs', user('bob')],
      ],
      'alice',
      'default',
      ['own'],
    ],
    ["everyone's", [['all', user('*')]], 'alice', 'default', ['all']],
    [
      "their own usd cap in place of everyone's",
      [
        ['all', user('*')],
        ['own', user('alice')],
      ],
      'alice',
      'default',
      ['own'],
    ],
    [
      "their own usd cap beside everyone's of other metrics",
      [
        ['all', user('*')],
        ['all-minute', { ...user('*'), ...RATE }],
        ['all-at-once', { ...user('*'), metric: 'concurrent', window: null, limit: '4' }],
        ['own', user('alice')],
      ],
      'alice',
      'default',
      ['all-at-once', 'all-minute', 'own'],
    ],
    [
      "everyone's beside an own cap of another metric",
      [
        ['all', user('*')],
        ['rate', { ...user('alice'), ...RATE }],
      ],
      'alice',
      'default',
      ['all', 'rate'],
    ],
    [
      "everyone's although somebody else has their own",
      [
        ['all', user('*')],
        ['bobs', user('bob')],
      ],
      'alice',
      'default',
      ['all'],
    ],
    [
      'several of their own',
      [
        ['day', { window: 'day' }],
        ['month', {}],
        ['rate', RATE],
      ],
      'alice',
      'default',
      ['day', 'month', 'rate'],
    ],
    [
      'that of the feature',
      [
        ['own', {}],
        ['ft', { scope: { type: 'user_feature', id: 'alice/sum' } }],
      ],
      'alice',
      'sum',
      ['ft', 'own'],
    ],
    [
      'not that of another feature',
      [
        ['own', {}],
        ['ft', { scope: { type: 'user_feature', id: 'alice/sum' } }],
      ],
      'alice',
      'default',
      ['own'],
    ],
    [
      "not that of another user's feature",
      [['ft', { scope: { type: 'user_feature', id: 'bob/sum' } }]],
      'alice',
      'sum',
      [],
    ],
    [
      "everyone's beside a usd cap of the feature",
      [
        ['all', user('*')],
        ['ft', { scope: { type: 'user_feature', id: 'alice/sum' } }],
      ],
      'alice',
      'sum',
      ['all', 'ft'],
    ],
    ['none without a user', [['all', user('*')]], null, 'default', []],
    ['not that of a name in other letters', [['own', user('Alice')]], 'alice', 'default', []],
  ])('%s', async (_what, caps, person, feature, ids) => {
    const { here } = world();
    for (const [id, change] of caps) await put(here, id, change);
    expect(await over(here, person, feature)).toEqual(ids);
  });

  test("give an account of its own to each leaf, everyone's cap too", async () => {
    const { here } = world();
    await put(here, 'all', user('*'));
    const [cap] = await here.capsFor(callOf('alice'));
    expect(cap).toMatchObject({ id: 'all', account: 'all', limit: 20_000_000_000_000n, revision: 1n });
  });
});

describe('a cap that is put', () => {
  test('is created once; a repeat changes nothing, another amount is a new revision of the same account', async () => {
    const { here } = world();
    expect(await put(here, 'm')).toMatchObject({ created: true, cap: { revision: 1n, account: 'm' } });
    expect(await put(here, 'm')).toMatchObject({ created: false, cap: { revision: 1n } });
    const raised = { created: false, cap: { revision: 2n, account: 'm', limit: 50_000_000_000_000n } };
    expect(await put(here, 'm', { limit: '50' })).toMatchObject(raised);
    expect(await here.getCap('m')).toMatchObject(raised.cap);
  });

  it.each<[string, Partial<CapInput>, Partial<CapInput>, string]>([
    ['a limit', {}, { limit: '50' }, 'm'],
    ['an overage', {}, { overage: '5' }, 'm'],
    ['thresholds', {}, { thresholds: { warn: null } }, 'm'],
    ['a ladder', {}, { ladder: 'strict' }, 'm'],
    [
      'the zone of a lifetime',
      { window: 'lifetime' },
      { window: 'lifetime', time_zone: 'Asia/Kolkata' },
      'm',
    ],
    [
      'the zone of a rolling window',
      { window: 'rolling_7d' },
      { window: 'rolling_7d', time_zone: 'Asia/Kolkata' },
      'm',
    ],
    ['the anchor day of a day', { window: 'day' }, { window: 'day', anchor_day: 7 }, 'm'],
    ['a scope', {}, user('bob'), 'm~1'],
    ['a metric', {}, { metric: 'tokens', limit: '1000' }, 'm~1'],
    ['a window', {}, { window: 'day' }, 'm~1'],
    ['a rolling length', { window: 'rolling_7d' }, { window: 'rolling_8d' }, 'm~1'],
    ['a zone', {}, { time_zone: 'Asia/Kolkata' }, 'm~1'],
    ['an anchor day', {}, { anchor_day: 15 }, 'm~1'],
  ])(
    'with another value of %s goes on with its account, or begins one if old figures would mean something else',
    async (_what, before, after, account) => {
      const { here } = world();
      await put(here, 'm', before);
      expect(await put(here, 'm', after)).toMatchObject({ created: false, cap: { account, revision: 2n } });
    },
  );

  test('back in its old form begins a third account: what was spent meanwhile is not known to the first', async () => {
    const { here } = world();
    await put(here, 'm');
    await put(here, 'm', { window: 'day' });
    expect((await put(here, 'm')).cap.account).toBe('m~2');
  });

  test('with another scope leaves the old one at once', async () => {
    const { here } = world();
    await put(here, 'm', user('alice'));
    expect(await over(here, 'alice')).toEqual(['m']);
    await put(here, 'm', user('bob'));
    expect([await over(here, 'alice'), await over(here, 'bob')]).toEqual([[], ['m']]);
    await put(here, 'm', user('alice'));
    expect([await over(here, 'alice'), await over(here, 'bob')]).toEqual([['m'], []]);
  });

  test('by two at once is one of the two, the same wherever it is looked up', async () => {
    const { here, elsewhere } = world();
    const both = await Promise.all([put(here, 'm', { limit: '1' }), put(elsewhere, 'm', { limit: '2' })]);
    expect(both.map(({ created }) => created).sort()).toEqual([false, true]);
    const byId = await here.getCap('m');
    expect(byId?.revision).toBe(2n);
    expect(await here.capsFor(callOf('alice'))).toEqual([byId]);
  });

  test('remembers who put it', async () => {
    const { here } = world();
    await here.putCap(definition('m'), 'policy');
    expect((await here.getCap('m'))?.source).toBe('policy');
    expect((await put(here, 'm')).cap.source).toBe('admin');
  });
});

describe('a cap that is deleted', () => {
  test('is gone, once', async () => {
    const { here } = world();
    await put(here, 'm');
    expect(await here.deleteCap('m')).toBe(true);
    expect(await here.getCap('m')).toBeUndefined();
    expect(await over(here, 'alice')).toEqual([]);
    expect((await here.listCaps(10)).items).toEqual([]);
    expect(await here.deleteCap('m')).toBe(false);
    expect(await here.deleteCap('never-was')).toBe(false);
  });

  it.each<[string, Partial<CapInput>, string]>([
    ['the same', {}, 'm'],
    ['one with another limit', { limit: '50' }, 'm'],
    ['one with another window', { window: 'day' }, 'm~1'],
  ])('and put again as %s is created, and does not forget what was spent', async (_what, change, account) => {
    const { here } = world();
    await put(here, 'm');
    await here.deleteCap('m');
    expect(await put(here, 'm', change)).toMatchObject({ created: true, cap: { account, revision: 2n } });
    expect(await over(here, 'alice')).toEqual(['m']);
    expect((await here.listCaps(10)).items).toHaveLength(1);
  });
});
