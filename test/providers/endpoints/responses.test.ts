/** What a responses request asks for, and what of it has no bound (prices.md 4.3, 4.4, 5.1). */
import { describe, expect, it } from 'vitest';
import { openAiResponses } from '../../../lambdas/adapters/providers/openai/responses.ts';
import { readBody, sentText, type Body } from './read-call.ts';

const read = (more: Body) => readBody(openAiResponses, { model: 'gpt-4.1', input: 'hi', ...more });
const item = (value: unknown) => ({ input: [value] });
const part = (value: unknown) => item({ role: 'user', content: [value] });

describe('a responses request', () => {
  it.each<[string, Body]>([
    ['in the background', { background: true }],
    ['a stored prompt', { prompt: { id: 'pmpt_1', variables: {} } }],
    ['compaction', { context_management: [{ type: 'compaction' }] }],
    ['web search', { tools: [{ type: 'web_search' }] }],
    ['file search', { tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }] }],
    ['a code interpreter', { tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] }],
    ['MCP', { tools: [{ type: 'mcp', server_url: 'https://m.example' }] }],
    ['image generation', { tools: [{ type: 'image_generation' }] }],
    ['computer use', { tools: [{ type: 'computer_use_preview' }] }],
    ['one server tool among functions', { tools: [{ type: 'function', name: 'f' }, { type: 'web_search' }] }],
    ['a tier without a price', { service_tier: 'ultrafast' }],
    ['a file by id', part({ type: 'input_file', file_id: 'file-1' })],
    ['a file by address', part({ type: 'input_file', file_url: 'https://f.example' })],
    ['audio', part({ type: 'input_audio', input_audio: { data: 'AAAA' } })],
    ['a part without a type', part({ text: 'hi' })],
    [
      'a file that a function put out',
      item({ type: 'function_call_output', call_id: 'c', output: [{ type: 'input_file', file_id: 'f' }] }),
    ],
    ['an item of a server tool', item({ type: 'web_search_call', id: 'ws_1' })],
    ['an item of an unknown type', item({ type: 'compaction', encrypted_content: 'x' })],
    ['an item without a type', item({ content: 'hi' })],
  ])('with %s is not meterable', (_, more) => {
    expect(read(more)).toMatchObject({ code: 'not_meterable' });
  });

  it.each<[string, Body]>([
    ['no model', { model: undefined }],
    ['a model that is no text', { model: ['gpt-4.1'] }],
    ['an output limit of 0', { max_output_tokens: 0 }],
    ['an output limit below 0', { max_output_tokens: -1 }],
    ['half an output limit', { max_output_tokens: 16.5 }],
    ['an output limit as text', { max_output_tokens: '16' }],
  ])('with %s is invalid', (_, more) => {
    expect(read(more)).toMatchObject({ code: 'invalid_request' });
  });

  it.each<[string, Body, Body]>([
    ['nothing else', {}, { outputTokensAsked: undefined, readsStoredState: false, streaming: false }],
    ['a limit', { max_output_tokens: 50 }, { outputTokensAsked: 50n, outputTokensFloor: 16n }],
    ['null for a limit', { max_output_tokens: null }, { outputTokensAsked: undefined }],
    ['a response before it', { store: true, previous_response_id: 'resp_1' }, { readsStoredState: true }],
    ['a conversation', { conversation: { id: 'conv_1' } }, { readsStoredState: true }],
    ['a reference', item({ type: 'item_reference', id: 'msg_1' }), { readsStoredState: true }],
    ['null for its state', { previous_response_id: null, conversation: null }, { readsStoredState: false }],
    ['storing only', { store: true }, { readsStoredState: false }],
    ['background false', { background: false, prompt: null, context_management: null }, { streaming: false }],
    [
      'a message without a type',
      item({ role: 'user', content: 'hi' }),
      { images: { count: 0n, inlineBytes: 0n } },
    ],
    [
      'functions',
      {
        tools: [
          { type: 'function', name: 'f' },
          { type: 'custom', name: 'g' },
        ],
      },
      { hiddenInputTokens: 1024n },
    ],
    ['a schema', { text: { format: { type: 'json_schema' } } }, { hiddenInputTokens: 1024n }],
    ['a cheaper tier', { service_tier: 'flex' }, { conditionsAsked: ['response.service_tier=flex'] }],
    ['a stream', { stream: true }, { streaming: true, wantsStreamUsage: true }],
    [
      'images',
      part({ type: 'input_image', image_url: 'data:image/png;base64,AAAA' }),
      { images: { count: 1n, inlineBytes: 26n } },
    ],
    [
      'an image by id',
      part({ type: 'input_image', file_id: 'file-1' }),
      { images: { count: 1n, inlineBytes: 0n } },
    ],
    [
      'an image that a function put out',
      item({
        type: 'function_call_output',
        call_id: 'c',
        output: [{ type: 'input_image', image_url: 'https://i.example' }],
      }),
      { images: { count: 1n, inlineBytes: 0n } },
    ],
  ])('with %s is read', (_, more, shape) => {
    expect(read(more)).toMatchObject(shape);
  });

  it('is sent with its limit changed and nothing else', () => {
    const text = '{"model":"gpt-4.1","input":"hi","odd":1.0,"max_output_tokens":9000}';
    expect(sentText(openAiResponses, text)).toBe(text);
    expect(sentText(openAiResponses, text, 300n)).toBe(text.replace('9000', '300'));
  });
});
