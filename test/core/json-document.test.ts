import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseJsonDocument,
  readJsonObject,
  textsIn,
  type JsonValue,
} from '../../lambdas/core/json-document.ts';
import { excessBytes } from '../../lambdas/core/pricing/input-bound.ts';

const problemOf = (text: string) => {
  const parsed = parseJsonDocument(text);
  return 'problem' in parsed ? parsed.problem : undefined;
};

const members = (n: number): string[] => Array.from({ length: n }, (_, i) => `"m${i}":1`);
/** What a parser says; undefined where it takes the text for no JSON. */
const valueOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

describe('a JSON document', () => {
  test.each([
    ['', 'The request body is not valid JSON.'],
    ['{"a":1,}', 'The request body is not valid JSON.'],
    ['[1]', 'The request body must be a JSON object.'],
    ['null', 'The request body must be a JSON object.'],
    ['{"max_tokens":1,"max_tokens":9}', 'The member "max_tokens" stands twice in one JSON object.'],
    ['{"a":[{"b":1,"\\u0062":2}]}', 'The member "b" stands twice in one JSON object.'],
    ['{"a":{"x":1},"b":[{"x":1},{"x":2}],"a":3}', 'The member "a" stands twice in one JSON object.'],
    ['{"b":{"a":1,"c":[[{}]],"a":2},"b":1}', 'The member "a" stands twice in one JSON object.'],
    ['{"q":"\\\\","a":"\\"b\\":","a":1}', 'The member "a" stands twice in one JSON object.'],
    [`{"a":${'['.repeat(201)}${']'.repeat(201)}}`, 'The request body is nested deeper than 200 levels.'],
  ])('%s: %s', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  test('the same name in different objects is fine', () => {
    expect(problemOf('{"a":{"b":1},"c":{"b":2}}')).toBeUndefined();
  });

  test('depth that would overflow a recursive parser is refused, not fatal', () => {
    expect(problemOf(`{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`)).toMatch('nested deeper');
  });

  test('which only opens is refused for its depth', () => {
    expect(problemOf('{"a":'.repeat(300_000))).toMatch('nested deeper');
  });

  test.each<[string, number, (n: number) => string, string]>([
    ['lists', 100_000, (n) => `{"a":[${'[],'.repeat(n - 3)}{}]}`, 'arrays and objects'],
    ['objects', 100_000, (n) => `{"a":[${'{},'.repeat(n - 3)}[]]}`, 'arrays and objects'],
    ['names in one object', 20_000, (n) => `{${members(n).join()}}`, 'different names of members'],
    ['names in many', 20_000, (n) => `{"a":[{${members(n - 1).join('},{')}}]}`, 'different names of members'],
  ])('has so many %s at most', (_, most, textOf, what) => {
    expect(problemOf(textOf(most))).toBeUndefined();
    expect(problemOf(textOf(most + 1))).toBe(`The request body has more than ${most} ${what}.`);
  });

  test('of any text it is said what a parser says', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '\\',
      'a',
      '1',
      '"a":',
      '{"a":1}',
      '\\u0061',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const text = pieces.join('');
        const parsed = parseJsonDocument(text);
        const value = valueOf(text);
        if ('document' in parsed) expect(value).toEqual(parsed.document.value);
        else if (value === undefined) expect(parsed.problem).toBe('The request body is not valid JSON.');
        else expect(parsed.problem).toMatch(/must be a JSON object|stands twice/);
      }),
    );
  });

  test('a string of quotes, colons and brackets is a string', () => {
    const value = { ':': ['\\', '"', '{"a":1,"a":2}', '[[['], '\\"': { '}': '\\\\"' } };
    expect(parseJsonDocument(JSON.stringify(value))).toMatchObject({ document: { value } });
  });

  test('of an answer, too, deeper than any real one is none', () => {
    expect(readJsonObject(`{"a":${'['.repeat(199)}${']'.repeat(199)}}`)).toBeDefined();
    expect(readJsonObject(`{"a":${'['.repeat(201)}${']'.repeat(201)}}`)).toBeUndefined();
  });

  test('with a member twice is told from one without, whatever else it holds', () => {
    const name = fc.string({ unit: 'binary', maxLength: 3 });
    fc.assert(
      fc.property(
        fc.dictionary(name, fc.jsonValue(), { minKeys: 1 }),
        fc.nat(),
        fc.nat(2),
        (value, n, indent) => {
          const text = JSON.stringify({ odd: [value, ':', { '"': '\\":' }] }, null, indent);
          expect(parseJsonDocument(text)).toMatchObject({ document: { text } });
          const names = Object.keys(value);
          const again = JSON.stringify(names[n % names.length]);
          const twice = text.replace('[', () => `[{${again}:1,"x":[],${again}:2},`);
          expect(parseJsonDocument(twice)).toHaveProperty('problem');
        },
      ),
    );
  });
});

describe('what a text says beyond ASCII', () => {
  const bound = (text: string) => excessBytes(textsIn(text));
  /** Some characters of a JSON text as escapes, which say the same; UTF-8 has no half of a pair. */
  const withEscapes = (text: string, share: number) =>
    text.replace(/[\u0080-\u{10ffff}]/gu, (character, at: number) =>
      (at * 7919) % 10 < share ? character.split('').map(escapeOf).join('') : character,
    );
  const escapeOf = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

  test('is bounded as all of its values are, written as they are or as escapes', () => {
    const words = fc.string({ unit: 'grapheme', maxLength: 20 });
    fc.assert(
      fc.property(fc.dictionary(words, fc.array(words)), fc.nat(10), (value, share) => {
        const text = withEscapes(JSON.stringify(value), share);
        expect(JSON.parse(text)).toEqual(value);
        expect(bound(text)).toBe(excessBytes(value));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['an escape', '{"a":"\\ufdfa"}', 30],
    ['an escaped backslash, and no escape behind it', '{"a":"\\\\ufdfa"}', 0],
    ['an escape behind an escaped backslash', '{"a":"\\\\\\ufdfa"}', 30],
    // U+1D15E MUSICAL SYMBOL HALF NOTE: 4 bytes, decomposed 8.
    ['a pair of escapes', '{"a":"\\ud834\\udd5e"}', 4],
    ['a name', '{"\\u00e9":1}', 1],
  ])('%s', (_, text, excess) => {
    expect(bound(text)).toBe(excess);
    expect(excessBytes(JSON.parse(text) as JsonValue)).toBe(excess);
  });
});
