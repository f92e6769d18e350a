/** What each dialect's usage block means. Counts stand here in full: they are the provider's, not ours. */
import { describe, expect, it } from 'vitest';
import {
  usageReaderFor,
  usageReaders,
  type UsageDialect,
} from '../../../lambdas/adapters/providers/usage-readers.ts';
import { whole } from '../../../lambdas/core/pricing/ratio.ts';
import { billedTokens, tokensByKind, type UsageReport } from '../../../lambdas/core/pricing/usage.ts';

function readUsage(dialect: UsageDialect, report: UsageReport) {
  const reading = usageReaders[dialect](report);
  if (reading.kind === 'unreadable') throw new Error(reading.reason);
  return reading.usage;
}

const stream = (start: object | undefined, delta: object | undefined) => ({
  message_start: start && { type: 'message_start', message: { usage: start } },
  message_delta: delta && { type: 'message_delta', usage: delta },
});

describe('tokens by kind', () => {
  it.each<[string, UsageDialect, unknown, Record<string, bigint>]>([
    [
      'cached, written and spoken tokens are parts of the prompt',
      'openai-chat',
      {
        prompt_tokens: 100,
        completion_tokens: 50,
        prompt_tokens_details: { cached_tokens: 30, cache_write_tokens: 20, audio_tokens: 10 },
        completion_tokens_details: { audio_tokens: 5, reasoning_tokens: 40 },
      },
      { input: 40n, cache_read: 30n, cache_write: 20n, input_audio: 10n, output: 45n, output_audio: 5n },
    ],
    [
      'null details tell nothing apart',
      'openai-chat',
      {
        prompt_tokens: 7,
        completion_tokens: 0,
        prompt_tokens_details: null,
        completion_tokens_details: { audio_tokens: null },
      },
      { input: 7n },
    ],
    [
      'writes of the Responses API by lifetime',
      'openai-responses',
      {
        input_tokens: 2600,
        output_tokens: 1,
        input_tokens_details: {
          cached_tokens: 2000,
          cache_write_tokens: 400,
          cache_write_tokens_details: { ttl_12h_tokens: 150, ttl_30m_tokens: 250 },
        },
      },
      { input: 200n, cache_read: 2000n, cache_write: 250n, cache_write_12h: 150n, output: 1n },
    ],
    [
      'embeddings have input alone',
      'openai-embeddings',
      { prompt_tokens: 8, total_tokens: 8 },
      { input: 8n },
    ],
    [
      'image output with text beside it',
      'openai-images',
      {
        input_tokens: 60,
        input_tokens_details: { text_tokens: 50, image_tokens: 10 },
        output_tokens: 100,
        output_tokens_details: { text_tokens: 30, image_tokens: 70 },
      },
      { input: 50n, input_image: 10n, output: 30n, output_image: 70n },
    ],
    [
      'a transcription by tokens',
      'openai-transcription',
      {
        type: 'tokens',
        input_tokens: 14,
        input_token_details: { text_tokens: 4, audio_tokens: 10 },
        output_tokens: 45,
      },
      { input: 4n, input_audio: 10n, output: 45n },
    ],
    [
      'a transcription that does not tell sound and text apart is all sound',
      'openai-transcription',
      { type: 'tokens', input_tokens: 14, output_tokens: 45 },
      { input_audio: 14n, output: 45n },
    ],
    [
      'a transcription that tells its text alone',
      'openai-transcription',
      { type: 'tokens', input_tokens: 14, input_token_details: { text_tokens: 4 }, output_tokens: 45 },
      { input: 4n, input_audio: 10n, output: 45n },
    ],
    [
      'Anthropic counts are disjoint',
      'anthropic-messages',
      {
        input_tokens: 5,
        output_tokens: 6,
        cache_read_input_tokens: 7,
        cache_creation_input_tokens: 30,
        cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
      },
      { input: 5n, cache_read: 7n, cache_write_5m: 10n, cache_write_1h: 20n, output: 6n },
    ],
    [
      'written tokens that no lifetime claims are five-minute writes',
      'anthropic-messages',
      {
        input_tokens: 5,
        output_tokens: 6,
        cache_creation_input_tokens: 50,
        cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
      },
      { input: 5n, cache_write_5m: 30n, cache_write_1h: 20n, output: 6n },
    ],
    [
      'an empty list of iterations leaves the top level',
      'anthropic-messages',
      { input_tokens: 5, output_tokens: 6, iterations: [] },
      { input: 5n, output: 6n },
    ],
    [
      'iterations take the place of the top level',
      'anthropic-messages',
      {
        input_tokens: 23_000,
        output_tokens: 1_000,
        iterations: [
          { type: 'compaction', input_tokens: 180_000, output_tokens: 3_500 },
          { type: 'message', input_tokens: 23_000, output_tokens: 1_000 },
        ],
      },
      { input: 203_000n, output: 4_500n },
    ],
    [
      'the last delta of a stream replaces what it names',
      'anthropic-stream',
      stream(
        { input_tokens: 25, cache_read_input_tokens: 1000, output_tokens: 1 },
        { input_tokens: 10_025, cache_read_input_tokens: null, output_tokens: 15 },
      ),
      { input: 10_025n, cache_read: 1000n, output: 15n },
    ],
    [
      'Converse splits writes by lifetime',
      'bedrock-converse',
      {
        inputTokens: 12,
        outputTokens: 3,
        cacheReadInputTokens: 60,
        cacheWriteInputTokens: 50,
        cacheDetails: [
          { ttl: '1h', inputTokens: 30 },
          { ttl: '5m', inputTokens: 20 },
        ],
      },
      { input: 12n, cache_read: 60n, cache_write_5m: 20n, cache_write_1h: 30n, output: 3n },
    ],
    [
      'the metrics of an invocation',
      'bedrock-invoke-metrics',
      {
        'amazon-bedrock-invocationMetrics': {
          inputTokenCount: 25,
          outputTokenCount: 150,
          cacheReadInputTokenCount: 9,
        },
      },
      { input: 25n, cache_read: 9n, output: 150n },
    ],
    [
      'Gemini thoughts and tool prompts stand outside',
      'gemini',
      {
        promptTokenCount: 500,
        toolUsePromptTokenCount: 70,
        cachedContentTokenCount: 400,
        candidatesTokenCount: 30,
        thoughtsTokenCount: 20,
        totalTokenCount: 620,
      },
      { input: 170n, cache_read: 400n, output: 50n },
    ],
    [
      'Gemini sound, some of it cached',
      'gemini',
      {
        promptTokenCount: 1100,
        promptTokensDetails: [
          { modality: 'TEXT', tokenCount: 100 },
          { modality: 'AUDIO', tokenCount: 1000 },
        ],
        cachedContentTokenCount: 650,
        cacheTokensDetails: [
          { modality: 'TEXT', tokenCount: 50 },
          { modality: 'AUDIO', tokenCount: 600 },
        ],
        candidatesTokenCount: 5,
      },
      { input: 50n, input_audio: 400n, cache_read: 50n, cache_read_audio: 600n, output: 5n },
    ],
    [
      'a cached part that Gemini does not describe is text as far as there is text',
      'gemini',
      {
        promptTokenCount: 1100,
        promptTokensDetails: [{ modality: 'AUDIO', tokenCount: 1000 }],
        cachedContentTokenCount: 150,
        candidatesTokenCount: 5,
      },
      { input_audio: 950n, cache_read: 100n, cache_read_audio: 50n, output: 5n },
    ],
    [
      'images that Gemini makes',
      'gemini',
      {
        promptTokenCount: 10,
        candidatesTokenCount: 1300,
        candidatesTokensDetails: [
          { modality: 'IMAGE', tokenCount: 1290 },
          { modality: 'TEXT', tokenCount: 10 },
        ],
        thoughtsTokenCount: 4,
      },
      { input: 10n, output: 14n, output_image: 1290n },
    ],
    [
      'images that Gemini sees are input, cached or not',
      'gemini',
      {
        promptTokenCount: 1000,
        promptTokensDetails: [{ modality: 'IMAGE', tokenCount: 500 }],
        cachedContentTokenCount: 900,
        candidatesTokenCount: 1,
      },
      { input: 100n, cache_read: 900n, output: 1n },
    ],
    [
      'DeepSeek hits alone',
      'deepseek-chat',
      { prompt_tokens: 100, completion_tokens: 1, prompt_cache_hit_tokens: 60 },
      { input: 40n, cache_read: 60n, output: 1n },
    ],
    [
      'DeepSeek misses alone',
      'deepseek-chat',
      { prompt_tokens: 100, completion_tokens: 1, prompt_cache_miss_tokens: 60 },
      { input: 60n, cache_read: 40n, output: 1n },
    ],
    [
      'xAI reasons outside of its completion',
      'xai-chat',
      { prompt_tokens: 32, completion_tokens: 9, completion_tokens_details: { reasoning_tokens: 94 } },
      { input: 32n, output: 103n },
    ],
    [
      'Cohere is charged for what the model saw',
      'cohere-v2',
      {
        billed_units: { input_tokens: 1, output_tokens: 1 },
        tokens: { input_tokens: 700, output_tokens: 52 },
        cached_tokens: 100,
      },
      { input: 600n, cache_read: 100n, output: 52n },
    ],
  ])('%s', (_, dialect, usage, expected) => {
    const read = readUsage(dialect, { usage });
    expect(tokensByKind(read)).toEqual(expected);
    expect(billedTokens(read)).toBe(Object.values(expected).reduce((sum, n) => sum + n, 0n));
  });
});

describe('what a threshold counts', () => {
  it.each<[string, UsageDialect, unknown, bigint]>([
    [
      'all of the prompt',
      'openai-chat',
      { prompt_tokens: 300, completion_tokens: 9, prompt_tokens_details: { cached_tokens: 250 } },
      300n,
    ],
    [
      'input, reads and writes of Anthropic',
      'anthropic-messages',
      {
        input_tokens: 1,
        output_tokens: 9,
        cache_read_input_tokens: 150_000,
        cache_creation_input_tokens: 50_000,
      },
      200_001n,
    ],
    [
      'the prompt of Gemini without tool use',
      'gemini',
      { promptTokenCount: 500, toolUsePromptTokenCount: 70, candidatesTokenCount: 1 },
      500n,
    ],
  ])('%s', (_, dialect, usage, expected) => {
    expect(readUsage(dialect, { usage }).parts[0]!.tierInputTokens).toBe(expected);
  });
});

describe('conditions and fees', () => {
  const chat = { prompt_tokens: 1, completion_tokens: 1 };
  const message = { input_tokens: 1, output_tokens: 1 };
  it('come from where each provider reports them', () => {
    expect(
      readUsage('openai-chat', { usage: chat, response: { service_tier: 'priority' } }).conditions,
    ).toEqual({ 'response.service_tier': 'priority' });
    expect(
      readUsage('anthropic-messages', {
        usage: { ...message, service_tier: 'standard', speed: 'fast', inference_geo: null },
      }).conditions,
    ).toEqual({ 'usage.service_tier': 'standard', 'usage.speed': 'fast' });
    expect(
      readUsage('bedrock-converse', {
        usage: { inputTokens: 1, outputTokens: 1 },
        response: { serviceTier: { type: 'flex' }, performanceConfig: { latency: 'optimized' } },
      }).conditions,
    ).toEqual({ 'response.serviceTier.type': 'flex', 'response.performanceConfig.latency': 'optimized' });
    expect(
      readUsage('gemini', {
        usage: { promptTokenCount: 1, candidatesTokenCount: 1, serviceTier: 'priority' },
      }).conditions,
    ).toEqual({ 'usage.serviceTier': 'priority' });
  });

  it('do not vanish when they are no text', () => {
    const usage = { ...message, speed: { mode: 'fast' } };
    expect(readUsage('anthropic-messages', { usage }).conditions).toEqual({
      'usage.speed': '{"mode":"fast"}',
    });
  });

  it('count the tool calls of an answer, or take the counts that the caller made', () => {
    const usage = { input_tokens: 1, output_tokens: 1 };
    const output = [
      { type: 'web_search_call' },
      { type: 'web_search_call' },
      { type: 'file_search_call' },
      { type: 'message' },
      { type: 'constructor' },
      null,
    ];
    expect(readUsage('openai-responses', { usage, response: { output } }).fees).toEqual({
      web_search: whole(2n),
      file_search: whole(1n),
    });
    expect(
      readUsage('openai-responses', { usage, response: { output }, fees: { web_search: whole(9n) } }).fees,
    ).toEqual({ web_search: whole(9n) });
  });

  it('count the searches of Gemini by query', () => {
    const response = {
      candidates: [
        { groundingMetadata: { webSearchQueries: ['a', 'b'] } },
        { groundingMetadata: { webSearchQueries: ['c'] } },
        {},
      ],
    };
    const usage = { promptTokenCount: 1, candidatesTokenCount: 1 };
    expect(readUsage('gemini', { usage, response }).fees).toEqual({ web_search: whole(3n) });
    expect(readUsage('gemini', { usage }).fees).toEqual({});
  });

  it('count the server tools of Anthropic, also one that nobody knows yet', () => {
    const usage = {
      ...message,
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 5, dreaming_requests: 1 },
    };
    expect(readUsage('anthropic-messages', { usage }).fees).toEqual({
      web_search: whole(2n),
      dreaming: whole(1n),
    });
  });

  it('keep parts of a second', () => {
    expect(readUsage('openai-transcription', { usage: { type: 'duration', seconds: 9.5 } }).fees).toEqual({
      audio_second: { n: 95n, d: 10n },
    });
  });

  it('name the model that a prompt router or an iteration used', () => {
    const routed = readUsage('bedrock-converse', {
      usage: { inputTokens: 1, outputTokens: 1 },
      response: { trace: { promptRouter: { invokedModelId: 'us.amazon.nova-pro-v1:0' } } },
    });
    expect(routed.parts[0]!.model).toBe('us.amazon.nova-pro-v1:0');
    const advised = readUsage('anthropic-messages', {
      usage: {
        ...message,
        iterations: [
          { type: 'message', ...message },
          { type: 'advisor_message', model: 'b', ...message },
        ],
      },
    });
    expect(advised.parts.map(({ model }) => model)).toEqual([undefined, 'b']);
  });
});

describe('absent is not zero', () => {
  const absurd = [
    undefined,
    null,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    1e300,
    '7',
    true,
    {},
  ];
  const mandatory: [UsageDialect, Record<string, unknown>, string[]][] = [
    ['openai-chat', { prompt_tokens: 1, completion_tokens: 1 }, ['prompt_tokens', 'completion_tokens']],
    ['groq-chat', { prompt_tokens: 1, completion_tokens: 1 }, ['prompt_tokens', 'completion_tokens']],
    ['openrouter-chat', { prompt_tokens: 1, completion_tokens: 1 }, ['prompt_tokens', 'completion_tokens']],
    ['deepseek-chat', { prompt_tokens: 1, completion_tokens: 1 }, ['prompt_tokens', 'completion_tokens']],
    ['xai-chat', { prompt_tokens: 1, completion_tokens: 1 }, ['prompt_tokens', 'completion_tokens']],
    ['mistral-chat', { prompt_tokens: 1, completion_tokens: 1 }, ['prompt_tokens', 'completion_tokens']],
    ['mistral-ocr', { pages_processed: 1 }, ['pages_processed']],
    ['openai-responses', { input_tokens: 1, output_tokens: 1 }, ['input_tokens', 'output_tokens']],
    ['openai-embeddings', { prompt_tokens: 1 }, ['prompt_tokens']],
    ['openai-images', { input_tokens: 1, output_tokens: 1 }, ['input_tokens', 'output_tokens']],
    ['openai-speech', { characters: 1 }, ['characters']],
    [
      'openai-transcription',
      { type: 'tokens', input_tokens: 1, output_tokens: 1 },
      ['type', 'input_tokens', 'output_tokens'],
    ],
    ['anthropic-messages', { input_tokens: 1, output_tokens: 1 }, ['input_tokens', 'output_tokens']],
    ['bedrock-invoke-anthropic', { input_tokens: 1, output_tokens: 1 }, ['input_tokens', 'output_tokens']],
    ['bedrock-converse', { inputTokens: 1, outputTokens: 1 }, ['inputTokens', 'outputTokens']],
    ['bedrock-invoke-titan-embed', { inputTextTokenCount: 1 }, ['inputTextTokenCount']],
    [
      'gemini',
      { promptTokenCount: 1, candidatesTokenCount: 1 },
      ['promptTokenCount', 'candidatesTokenCount'],
    ],
  ];

  it.each(mandatory)('%s', (dialect, usage, names) => {
    expect(usageReaders[dialect]({ usage }).kind).toBe('read');
    for (const name of names) {
      for (const value of absurd) {
        const reading = usageReaders[dialect]({ usage: { ...usage, [name]: value } });
        expect(reading, `${name} = ${JSON.stringify(value)}`).toMatchObject({ kind: 'unreadable' });
      }
    }
  });

  it.each(Object.keys(usageReaders) as UsageDialect[])('%s without any block', (dialect) => {
    for (const usage of [undefined, null, [], {}, 'usage', 7]) {
      expect(usageReaders[dialect]({ usage })).toMatchObject({ kind: 'unreadable' });
    }
  });

  it.each<[string, UsageDialect, unknown]>([
    [
      'more cached than sent',
      'openai-chat',
      { prompt_tokens: 10, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 11 } },
    ],
    [
      'more spoken than answered',
      'openai-chat',
      { prompt_tokens: 10, completion_tokens: 1, completion_tokens_details: { audio_tokens: 2 } },
    ],
    [
      'a part that is no count',
      'openai-chat',
      { prompt_tokens: 10, completion_tokens: 1, prompt_tokens_details: { cached_tokens: -1 } },
    ],
    [
      'more kept for 12 hours than written',
      'openai-responses',
      {
        input_tokens: 10,
        output_tokens: 1,
        input_tokens_details: {
          cached_tokens: 0,
          cache_write_tokens: 2,
          cache_write_tokens_details: { ttl_12h_tokens: 3 },
        },
      },
    ],
    [
      'hits and misses that do not add up',
      'deepseek-chat',
      { prompt_tokens: 10, completion_tokens: 1, prompt_cache_hit_tokens: 3, prompt_cache_miss_tokens: 3 },
    ],
    [
      'an iteration without output',
      'anthropic-messages',
      { input_tokens: 1, output_tokens: 1, iterations: [{ type: 'message', input_tokens: 1 }] },
    ],
    [
      'server tools that are no counts',
      'anthropic-messages',
      { input_tokens: 1, output_tokens: 1, server_tool_use: { web_search_requests: 'two' } },
    ],
    ['a stream without its start', 'anthropic-stream', stream(undefined, { output_tokens: 15 })],
    [
      'a stream without its end',
      'anthropic-stream',
      stream({ input_tokens: 25, output_tokens: 1 }, undefined),
    ],
    [
      'a stream whose end has no output: the start has a placeholder',
      'anthropic-stream',
      stream({ input_tokens: 25, output_tokens: 1 }, { output_tokens: null }),
    ],
    [
      'a cache lifetime that nobody knows',
      'bedrock-converse',
      { inputTokens: 1, outputTokens: 1, cacheDetails: [{ ttl: '2d', inputTokens: 1 }] },
    ],
    [
      'a silent Gemini whose total says that it spoke',
      'gemini',
      { promptTokenCount: 12, totalTokenCount: 13 },
    ],
    ['a silent Gemini without a total', 'gemini', { promptTokenCount: 12 }],
    [
      'more cached than Gemini was sent',
      'gemini',
      { promptTokenCount: 12, cachedContentTokenCount: 13, candidatesTokenCount: 1 },
    ],
    ['sound shorter than nothing', 'openai-transcription', { type: 'duration', seconds: -1 }],
    ['sound as long as no decimal', 'groq-transcription', { seconds: 1e-9 }],
  ])('%s', (_, dialect, usage) => {
    expect(usageReaders[dialect]({ usage })).toMatchObject({ kind: 'unreadable' });
  });

  it('says which member is unreadable', () => {
    expect(usageReaders['openai-chat']({ usage: { prompt_tokens: 1 } })).toMatchObject({
      reason: expect.stringMatching(/^usage\.completion_tokens: /) as string,
    });
  });

  it('reads the largest count exactly', () => {
    const usage = { prompt_tokens: Number.MAX_SAFE_INTEGER, completion_tokens: 0 };
    expect(tokensByKind(readUsage('openai-chat', { usage }))).toEqual({ input: 9_007_199_254_740_991n });
  });
});

describe('the reader of an endpoint', () => {
  it('is the provider’s own where several share the endpoint', () => {
    expect(usageReaderFor('openai-chat', 'openai')).toBe(usageReaders['openai-chat']);
    expect(usageReaderFor('openai-chat', 'xai')).toBe(usageReaders['xai-chat']);
    expect(usageReaderFor('openai-chat', 'deepseek')).toBe(usageReaders['deepseek-chat']);
    expect(usageReaderFor('openai-chat', 'mistral')).toBe(usageReaders['mistral-chat']);
    expect(usageReaderFor('anthropic-stream', 'anthropic')).toBe(usageReaders['anthropic-stream']);
    expect(usageReaderFor('gemini-generate', 'google')).toBe(usageReaders.gemini);
  });

  it('reads nothing where nobody has read the shape', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 1 };
    expect(usageReaderFor('openai-chat', 'anthropic')({ usage })).toEqual({
      kind: 'unreadable',
      reason: 'no reader for openai-chat by anthropic',
    });
  });
});
