/** Edits of JSON texts, by hand and against the library's own, which is slower by the size of the text. */
import fc from 'fast-check';
import { applyEdits, modify } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../lambdas/core/json-document.ts';
import { withMember } from '../../lambdas/core/json-edits.ts';

describe('an edit', () => {
  it.each<[string, string, string[], JsonValue | undefined, string]>([
    [
      'replaces a value, and leaves every other byte as it was',
      '{ "seed": 12345678901234567890,  "x":1.0, "max_tokens" : 500 , "é":"\\u00e9" }',
      ['max_tokens'],
      300,
      '{ "seed": 12345678901234567890,  "x":1.0, "max_tokens" : 300 , "é":"\\u00e9" }',
    ],
    ['adds a member behind the last', '{"a":1 }', ['b'], 'c', '{"a":1,"b": "c" }'],
    ['adds the first', '  { }\n', ['b'], { c: [1] }, '  {"b": {"c":[1]} }\n'],
    [
      'adds to an object within',
      '{"stream_options":{"x":1},"y":2}',
      ['stream_options', 'include_usage'],
      true,
      '{"stream_options":{"x":1,"include_usage": true},"y":2}',
    ],
    ['removes the last', '{"a":1, "usage":null}', ['usage'], undefined, '{"a":1}'],
    ['removes the first', '{ "usage":null, "a":1}', ['usage'], undefined, '{ "a":1}'],
    ['removes one between', '{"a":1,"usage":null,"b":2}', ['usage'], undefined, '{"a":1,"b":2}'],
    ['removes the only one', '{"usage":null}', ['usage'], undefined, '{}'],
    ['removes nothing that is not there', '{"a":{"usage":1}}', ['usage'], undefined, '{"a":{"usage":1}}'],
    ['touches the last of two', '{"a":1,"a":{"b":2}}', ['a', 'b'], 3, '{"a":1,"a":{"b":3}}'],
    [
      'is not misled by what looks like members',
      '{"t":"\\"n\\":1}{[","l":[{"n":[]},"n"],"n":{}}',
      ['n'],
      1,
      '{"t":"\\"n\\":1}{[","l":[{"n":[]},"n"],"n":1}',
    ],
    ['knows a name in disguise', '{"\\u0061":1}', ['a'], 2, '{"\\u0061":2}'],
  ])('%s', (_, text, path, value, expected) => {
    expect(withMember(text, path, value)).toBe(expected);
  });

  it('of what is no object is a bug, not an endless loop', () => {
    for (const text of ['', '{', '{"a":', '{"a":[1}'])
      expect(() => withMember(text, ['b'], 1), text).toThrow(RangeError);
    expect(() => withMember('{}', ['a', 'b'], 1)).toThrow(RangeError);
  });

  it('makes the text that the library makes', () => {
    const name = fc.string({ unit: 'binary', maxLength: 2 });
    fc.assert(
      fc.property(
        fc.dictionary(name, fc.jsonValue(), { minKeys: 1 }),
        fc.nat(),
        fc.option(name),
        fc.jsonValue(),
        fc.nat(2),
        (object, n, added, value, indent) => {
          const names = Object.keys(object);
          const target = added ?? names[n % names.length]!;
          for (const inner of [false, true]) {
            const path = inner ? ['inner', target] : [target];
            const text = JSON.stringify(inner ? { x: object, inner: object } : object, null, indent);
            const ours = withMember(text, path, value);
            expect(ours).toBe(applyEdits(text, modify(text, path, value, {})));
            const parsed = JSON.parse(text) as Record<string, Record<string, unknown>>;
            Reflect.deleteProperty(inner ? parsed['inner']! : parsed, target);
            expect(JSON.parse(withMember(ours, path, undefined))).toEqual(parsed);
          }
        },
      ),
    );
  });
});
