import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJsonDocument, readJsonObject } from '../../lambdas/core/json-document.ts';

const problemOf = (text: string) => {
  const parsed = parseJsonDocument(text);
  return 'problem' in parsed ? parsed.problem : undefined;
};

describe('a JSON document', () => {
  test.each([
    ['', 'The request body is not valid JSON.'],
    ['{"a":1,}', 'The request body is not valid JSON.'],
    ['[1]', 'The request body must be a JSON object.'],
    ['null', 'The request body must be a JSON object.'],
    ['{"max_tokens":1,"max_tokens":9}', 'The member "max_tokens" stands twice in one JSON object.'],
    ['{"a":[{"b":1,"\\u0062":2}]}', 'The member "b" stands twice in one JSON object.'],
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
