/** What an embeddings request asks for; it has no output, so its bytes are its bound. */
import { describe, expect, it } from 'vitest';
import { openAiEmbeddings } from '../../../lambdas/adapters/providers/openai/embeddings.ts';
import { readBody, sentText, type Body } from './read-call.ts';

const read = (more: Body) => readBody(openAiEmbeddings, { model: 'text-embedding-3-small', ...more });

describe('an embeddings request', () => {
  it.each<[string, unknown, bigint]>([
    ['text', 'hi', 1n],
    ['texts', ['hi', '', 'ho'], 3n],
    ['tokens', [1, 2, 3], 1n],
    ['lists of tokens', [[1, 2], [3]], 2n],
    ['a token and a text, which the provider may refuse', [1, 'hi'], 2n],
    ['nothing, which it refuses', [], 1n],
  ])('of %s is read, each input by itself', (_, input, inputs) => {
    expect(read({ input })).toMatchObject({ output: 'none', choices: 1n, streaming: false, inputs });
  });

  it.each<[string, Body]>([
    ['no model', { model: undefined, input: 'hi' }],
    ['no input', {}],
    ['a number', { input: 1 }],
    ['null', { input: null }],
    ['an object', { input: { text: 'hi' } }],
    ['objects, which may name what its bytes do not bound', { input: [{ image: 'https://i.example' }] }],
    ['objects within lists', { input: [[{ image: 'https://i.example' }]] }],
  ])('with %s is invalid', (_, more) => {
    expect(read(more)).toMatchObject({ code: 'invalid_request' });
  });

  it('is sent as it came', () => {
    const text = '{"input":["a"],"dimensions":2.56e2,"model":"text-embedding-3-small"}';
    expect(sentText(openAiEmbeddings, text)).toBe(text);
  });
});
