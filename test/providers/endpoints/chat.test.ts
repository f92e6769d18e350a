/** What a chat request asks for, and what of it has no bound (prices.md 4.3, 4.4, 5.1). */
import { describe, expect, it } from 'vitest';
import { openAiChat } from '../../../lambdas/adapters/providers/openai/chat.ts';
import { readBody, sentText, type Body } from './read-call.ts';

const BASE = { model: 'gpt-4.1', messages: [{ role: 'user', content: 'hi' }] };
const read = (more: Body) => readBody(openAiChat, { ...BASE, ...more });
const userPart = (part: unknown) => ({ messages: [{ role: 'user', content: [part] }] });

describe('a chat request', () => {
  it.each<[string, Body]>([
    ['audio output', { modalities: ['text', 'audio'] }],
    ['audio options', { audio: { voice: 'alloy', format: 'wav' } }],
    ['image output', { modalities: ['image'] }],
    ['audio input', userPart({ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } })],
    ['earlier audio by id', { messages: [{ role: 'assistant', audio: { id: 'audio_1' } }] }],
    ['a file by id', userPart({ type: 'file', file: { file_id: 'file-1' } })],
    ['a part of an unknown type', userPart({ type: 'video_url', video_url: { url: 'https://v.example' } })],
    ['a part without a type', userPart({ text: 'hi' })],
    ['web search', { web_search_options: {} }],
    ['a server tool', { tools: [{ type: 'function', function: { name: 'f' } }, { type: 'web_search' }] }],
    ['a tool without a type', { tools: [{}] }],
    ['a tool that is no object', { tools: ['web_search'] }],
    ['a tier without a price', { service_tier: 'ultrafast' }],
    ['a tier named like a member of every object', { service_tier: 'constructor' }],
    ['a tier that is no text', { service_tier: ['flex'] }],
  ])('with %s is not meterable', (_, more) => {
    expect(read(more)).toMatchObject({ code: 'not_meterable' });
  });

  it.each<[string, Body]>([
    ['no model', { model: undefined }],
    ['an empty model', { model: '' }],
    ['a model that is no text', { model: 4 }],
    ['no messages', { messages: undefined }],
    ['messages that are no array', { messages: { 0: BASE.messages[0] } }],
    ['n 0', { n: 0 }],
    ['n below 0', { n: -1 }],
    ['half an n', { n: 1.5 }],
    ['n above 128', { n: 129 }],
    ['n as text', { n: '2' }],
    ['an output limit of 0', { max_tokens: 0 }],
    ['an output limit below 0', { max_completion_tokens: -5 }],
    ['half an output limit', { max_tokens: 10.5 }],
    ['an output limit as text', { max_completion_tokens: '10' }],
    ['an output limit beyond exact numbers', { max_tokens: 2 ** 53 }],
    ['one limit of two that is none', { max_tokens: 5, max_completion_tokens: false }],
  ])('with %s is invalid', (_, more) => {
    expect(read(more)).toMatchObject({ code: 'invalid_request' });
  });

  it.each<[string, Body, Body]>([
    ['nothing else', {}, { outputTokensAsked: undefined, choices: 1n, streaming: false, output: 'limited' }],
    ['the newer limit', { max_completion_tokens: 7 }, { outputTokensAsked: 7n }],
    ['the older limit', { max_tokens: 7 }, { outputTokensAsked: 7n }],
    ['both limits: the larger', { max_tokens: 9, max_completion_tokens: 7 }, { outputTokensAsked: 9n }],
    ['null for both', { max_tokens: null, max_completion_tokens: null }, { outputTokensAsked: undefined }],
    ['n', { n: 128 }, { choices: 128n }],
    ['n null', { n: null }, { choices: 1n }],
    ['function tools', { tools: [{ type: 'function', function: {} }] }, { hiddenInputTokens: 1024n }],
    ['custom tools', { tools: [{ type: 'custom', custom: {} }] }, { hiddenInputTokens: 1024n }],
    ['a schema', { response_format: { type: 'json_schema' } }, { hiddenInputTokens: 1024n }],
    ['the default tier', { service_tier: 'default' }, { conditionsAsked: [], tierIsOpen: false }],
    [
      'a dearer tier, which the answer may name otherwise',
      { service_tier: 'priority' },
      {
        conditionsAsked: ['response.service_tier=priority'],
        conditionsPossible: ['response.service_tier=fast'],
        tierIsOpen: false,
      },
    ],
    [
      'the same by its other name',
      { service_tier: 'fast' },
      {
        conditionsAsked: ['response.service_tier=fast'],
        conditionsPossible: ['response.service_tier=priority'],
      },
    ],
    ['no tier', { service_tier: null }, { conditionsAsked: [], tierIsOpen: true }],
    ['the tier of the project', { service_tier: 'auto' }, { conditionsAsked: [], tierIsOpen: true }],
    ['a cache of another lifetime', { prompt_cache_options: { ttl: '12h' } }, { cacheWrites: '12h' }],
    ['a cache as usual', { prompt_cache_options: { ttl: '30m' } }, { cacheWrites: 'default' }],
    ['text output', { modalities: ['text'], audio: null }, { streaming: false }],
    ['a long cache', { prompt_cache_retention: '24h' }, { cacheWrites: '12h' }],
    ['a stream', { stream: true }, { streaming: true, wantsStreamUsage: false }],
    [
      'a stream with usage',
      { stream: true, stream_options: { include_usage: true } },
      { streaming: true, wantsStreamUsage: true },
    ],
    [
      'images by reference and inline',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'hi' },
              { type: 'image_url', image_url: { url: 'https://i.example/a.png' } },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
            ],
          },
        ],
      },
      { images: { count: 2n, inlineBytes: 26n } },
    ],
  ])('with %s is read', (_, more, shape) => {
    expect(read(more)).toMatchObject(shape);
  });
});

describe('the chat request that is sent', () => {
  const text = '{"model":"gpt-4.1","messages":[],"odd":1.0';
  it.each([
    ['as it came', `${text}}`, undefined, `${text}}`],
    ['with the older name kept', `${text},"max_tokens":9e3}`, 300n, `${text},"max_tokens":300}`],
    [
      'with both names lowered',
      `${text},"max_tokens":900,"max_completion_tokens":800}`,
      300n,
      `${text},"max_tokens":300,"max_completion_tokens":300}`,
    ],
  ])('%s', (_, body, limit, sent) => {
    expect(sentText(openAiChat, body, limit)).toBe(sent);
  });

  it('finds a limit however its name is written', () => {
    const body = '{"model":"gpt-4.1","messages":[],"max_\\u0074okens":9000}';
    expect(JSON.parse(sentText(openAiChat, body, 300n))).toEqual({
      model: 'gpt-4.1',
      messages: [],
      max_tokens: 300,
    });
  });

  it('asks for usage only on streams', () => {
    const streaming = sentText(openAiChat, `${text},"stream":true}`);
    expect(JSON.parse(streaming)).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    expect(streaming.startsWith(text)).toBe(true);
  });
});
