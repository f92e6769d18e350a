import { expect, test } from 'vitest';
import { excessBytes } from '../../../lambdas/core/pricing/input-bound.ts';

const utf8 = (text: string): number => new TextEncoder().encode(text).length;

// U+1E9B (long s with dot above) is 3 bytes, 3 in NFKD, but 4 in NFD: the only one of Unicode 15 of that kind.
test.each(['NFC', 'NFD', 'NFKC', 'NFKD'])(
  'no code point is longer in %s than the input bound says',
  (form) => {
    const longer: string[] = [];
    for (let codePoint = 0; codePoint < 0x110000; codePoint += 1) {
      const text = String.fromCodePoint(codePoint);
      if (utf8(text.normalize(form)) > utf8(text) + excessBytes(text))
        longer.push(`U+${codePoint.toString(16)}`);
    }
    expect(longer).toEqual([]);
  },
);
