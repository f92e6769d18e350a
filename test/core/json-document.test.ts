import { describe, expect, test } from 'vitest';
import { parseJsonDocument, withMember } from '../../lambdas/core/json-document.ts';

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

  test('an edit leaves every other byte as it was', () => {
    const text = '{ "seed": 12345678901234567890,  "x":1.0, "max_tokens" : 500 , "é":"\\u00e9" }';
    expect(withMember(text, ['max_tokens'], 300)).toBe(
      '{ "seed": 12345678901234567890,  "x":1.0, "max_tokens" : 300 , "é":"\\u00e9" }',
    );
    expect(withMember('{"stream_options":{"x":1}}', ['stream_options', 'include_usage'], true)).toBe(
      '{"stream_options":{"x":1,"include_usage": true}}',
    );
    expect(withMember('{"a":1,"usage":null}', ['usage'], undefined)).toBe('{"a":1}');
  });
});
