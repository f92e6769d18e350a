import { describe, expect, it } from 'vitest';
import { isSame, keyFrom, keyIdOf, makeKey } from '../../lambdas/core/directory/app-keys.ts';
import { SeededIds } from '../support/worlds.ts';

// Worked out apart from this code, with Python's zlib.crc32 and hashlib.sha256.
const SMALL = 'sck_live_00000000000z_0000000000000000000000000000100qrREm';
const LARGE = 'sck_local_2N5tP0tRewDN_09jHlW0pUlNLagFf3jaQ8B45Nh6Jjd3TpMUl';

describe('an app key', () => {
  it.each([
    [
      'live',
      61n,
      62n,
      'key_00000000000z',
      SMALL,
      '1d0f1ce09a20bf50b466dc94cd5f0eec138f8f74aa085e21bf291cb76867310e',
    ],
    [
      'local',
      123456789012345678901n,
      2n ** 170n + 12345n,
      'key_2N5tP0tRewDN',
      LARGE,
      '91d0c6a6715a2a2b8be51ca4b0451014a4409e43a93075324e383b442c0f120f',
    ],
  ])('of %s is prefix, environment, id, secret and checksum', async (env, id, secret, keyId, key, hash) => {
    expect(await keyFrom(env, { id, secret })).toEqual({ id: keyId, key, hash });
    expect(keyIdOf(key)).toBe(keyId);
  });

  it('made of random bits is well formed, and no two are the same', async () => {
    const ids = new SeededIds(7);
    const made = await Promise.all(Array.from({ length: 50 }, () => makeKey('local', ids)));
    for (const { id, key } of made) {
      expect(key).toMatch(/^sck_local_[0-9A-Za-z]{12}_[0-9A-Za-z]{36}$/);
      expect(keyIdOf(key)).toBe(id);
    }
    expect(new Set(made.map(({ id }) => id)).size).toBe(50);
    expect(new Set(made.map(({ hash }) => hash)).size).toBe(50);
  });

  it('with any one character changed is junk', () => {
    const passed = Array.from(SMALL, (character, i) => {
      const other = character === 'x' ? 'y' : 'x';
      return SMALL.slice(0, i) + other + SMALL.slice(i + 1);
    }).filter((changed) => keyIdOf(changed) !== undefined);
    expect(passed).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['cut short', SMALL.slice(0, -1)],
    ['made longer', `${SMALL}0`],
    ['with space before', ` ${SMALL}`],
    ['with a line end', `${SMALL}\n`],
    ['two neighbours swapped', 'sck_live_0000000000z0_0000000000000000000000000000100qrREm'],
    ['in capitals', SMALL.toUpperCase()],
    ["a provider's", 'sk-proj-0123456789abcdefghijklmnopqrstuvwxyz'],
    ['a JWT', 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2ln'],
    ['of another environment', SMALL.replace('live', 'test')],
  ])('%s is junk', (_what, text) => {
    expect(keyIdOf(text)).toBeUndefined();
  });
});

describe('isSame', () => {
  it.each([
    ['', '', true],
    ['abc', 'abc', true],
    ['abc', 'abd', false],
    ['abc', 'xbc', false],
    ['abc', 'ab', false],
    ['abc', 'abcd', false],
    ['abc', 'ABC', false],
    ['', 'a', false],
  ])('%j and %j: %s', (a, b, same) => {
    expect(isSame(a, b)).toBe(same);
  });
});
