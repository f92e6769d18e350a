import { describe, expect, it, test } from 'vitest';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { epochMs } from '../../lambdas/core/brands.ts';
import { TableUnavailable } from '../../lambdas/core/ports.ts';
import { faultyApi, inOrder, type Fault } from '../contract/faulty-api.ts';
import { NOON, callOf } from '../support/worlds.ts';
import { over, put, user, world } from './directory-world.ts';

/** More than the adapter tries again. */
const TRIES = 40;
/** Carries out so many requests, then none. */
function cutOff(api: DynamoDbApi, after: number, atOnce = 1): DynamoDbApi {
  const faults = (count: number, fault: Fault): Fault[] => Array.from({ length: count }, () => fault);
  return faultyApi(api, inOrder(...faults(after, 'none'), ...faults(TRIES * atOnce, 'request_lost')));
}
/** How it ended, where a failing table is one of the ends. */
const ended = (change: Promise<unknown>): Promise<string> =>
  change.then(
    () => 'done',
    (error: unknown) => {
      if (error instanceof TableUnavailable) return 'cut off';
      throw error;
    },
  );

describe('a change of a cap that is cut off', () => {
  // A cap is listed by its id and looked up by its scope: both, or neither, wherever the process died.
  it.each([
    [0, 'cut off'],
    [1, 'cut off'],
    [2, 'done'],
    [3, 'done'],
  ])('a deletion after %i requests (%s): a repeat and a new cap are both whole', async (after, end) => {
    for (const repeat of ['put', 'delete'] as const) {
      const { api, directory, here } = world();
      await put(here, 'm');
      expect(await ended(directory(cutOff(api, after)).deleteCap('m'))).toBe(end);
      if (repeat === 'put') await put(here, 'm');
      else await here.deleteCap('m');
      const expected = repeat === 'put' ? ['m'] : [];
      expect((await here.listCaps(10)).items.map(({ id }) => id)).toEqual(expected);
      expect(await over(here, 'alice')).toEqual(expected);
    }
  });

  it.each([
    [0, 'cut off', ['m'], []],
    [1, 'cut off', ['m'], []],
    [2, 'done', [], ['m']],
    [3, 'done', [], ['m']],
  ])(
    'a change of scope after %i requests (%s) is whole, and so is a repeat',
    async (after, end, alices, bobs) => {
      const { api, directory, here, elsewhere } = world();
      await put(here, 'm', user('alice'));
      expect(await ended(put(directory(cutOff(api, after)), 'm', user('bob')))).toBe(end);
      expect([await over(elsewhere, 'alice'), await over(elsewhere, 'bob')]).toEqual([alices, bobs]);
      await put(here, 'm', user('bob'));
      expect([await over(here, 'alice'), await over(here, 'bob')]).toEqual([[], ['m']]);
    },
  );

  test('a cap that moved away and back is not swept away by the slower of two', async () => {
    const { api, directory, here, elsewhere } = world();
    await put(here, 'm', user('alice'));
    let arrived: () => void = () => undefined;
    let goOn: () => void = () => undefined;
    const atSweep = new Promise<void>((resolve) => (arrived = resolve));
    const released = new Promise<void>((resolve) => (goOn = resolve));
    const slow = directory({
      ...api,
      deleteItem: async (input) => {
        arrived();
        await released;
        return api.deleteItem(input);
      },
    });
    const moving = put(slow, 'm', user('bob'));
    await atSweep;
    await put(here, 'm', user('alice'));
    goOn();
    await moving;
    expect([await over(elsewhere, 'alice'), await over(elsewhere, 'bob')]).toEqual([['m'], []]);
  });
});

/** A call is looked up under each of its scopes at once. */
const SCOPES_OF_A_CALL = 7;

describe('a table that cannot be reached', () => {
  const key = {
    id: 'key_00000000000a',
    hash: 'h',
    app: 'web',
    team: 'growth',
    scopes: ['call' as const],
    user: null,
    requireUser: false,
    createdAt: epochMs(NOON),
  };
  const down = () => {
    const { api, directory } = world();
    return directory(cutOff(api, 0, SCOPES_OF_A_CALL));
  };

  it.each<[string, (directory: ReturnType<typeof down>) => Promise<unknown>]>([
    ['the caps over a caller', (directory) => directory.capsFor(callOf('alice'))],
    ['a cap', (directory) => directory.getCap('m')],
    ['the list of caps', (directory) => directory.listCaps(10)],
    ['a key', (directory) => directory.keyById('key_00000000000a')],
    ['a new key', (directory) => directory.createKey(key)],
    ['a deleted key', (directory) => directory.deleteKey('key_00000000000a')],
    ['a quarantine', (directory) => directory.quarantineOf('gpt-5')],
    ['a new quarantine', (directory) => directory.putQuarantine('gpt-5', { requestId: 'req_1' })],
  ])('%s is unavailable, never taken for absent', async (_what, ask) => {
    await expect(ask(down())).rejects.toThrow(TableUnavailable);
  });

  test('is asked again by the next call', async () => {
    const { api, directory, here } = world();
    await put(here, 'm');
    let isDown = true;
    const caller = directory(faultyApi(api, { next: () => (isDown ? 'request_lost' : 'none') }));
    await expect(over(caller, 'alice')).rejects.toThrow(TableUnavailable);
    isDown = false;
    expect(await over(caller, 'alice')).toEqual(['m']);
  });
});
