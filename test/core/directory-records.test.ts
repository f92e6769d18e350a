/** Keys, users, quarantines, lists page by page, and how old an answer may be. */
import { describe, expect, it, test } from 'vitest';
import { durationMs } from '../../lambdas/core/brands.ts';
import type { AppKey, Directory } from '../../lambdas/core/directory/directory.ts';
import type { CursorPage } from '../../lambdas/core/pages.ts';
import { NOON } from '../support/worlds.ts';
import { over, put, world } from './directory-world.ts';

const KEY: AppKey = {
  id: 'key_2N5tP0tRewDN',
  hash: '91d0c6a6715a2a2b8be51ca4b0451014a4409e43a93075324e383b442c0f120f',
  app: 'web',
  team: 'growth',
  scopes: ['call', 'delegate'],
  user: 'alice',
  requireUser: true,
  createdAt: NOON,
};

describe('an app key', () => {
  it.each<[string, Partial<AppKey>]>([
    ["of a user's own", {}],
    ['of an app', { user: null, requireUser: false, scopes: ['call'] }],
    ['made under an idempotency key', { salt: '5d41402abc4b2a76' }],
  ])('%s is read as it was written', async (_what, change) => {
    const { here, elsewhere } = world();
    const key = { ...KEY, ...change };
    expect(await here.createKey(key)).toBe('created');
    expect(await elsewhere.keyById(KEY.id)).toEqual(key);
    expect(await elsewhere.getKey(KEY.id)).toEqual(key);
  });

  test('is never replaced by another of the same id', async () => {
    const { here } = world();
    await here.createKey(KEY);
    expect(await here.createKey({ ...KEY, scopes: ['admin'], hash: 'other' })).toBe('exists');
    expect(await here.getKey(KEY.id)).toEqual(KEY);
  });

  test('is in force at once here, although its absence was known before; and so is its end', async () => {
    const { here } = world();
    expect(await here.keyById(KEY.id)).toBeUndefined();
    await here.createKey(KEY);
    expect(await here.keyById(KEY.id)).toEqual(KEY);
    expect(await here.deleteKey(KEY.id)).toBe(true);
    expect(await here.keyById(KEY.id)).toBeUndefined();
    expect(await here.deleteKey(KEY.id)).toBe(false);
  });
});

describe('a user', () => {
  test('is of a team until moved or forgotten, in force here at once', async () => {
    const { here, elsewhere } = world();
    expect(await here.teamOf('alice')).toBeUndefined();
    expect(await here.users.put({ id: 'alice', team: 'growth', source: 'admin' })).toBe('created');
    expect(await here.teamOf('alice')).toBe('growth');
    expect(await here.users.put({ id: 'alice', team: 'desk', source: 'policy' })).toBe('changed');
    expect(await here.teamOf('alice')).toBe('desk');
    expect(await elsewhere.users.get('alice')).toEqual({ id: 'alice', team: 'desk', source: 'policy' });
    expect(await here.users.delete('alice')).toBe(true);
    expect(await here.teamOf('alice')).toBeUndefined();
    expect(await here.users.delete('alice')).toBe(false);
  });

  test('whose table cannot be read has no team, and no other one either', async () => {
    const { directory, api } = world();
    const down = directory({ ...api, getItem: () => Promise.reject(new Error('down')) });
    await expect(down.teamOf('alice')).rejects.toThrow();
  });
});

describe('a quarantined model', () => {
  test('stands until it is lifted, and names the request that was first above its bound', async () => {
    const { clock, here, elsewhere } = world();
    expect(await here.quarantineOf('gpt-5')).toBeUndefined();
    await here.putQuarantine('gpt-5', { requestId: 'req_1' });
    const quarantine = { model: 'gpt-5', requestId: 'req_1', at: NOON };
    expect(await here.quarantineOf('gpt-5')).toEqual(quarantine);
    clock.advance(durationMs(86_400_000));
    await here.putQuarantine('gpt-5', { requestId: 'req_2' });
    expect(await elsewhere.quarantineOf('gpt-5')).toEqual(quarantine);
    expect(await here.quarantineOf('gpt-5-mini')).toBeUndefined();
    expect(await here.deleteQuarantine('gpt-5')).toBe(true);
    expect(await here.quarantineOf('gpt-5')).toBeUndefined();
    expect(await here.deleteQuarantine('gpt-5')).toBe(false);
  });
});

describe('a list', () => {
  const NAMES = ['a', 'b', 'c', 'd', 'e'];
  type List = (directory: Directory, limit: number, cursor?: string) => Promise<CursorPage<string>>;
  const ids =
    <T>(
      list: (directory: Directory, limit: number, cursor?: string) => Promise<CursorPage<T>>,
      id: (item: T) => string,
    ): List =>
    async (directory, limit, cursor) => {
      const page = await list(directory, limit, cursor);
      return { items: page.items.map(id), cursor: page.cursor };
    };
  const LISTS: Record<string, { add: (directory: Directory, name: string) => Promise<unknown>; list: List }> =
    {
      caps: {
        add: (directory, name) => put(directory, name),
        list: ids(
          (directory, ...at) => directory.listCaps(...at),
          ({ id }) => id,
        ),
      },
      keys: {
        add: (directory, name) => directory.createKey({ ...KEY, id: name }),
        list: ids(
          (directory, ...at) => directory.listKeys(...at),
          ({ id }) => id,
        ),
      },
      users: {
        add: (directory, name) => directory.users.put({ id: name, team: 'growth', source: 'admin' }),
        list: ids(
          (directory, ...at) => directory.users.list(...at),
          ({ id }) => id,
        ),
      },
      quarantines: {
        add: (directory, name) => directory.putQuarantine(name, { requestId: 'req_1' }),
        list: ids(
          (directory, ...at) => directory.listQuarantines(...at),
          ({ model }) => model,
        ),
      },
    };

  async function pages(list: List, directory: Directory, limit: number): Promise<string[][]> {
    const all: string[][] = [];
    let cursor: string | undefined;
    do {
      const page = await list(directory, limit, cursor);
      all.push(page.items);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return all.filter((items) => items.length > 0);
  }

  it.each(Object.entries(LISTS))(
    'of %s gives each once, in order, page by page',
    async (_what, { add, list }) => {
      const { here } = world();
      expect(await list(here, 2)).toEqual({ items: [], cursor: undefined });
      for (const name of ['c', 'a', 'e', 'b', 'd']) await add(here, name);
      expect(await pages(list, here, 2)).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
      expect(await pages(list, here, 5)).toEqual([NAMES]);
      expect(await list(here, 100)).toEqual({ items: NAMES, cursor: undefined });
    },
  );

  it.each(Object.entries(LISTS))(
    'of %s goes on behind its cursor, whatever is added meanwhile',
    async (_what, { add, list }) => {
      const { here } = world();
      for (const name of ['b', 'd', 'f']) await add(here, name);
      const { items, cursor } = await list(here, 2);
      expect(items).toEqual(['b', 'd']);
      for (const name of ['a', 'e']) await add(here, name);
      expect((await list(here, 10, cursor)).items).toEqual(['e', 'f']);
    },
  );
});

describe('a change by another process', () => {
  const LAG = 30_000;
  const changes: Record<
    string,
    { ask: (here: Directory) => Promise<unknown>; change: (elsewhere: Directory) => Promise<unknown> }
  > = {
    'a new cap': {
      ask: (here) => over(here, 'alice'),
      change: (elsewhere) => put(elsewhere, 'm'),
    },
    'a new key': {
      ask: (here) => here.keyById(KEY.id),
      change: (elsewhere) => elsewhere.createKey(KEY),
    },
    'a move to another team': {
      ask: (here) => here.teamOf('alice'),
      change: (elsewhere) => elsewhere.users.put({ id: 'alice', team: 'growth', source: 'admin' }),
    },
    'a quarantine': {
      ask: (here) => here.quarantineOf('gpt-5'),
      change: (elsewhere) => elsewhere.putQuarantine('gpt-5', { requestId: 'req_1' }),
    },
  };

  it.each(Object.entries(changes))(
    '%s is seen after thirty seconds, not before',
    async (_what, { ask, change }) => {
      const { clock, here, elsewhere } = world();
      const before = await ask(here);
      await change(elsewhere);
      clock.advance(durationMs(LAG - 1));
      expect(await ask(here)).toEqual(before);
      clock.advance(durationMs(1));
      const after = await ask(here);
      expect(after).not.toEqual(before);
      expect(after).toEqual(await ask(elsewhere));
    },
  );

  test('is seen at once by an administrator, who reads without the cache', async () => {
    const { here, elsewhere } = world();
    await put(here, 'm');
    await put(elsewhere, 'm', { limit: '50' });
    expect((await here.getCap('m'))?.limit).toBe(50_000_000_000_000n);
  });

  test("of one's own is in force at once, for every caller", async () => {
    const { here } = world();
    await put(here, 'all', { scope: { type: 'user', id: '*' } });
    expect([await over(here, 'alice'), await over(here, 'bob')]).toEqual([['all'], ['all']]);
    await put(here, 'own');
    expect([await over(here, 'alice'), await over(here, 'bob')]).toEqual([['own'], ['all']]);
    await here.deleteCap('own');
    expect([await over(here, 'alice'), await over(here, 'bob')]).toEqual([['all'], ['all']]);
  });
});
