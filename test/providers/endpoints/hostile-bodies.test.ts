/** Bodies that are made to break a reader: each ends in an answer, never in an exception. */
import { describe, expect, it } from 'vitest';
import { anthropicMessages } from '../../../lambdas/adapters/providers/anthropic/messages.ts';
import { openAiChat } from '../../../lambdas/adapters/providers/openai/chat.ts';
import { openAiEmbeddings } from '../../../lambdas/adapters/providers/openai/embeddings.ts';
import { openAiResponses } from '../../../lambdas/adapters/providers/openai/responses.ts';
import { readText, sentText } from './read-call.ts';

const ENDPOINTS = [
  { endpoint: openAiChat, body: (odd: string) => `{"model":"gpt-4.1","messages":[],"odd":${odd}}` },
  { endpoint: openAiResponses, body: (odd: string) => `{"model":"gpt-4.1","input":"a","odd":${odd}}` },
  {
    endpoint: openAiEmbeddings,
    body: (odd: string) => `{"model":"text-embedding-3-small","input":"a","odd":${odd}}`,
  },
  {
    endpoint: anthropicMessages,
    body: (odd: string) => `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[],"odd":${odd}}`,
  },
].map((each) => ({ ...each, name: each.endpoint.name }));

const nested = (open: string, depth: number, close: string): string =>
  open.repeat(depth) + close.repeat(depth);
const MEGABYTE = 1 << 20;

describe.each(ENDPOINTS)('$name', ({ endpoint, body }) => {
  it.each([
    ['arrays 201 deep', nested('[', 201, ']')],
    ['arrays 100,000 deep', nested('[', 100_000, ']')],
    ['objects 100,000 deep', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['a member that stands twice', '{"a":1,"a":2}'],
    ['a member that stands twice, once in disguise', '{"a":1,"\\u0061":2}'],
    ['a member that stands twice, deep down', '[[{"x":[{"a":1,"b":2,"a":3}]}]]'],
    ['NaN', 'NaN'],
    ['Infinity', 'Infinity'],
    ['a comment', '1/*x*/'],
    ['a trailing comma', '[1,]'],
    ['a control character in a text', '"\u0001"'],
    ['a second value', '1} {"a":1'],
    ['no end', '['],
  ])('refuses %s', (_, odd) => {
    expect(readText(endpoint, body(odd))).toMatchObject({ code: 'invalid_request' });
  });

  it.each(['', 'null', '1', '"a"', '[]', '[{}]', 'true'])('refuses the body %j', (text) => {
    expect(readText(endpoint, text)).toMatchObject({ code: 'invalid_request' });
  });

  it('refuses a model that stands twice', () => {
    const twice = body('1').replace('"odd"', '"model":"other","odd"');
    expect(readText(endpoint, twice)).toMatchObject({ code: 'invalid_request' });
  });

  it.each([
    ['arrays 190 deep', nested('[', 190, ']')],
    ['19,000 members', `{${Array.from({ length: 19_000 }, (_, i) => `"m${i}":${i}`).join()}}`],
    ['500,000 elements', `[${'0,'.repeat(500_000)}0]`],
    ['a megabyte of one letter', `"${'a'.repeat(MEGABYTE)}"`],
    ['a megabyte of combining marks', `"${'\u0300\u0316'.repeat(MEGABYTE / 4)}"`],
    ['a number that is too large', '1e400'],
    ['negative numbers', '[-0,-1,-1e308]'],
    ['a lone surrogate', '"\\ud800"'],
    ['members of every object', '{"__proto__":{"stream":true,"n":128},"constructor":1,"hasOwnProperty":2}'],
  ])('reads past %s, and forwards it as it came', (_, odd) => {
    const text = body(odd);
    expect(readText(endpoint, text)).toMatchObject({ streaming: false, choices: 1n });
    expect(sentText(endpoint, text)).toBe(text);
  });
});

describe('huge lists where they are read', () => {
  const many = (element: string): string => `[${`${element},`.repeat(30_000)}${element}]`;
  it.each([
    [
      'chat messages',
      openAiChat,
      `{"model":"gpt-4.1","messages":${many('{"role":"user","content":[{"type":"text","text":""}]}')}}`,
    ],
    [
      'chat parts',
      openAiChat,
      `{"model":"gpt-4.1","messages":[{"content":${many('{"type":"image_url"}')}}]}`,
    ],
    ['chat tools', openAiChat, `{"model":"gpt-4.1","messages":[],"tools":${many('{"type":"function"}')}}`],
    [
      'responses items',
      openAiResponses,
      `{"model":"gpt-4.1","input":${many('{"role":"user","content":[{"type":"input_text"}]}')}}`,
    ],
    [
      'messages blocks',
      anthropicMessages,
      `{"model":"claude-haiku-4-5","max_tokens":1,"messages":[{"content":${many('{"type":"text"}')}}]}`,
    ],
    ['embeddings tokens', openAiEmbeddings, `{"model":"text-embedding-3-small","input":${many('1')}}`],
  ])('%s', (_, endpoint, text) => {
    expect(readText(endpoint, text)).toMatchObject({ choices: 1n });
  });

  it.each([
    ['an infinite output limit', openAiChat, '{"model":"gpt-4.1","messages":[],"max_tokens":1e400}'],
    ['an infinite n', openAiChat, '{"model":"gpt-4.1","messages":[],"n":1e400}'],
    [
      'an infinite output limit',
      openAiResponses,
      '{"model":"gpt-4.1","input":"a","max_output_tokens":1e400}',
    ],
    [
      'an infinite output limit',
      anthropicMessages,
      '{"model":"claude-haiku-4-5","messages":[],"max_tokens":1e400}',
    ],
    [
      'an infinite thinking budget',
      anthropicMessages,
      '{"model":"claude-haiku-4-5","messages":[],"max_tokens":9,"thinking":{"budget_tokens":1e400}}',
    ],
  ])('%s is invalid', (_, endpoint, text) => {
    expect(readText(endpoint, text)).toMatchObject({ code: 'invalid_request' });
  });

  it.each([
    [
      'chat',
      openAiChat,
      '{"model":"gpt-4.1","messages":[null,1,"a",[],{"content":[null,1,[]]},{"content":null}]}',
    ],
    ['responses', openAiResponses, '{"model":"gpt-4.1","input":[null,1,"a",[]]}'],
    [
      'messages',
      anthropicMessages,
      '{"model":"claude-haiku-4-5","max_tokens":1,"messages":[null,1,{"content":[null,1,[]]}],"tools":[null,1]}',
    ],
  ])('%s: elements that are no objects are left to the provider', (_, endpoint, text) => {
    expect(readText(endpoint, text)).toMatchObject({ choices: 1n });
  });
});
