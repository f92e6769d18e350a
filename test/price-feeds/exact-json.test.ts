import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NotJson, numberText, parseExactJson } from '../../lambdas/adapters/price-feeds/exact-json.ts';

describe('exact JSON', () => {
  it('keeps the digits of every number, and everything else as JSON.parse has it', () => {
    const text =
      '{"a": 1.25e-07, "b": [0.1, -2, "0.1", null, true], "c": {"__proto__": 12345678901234567890.5}}';
    const value = parseExactJson(text) as { a: unknown; b: unknown[]; c: object };
    expect(numberText(value.a)).toBe('1.25e-07');
    expect(value.b.map((one) => numberText(one) ?? one)).toEqual(['0.1', '-2', '0.1', null, true]);
    expect(value.b[2]).toBe('0.1');
    expect(Object.values(value.c).map(numberText)).toEqual(['12345678901234567890.5']);
  });

  it('takes no string for a number', () => {
    expect(() => parseExactJson('{"a": "\\u00017"}')).toThrow(NotJson);
  });

  it.each([
    ['a text that ends early', '{"a": 1.2'],
    ['nothing', ''],
    ['a page', '<!doctype html><html></html>'],
    ['a comment', '{"a": 1 /* one */}'],
    ['a comma too many', '{"a": 1,}'],
    ['NaN', '{"a": NaN}'],
    ['two values', '{"a": 1}{"a": 1}'],
  ])('refuses %s', (_, text) => {
    expect(() => parseExactJson(text)).toThrow(NotJson);
  });

  it('reads what JSON.parse reads, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        if (text.includes('\\u0001')) return;
        const back = JSON.stringify(parseExactJson(text), (_name, part: unknown) => {
          const digits = numberText(part);
          return digits === undefined ? part : Number(digits);
        });
        expect(JSON.parse(back)).toEqual(JSON.parse(text));
      }),
    );
  });
});
