import { describe, expect, it } from 'vitest';
import { epochMs } from '../../lambdas/core/brands.ts';
import { paceOf, spanOfWindow, usedUpAt } from '../../lambdas/core/caps/pace.ts';
import { testCap } from '../support/worlds.ts';

const at = (text: string) => epochMs(Date.parse(text));
const NOVEMBER = { begun: at('2026-11-01T00:00:00Z'), ends: at('2026-12-01T00:00:00Z') };

describe('the pace of a window', () => {
  it.each([
    ['a third of the way', 100n, '2026-11-11T00:00:00Z', { perDay: 10n, atEnd: 300n }],
    ['half a day in', 100n, '2026-11-01T12:00:00Z', { perDay: 200n, atEnd: 6000n }],
    ['nothing settled', 0n, '2026-11-11T00:00:00Z', { perDay: 0n, atEnd: 0n }],
    ['no time gone', 100n, '2026-11-01T00:00:00Z', undefined],
    ['all of it gone', 100n, '2026-12-01T00:00:00Z', undefined],
  ])('%s', (_what, settled, now, pace) => {
    expect(paceOf(settled, NOVEMBER, at(now))).toEqual(pace);
  });

  it.each([
    ['before the end of the window', 200n, 100n, '2026-11-11T00:00:00Z', '2026-11-21T00:00:00Z'],
    ['just at its end, which is no more in it', 300n, 100n, '2026-11-11T00:00:00Z', undefined],
    ['never, where nothing is settled', 200n, 0n, '2026-11-11T00:00:00Z', undefined],
  ])('uses a limit up %s', (_what, limit, settled, now, then) => {
    expect(usedUpAt(limit, settled, NOVEMBER, at(now))).toBe(then && Date.parse(then));
  });

  it.each([
    ['minute', false],
    ['hour', false],
    ['day', true],
    ['week', true],
    ['month', true],
    ['rolling_7d', false],
    ['lifetime', false],
  ])('is told of a %s: %s', (window, isTold) => {
    const span = spanOfWindow(testCap('c', 'usd', window, 1n), 1_793_491_200n, NOVEMBER.ends);
    expect(span).toEqual(isTold ? NOVEMBER : undefined);
  });
});
