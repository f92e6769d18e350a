import { describe, expect, it } from 'vitest';

import { windowWords, withUnit } from '../../lambdas/core/mail-words.ts';

describe('the words of mails', () => {
  it.each([
    ['month', ' a month'],
    ['rolling_1h', ' in any hour'],
    ['rolling_24h', ' in any 24 hours'],
    ['rolling_1d', ' in any day'],
    ['rolling_7d', ' in any 7 days'],
    ['lifetime', ' in all'],
  ])('say the window %s as%s', (window, words) => {
    expect(windowWords(window)).toBe(words);
  });

  it.each([
    ['usd', '1', '$1'],
    ['requests', '1', '1 request'],
    ['requests', '60', '60 requests'],
    ['tokens', '1', '1 token'],
    ['tokens', '0', '0 tokens'],
  ] as const)('count %s of %s as %s', (metric, amount, words) => {
    expect(withUnit(metric, amount)).toBe(words);
  });
});
