import { describe, expect, it } from 'vitest';
import { durationMs } from '../../lambdas/core/brands.ts';
import { FreshCache } from '../../lambdas/core/directory/fresh-cache.ts';
import { ManualClock } from '../support/worlds.ts';

const LAG = 30_000;

/** Loads give 1, 2, 3, … so that each value tells which load it comes from. */
function world() {
  const clock = new ManualClock();
  const cache = new FreshCache<number>(clock, durationMs(LAG));
  let loads = 0;
  const get = (name = 'a') => cache.get(name, () => Promise.resolve((loads += 1)));
  return { clock, cache, get };
}

describe('a fresh cache', () => {
  it.each([
    [0, 1],
    [1, 1],
    [LAG - 1, 1],
    [LAG, 2],
    [LAG + 1, 2],
  ])('after %i ms gives load %i', async (age, load) => {
    const { clock, get } = world();
    expect(await get()).toBe(1);
    clock.advance(durationMs(age));
    expect(await get()).toBe(load);
  });

  it('counts age from the last load, not from the last question', async () => {
    const { clock, get } = world();
    await get();
    clock.advance(durationMs(20_000));
    expect(await get()).toBe(1);
    clock.advance(durationMs(20_000));
    expect(await get()).toBe(2);
  });

  it('counts age from the beginning of a load: what it reads may be as old as that', async () => {
    const { clock, cache, get } = world();
    let arrive: (value: number) => void = () => undefined;
    const slow = cache.get('a', () => new Promise((resolve) => (arrive = resolve)));
    clock.advance(durationMs(LAG));
    arrive(-1);
    expect(await slow).toBe(-1);
    expect(await get()).toBe(1);
  });

  it('loads once for all who ask at the same time, and a name apart from another', async () => {
    const { get } = world();
    expect(await Promise.all([get('a'), get('a'), get('b'), get('a')])).toEqual([1, 1, 2, 1]);
  });

  it('keeps no failure', async () => {
    const { cache, get } = world();
    const failing = () => cache.get('a', () => Promise.reject(new Error('no table')));
    await expect(Promise.all([failing(), failing()])).rejects.toThrow('no table');
    expect(await get()).toBe(1);
  });

  it('keeps a newer value when an older load fails late', async () => {
    const { cache, get } = world();
    let fail: (error: Error) => void = () => undefined;
    const late = cache.get('a', () => new Promise((_resolve, reject) => (fail = reject)));
    cache.forget('a');
    expect(await get()).toBe(1);
    fail(new Error('late'));
    await expect(late).rejects.toThrow('late');
    expect(await get()).toBe(1);
  });

  it('forgets one name or all', async () => {
    const { cache, get } = world();
    await get('a');
    await get('b');
    cache.forget('a');
    expect([await get('a'), await get('b')]).toEqual([3, 2]);
    cache.forgetAll();
    expect([await get('a'), await get('b')]).toEqual([4, 5]);
  });

  it('a load that began before a change is not kept after it', async () => {
    const { cache, get } = world();
    let arrive: (value: number) => void = () => undefined;
    const before = cache.get('a', () => new Promise((resolve) => (arrive = resolve)));
    cache.forgetAll();
    arrive(-1);
    expect(await before).toBe(-1);
    expect(await get()).toBe(1);
  });
});
