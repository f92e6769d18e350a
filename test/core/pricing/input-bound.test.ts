import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../lambdas/core/json-document.ts';
import { excessBytes, inputTokensMax } from '../../../lambdas/core/pricing/input-bound.ts';

const utf8 = (text: string): number => new TextEncoder().encode(text).length;

describe('input bound', () => {
  it.each([
    { what: 'plain English', text: 'The quick brown fox', excess: 0 },
    { what: 'one letter, a million times', text: 'a'.repeat(1_000_000), excess: 0 },
    { what: 'an emoji, many times', text: '👩‍👩‍👧‍👦'.repeat(40_000), excess: 0 },
    { what: 'combining marks, many', text: 'a' + '\u0301\u0323'.repeat(200_000), excess: 0 },
    { what: 'lone surrogates', text: '\ud800x\udc00', excess: 0 },
    // One code point of 3 bytes that NFKD makes 18 of 33 bytes.
    { what: 'the worst of Unicode', text: '\ufdfa', excess: 30 },
    { what: 'the worst of Unicode, many times', text: '\ufdfa'.repeat(100_000), excess: 3_000_000 },
    // é: 2 bytes, decomposed 3. ﬃ: 3 bytes, decomposed 3.
    { what: 'an accent', text: 'é', excess: 1 },
    // ẛ: 3 bytes, in NFKD 3, in NFD 4.
    { what: 'the one that is longest in NFD', text: '\u1e9b', excess: 1 },
    { what: 'a ligature', text: 'ﬃ', excess: 0 },
    // U+1D7D8 DOUBLE-STRUCK DIGIT ZERO: 4 bytes, decomposed 1, which saves nothing for its neighbours.
    { what: 'what shrinks does not pay for what grows', text: '\u{1d7d8}é', excess: 1 },
  ])('$what', ({ text, excess }) => {
    expect(excessBytes(text)).toBe(excess);
  });

  it('reads all texts of a JSON value, names too', () => {
    const json = { é: ['é', 1, null, true, { deep: 'é' }], messages: [{ content: [{ text: '\ufdfa' }] }] };
    expect(excessBytes(json)).toBe(33);
  });

  it('survives nesting that no stack would', () => {
    let json: JsonValue = 'é';
    for (let depth = 0; depth < 200_000; depth++) json = depth % 2 === 0 ? [json] : { a: json };
    expect(excessBytes(json)).toBe(1);
  });

  it('adds what no byte stands for, and divides by the shortest token', () => {
    const question = { bodyBytes: 1000n, json: { text: '\ufdfa' } };
    expect(inputTokensMax(question)).toBe(1030n);
    expect(inputTokensMax({ ...question, constants: [1024n, 3n] })).toBe(2057n);
    expect(inputTokensMax({ ...question, bytesPerTokenFloor: '0.5' })).toBe(2060n);
    expect(inputTokensMax({ ...question, bytesPerTokenFloor: '3' })).toBe(344n);
  });

  it('is never below the normalised length of any text, nor below its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const bound = utf8(text) + excessBytes(text);
        for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'])
          expect(bound).toBeGreaterThanOrEqual(utf8(text.normalize(form)));
        expect(excessBytes(text)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 500 },
    );
  });
});
