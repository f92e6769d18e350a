/** What a messages request asks for, and what of it has no bound (prices.md 4.2 to 4.4, 5.2). */
import { describe, expect, it } from 'vitest';
import { anthropicMessages } from '../../../lambdas/adapters/providers/anthropic/messages.ts';
import { readBody, sentText, type Body } from './read-call.ts';

const BASE = { model: 'claude-haiku-4-5', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };
const read = (more: Body) => readBody(anthropicMessages, { ...BASE, ...more });
const block = (value: unknown) => ({ messages: [{ role: 'user', content: [value] }] });
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAAAAAA' } };
const result = (content: unknown) => block({ type: 'tool_result', tool_use_id: 't', content });

describe('a messages request', () => {
  it.each<[string, Body]>([
    ['code execution', { tools: [{ type: 'code_execution_20250825', name: 'code_execution' }] }],
    ['an MCP toolset', { tools: [{ type: 'mcp_toolset', mcp_server_name: 'm' }] }],
    ['a tool that only looks like a client tool', { tools: [{ type: 'bash_20250124_server' }] }],
    ['MCP servers', { mcp_servers: [{ type: 'url', url: 'https://m.example' }] }],
    ['a container', { container: 'container_1' }],
    [
      'a PDF',
      block({ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'A' } }),
    ],
    ['a document by address', block({ type: 'document', source: { type: 'url', url: 'https://d.example' } })],
    ['a document by id', block({ type: 'document', source: { type: 'file', file_id: 'file_1' } })],
    [
      'a document in a tool result',
      result([{ type: 'document', source: { type: 'url', url: 'https://d.example' } }]),
    ],
    ['an upload', block({ type: 'container_upload', file_id: 'file_1' })],
    ['a block without a type', block({ text: 'hi' })],
    ['a block of an unknown type in system', { system: [{ type: 'video' }] }],
  ])('with %s is not meterable', (_, more) => {
    expect(read(more)).toMatchObject({ code: 'not_meterable' });
  });

  it.each<[string, Body]>([
    ['no model', { model: undefined }],
    ['no messages', { messages: undefined }],
    ['messages that are text', { messages: 'hi' }],
    ['no output limit', { max_tokens: undefined }],
    ['null for an output limit', { max_tokens: null }],
    ['an output limit below 0', { max_tokens: -1 }],
    ['half an output limit', { max_tokens: 0.5 }],
    ['an output limit as text', { max_tokens: '100' }],
    ['an output limit beyond exact numbers', { max_tokens: 2 ** 53 }],
    ['half a thinking budget', { thinking: { type: 'enabled', budget_tokens: 1024.5 } }],
  ])('with %s is invalid', (_, more) => {
    expect(read(more)).toMatchObject({ code: 'invalid_request' });
  });

  it.each<[string, Body, Body]>([
    ['nothing else', {}, { outputTokensAsked: 100n, cacheWrites: 'none', hiddenInputTokens: 0n }],
    ['a warm-up', { max_tokens: 0 }, { outputTokensAsked: 0n }],
    ['thinking', { thinking: { type: 'enabled', budget_tokens: 2000 } }, { outputTokensFloor: 2001n }],
    ['adaptive thinking', { thinking: { type: 'adaptive' } }, { outputTokensFloor: 1n }],
    ['tools', { tools: [{ name: 'f', input_schema: {} }] }, { hiddenInputTokens: 1024n }],
    ['custom tools', { tools: [{ type: 'custom', name: 'f' }] }, { hiddenInputTokens: 1024n }],
    [
      'a client toolset',
      { tools: [{ type: 'computer_20250124', name: 'computer' }] },
      { hiddenInputTokens: 8192n },
    ],
    ['a kept conversation', { thread: { type: 'create' } }, { readsStoredState: true }],
    [
      'what a server tool found earlier',
      block({ type: 'web_search_tool_result', tool_use_id: 's', content: [] }),
      { readsStoredState: true },
    ],
    ['nothing that is kept', { thread: null }, { readsStoredState: false }],
    [
      'a cache mark of a lifetime that nobody knows',
      { cache_control: { type: 'ephemeral', ttl: '24h' } },
      { cacheWrites: '1h' },
    ],
    ['no MCP servers', { mcp_servers: [], container: null }, { streaming: false }],
    ['a cache mark', { cache_control: { type: 'ephemeral' } }, { cacheWrites: '5m' }],
    [
      'a cache mark on a block',
      block({ type: 'text', text: 'a', cache_control: { type: 'ephemeral', ttl: '5m' } }),
      { cacheWrites: '5m' },
    ],
    [
      'a long cache mark on a tool',
      { tools: [{ name: 'f', cache_control: { type: 'ephemeral', ttl: '1h' } }] },
      { cacheWrites: '1h' },
    ],
    ['the fast mode', { speed: 'fast' }, { conditionsAsked: ['usage.speed=fast'] }],
    ['the standard speed', { speed: 'standard', inference_geo: 'global' }, { conditionsPossible: [] }],
    ['no geography: the dearest default', {}, { conditionsPossible: ['usage.inference_geo=us'] }],
    [
      'a text document',
      block({ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a' } }),
      { images: { count: 0n, inlineBytes: 0n } },
    ],
    ['an image', block(image), { images: { count: 1n, inlineBytes: 8n } }],
    [
      'an image by address',
      block({ type: 'image', source: { type: 'url', url: 'https://i.example' } }),
      { images: { count: 1n, inlineBytes: 0n } },
    ],
    ['images in a tool result', result([image, image]), { images: { count: 2n, inlineBytes: 16n } }],
    [
      'images in a document',
      block({ type: 'document', source: { type: 'content', content: [image] } }),
      { images: { count: 1n, inlineBytes: 8n } },
    ],
    ['a stream', { stream: true }, { streaming: true, wantsStreamUsage: true }],
  ])('with %s is read', (_, more, shape) => {
    expect(read(more)).toMatchObject(shape);
  });

  it.each([
    ['a speed', { speed: 'ludicrous' }, 'usage.speed=ludicrous'],
    ['a geography', { inference_geo: 'mars' }, 'usage.inference_geo=mars'],
  ])('with %s that no card prices asks for that price, and so is refused', (_, more, condition) => {
    expect(read(more)).toMatchObject({ conditionsAsked: [condition] });
  });

  it('is sent with its limit changed and nothing else', () => {
    const text = '{"odd":1.0,"max_tokens":9000,"model":"claude-haiku-4-5","messages":[]}';
    expect(sentText(anthropicMessages, text)).toBe(text);
    expect(sentText(anthropicMessages, text, 300n)).toBe(text.replace('9000', '300'));
  });
});
