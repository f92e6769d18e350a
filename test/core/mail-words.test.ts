import { describe, expect, it } from 'vitest';

import { windowWords } from '../../lambdas/core/mail-words.ts';

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
});
