import { describe, expect } from 'vitest';
import { openAiChat } from '../../../lambdas/adapters/providers/openai/chat.ts';
import { openAiEmbeddings } from '../../../lambdas/adapters/providers/openai/embeddings.ts';
import { reviewedPrices } from '../../../prices/reviewed.ts';
import { chatStream, responsesStream } from '../../flow/dialects.ts';
import { openGateway } from '../../support/gateways.ts';
import { streamed } from '../../support/scripted-upstream.ts';
import { NOON } from '../../support/worlds.ts';
import { readBody } from '../endpoints/read-call.ts';
import { costOf, rule } from './rule.ts';

const GPT_4O = 'openai/gpt-4o@2024-08-06';
const GPT_5 = 'openai/gpt-5@2025-08-07';
const GPT_5_4 = 'openai/gpt-5.4@2026-03-05';
const GPT_5_6_SOL = 'openai/gpt-5.6-sol@2026-08-21';
const GPT_6_SOL = 'openai/gpt-6-sol@2026-09-23';
const chat = (prompt_tokens: number, completion_tokens: number, more = {}) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
  ...more,
});

describe('OpenAI', () => {
  rule('openai-cached-input', () => {
    // Prompt caching guide. 86 x $2.5 + 1,920 x $1.25 + 300 x $10
    const usage = chat(2006, 300, { prompt_tokens_details: { cached_tokens: 1920, audio_tokens: 0 } });
    expect(costOf(GPT_4O, 'openai-chat', usage)).toBe('0.005615');
  });

  rule('openai-cache-write', () => {
    // openai-node 7.57.0: 2,600 = 2,000 read + 400 written + 200. 200 x $4 + 2,000 x $0.4 + 400 x $5
    const usage = chat(2600, 0, { prompt_tokens_details: { cached_tokens: 2000, cache_write_tokens: 400 } });
    expect(costOf(GPT_5_6_SOL, 'openai-chat', usage)).toBe('0.0036');
    // Models before it write for nothing more than the input: 600 x $2.5 + 2,000 x $1.25
    expect(costOf(GPT_4O, 'openai-chat', usage)).toBe('0.004');
  });

  rule('openai-cache-lifetime', () => {
    // 200 x $4 + 2,000 x $0.4 + 250 x $5 + 150 x $10 + 1 x $20
    const usage = {
      input_tokens: 2600,
      output_tokens: 1,
      input_tokens_details: {
        cached_tokens: 2000,
        cache_write_tokens: 400,
        cache_write_tokens_details: { ttl_12h_tokens: 150, ttl_30m_tokens: 250 },
      },
    };
    expect(costOf(GPT_5_6_SOL, 'openai-responses', usage)).toBe('0.00437');
  });

  rule('openai-reasoning', () => {
    // Reasoning guide: 75 x $1.25 + 1,186 x $10, 1,024 of them reasoning
    const usage = {
      input_tokens: 75,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 1186,
      output_tokens_details: { reasoning_tokens: 1024 },
      total_tokens: 1261,
    };
    expect(costOf(GPT_5, 'openai-responses', usage)).toBe('0.01195375');
  });

  rule('openai-predictions', () => {
    // Predicted outputs: what was rejected is billed like the rest. 450 x $2.5 + 120 x $10
    const completion_tokens_details = { accepted_prediction_tokens: 18, rejected_prediction_tokens: 10 };
    expect(costOf(GPT_4O, 'openai-chat', chat(450, 120, { completion_tokens_details }))).toBe('0.002325');
  });

  rule('openai-audio', () => {
    // 200 x $2.5 + 1,000 x $32 + 200 x $10 + 700 x $64
    const usage = chat(1200, 900, {
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 1000, text_tokens: 200, image_tokens: 0 },
      completion_tokens_details: { audio_tokens: 700, text_tokens: 200, reasoning_tokens: 0 },
    });
    expect(costOf('openai/gpt-audio@2025-08-28', 'openai-chat', usage)).toBe('0.0793');
  });

  rule('openai-long-context', () => {
    // At 272,000 itself for GPT-5.4, beyond it for GPT-6; then the whole request, input twice and output 1.5 times.
    expect(costOf(GPT_5_4, 'openai-chat', chat(271_999, 1000))).toBe('0.6949975');
    expect(costOf(GPT_5_4, 'openai-chat', chat(272_000, 1000))).toBe('1.3825');
    expect(costOf(GPT_6_SOL, 'openai-chat', chat(272_000, 1000))).toBe('0.554');
    expect(costOf(GPT_6_SOL, 'openai-chat', chat(272_001, 1000))).toBe('1.103004');
  });

  rule('openai-flex', () => {
    const response = { service_tier: 'flex' };
    // Half of 1,000 x $1.25 + 100 x $10
    expect(costOf(GPT_5, 'openai-chat', chat(1000, 100), { response })).toBe('0.001125');
    // The page rounds: $0.13 and not $0.125 for what is read from the cache
    const usage = chat(1_000_000, 0, { prompt_tokens_details: { cached_tokens: 1_000_000 } });
    const short = chat(100_000, 0, { prompt_tokens_details: { cached_tokens: 100_000 } });
    expect(costOf(GPT_5_4, 'openai-chat', short, { response })).toBe('0.013');
    expect(costOf(GPT_5_4, 'openai-chat', usage, { response })).toBe('0.25');
  });

  rule('openai-batch', () => {
    // The batch endpoints are closed here; an answer that says so all the same has no price.
    expect(costOf(GPT_5, 'openai-chat', chat(1000, 100), { response: { service_tier: 'batch' } })).toBe(
      'no price for response.service_tier=batch',
    );
  });

  rule('openai-fast', () => {
    for (const service_tier of ['priority', 'fast']) {
      expect(costOf(GPT_5, 'openai-chat', chat(1000, 100), { response: { service_tier } })).toBe('0.0045');
    }
    for (const service_tier of ['default', 'standard', null]) {
      expect(costOf(GPT_5, 'openai-chat', chat(1000, 100), { response: { service_tier } })).toBe('0.00225');
    }
  });

  rule('openai-ultrafast', () => {
    expect(costOf(GPT_5, 'openai-chat', chat(1000, 100), { response: { service_tier: 'ultrafast' } })).toBe(
      'no price for response.service_tier=ultrafast',
    );
  });

  const usage = { input_tokens: 1000, output_tokens: 100 };
  rule('openai-web-search', () => {
    // Two calls at $10 a thousand, beside 1,000 x $1.25 + 100 x $10
    const response = {
      output: [{ type: 'web_search_call' }, { type: 'message' }, { type: 'web_search_call' }],
    };
    expect(costOf(GPT_5, 'openai-responses', usage, { response })).toBe('0.02225');
  });

  rule('openai-file-search', () => {
    const response = { output: [{ type: 'file_search_call' }] };
    expect(costOf(GPT_5, 'openai-responses', usage, { response })).toBe('0.00475');
  });

  rule('openai-containers', () => {
    // Billed by size and minutes, of which no answer says anything.
    const response = { output: [{ type: 'code_interpreter_call' }] };
    expect(costOf(GPT_5, 'openai-responses', usage, { response })).toBe('no price for container_session');
  });

  rule('openai-embeddings', () => {
    // API reference: 8 x $0.02
    const card = 'openai/text-embedding-3-small@2024-01-25';
    expect(costOf(card, 'openai-embeddings', { prompt_tokens: 8, total_tokens: 8 })).toBe('0.00000016');
    // Each input may have 8,192 tokens: a call of several is held for all of them.
    const body = { model: 'text-embedding-3-small', input: ['a', 'b', 'c'] };
    expect(readBody(openAiEmbeddings, body)).toMatchObject({ inputs: 3n });
  });

  rule('openai-images', () => {
    // API reference: 10 x $5 + 40 x $8 + 50 x $30
    const card = 'openai/gpt-image-2@2026-04-21';
    const told = {
      total_tokens: 100,
      input_tokens: 50,
      output_tokens: 50,
      input_tokens_details: { text_tokens: 10, image_tokens: 40 },
    };
    expect(costOf(card, 'openai-images', told)).toBe('0.00187');
    const split = { ...told, output_tokens_details: { image_tokens: 45, text_tokens: 5 } };
    expect(costOf(card, 'openai-images', split)).toBe('no price for output');
  });

  rule('openai-transcription', () => {
    // API reference: 14 x $6 + 45 x $10, and a second at $0.006 a minute
    const told = {
      type: 'tokens',
      input_tokens: 14,
      input_token_details: { text_tokens: 0, audio_tokens: 14 },
      output_tokens: 45,
      total_tokens: 59,
    };
    expect(costOf('openai/gpt-4o-transcribe@2025-03-20', 'openai-transcription', told)).toBe('0.000534');
    const seconds = { type: 'duration', seconds: 1 };
    expect(costOf('openai/whisper-1@2023-03-01', 'openai-transcription', seconds)).toBe('0.0001');
  });

  rule('openai-speech', () => {
    // 4,096 x $30
    expect(costOf('openai/tts-1-hd@2023-11-06', 'openai-speech', { characters: 4096 })).toBe('0.12288');
  });

  rule('openai-fine-tuned', () => {
    for (const model of ['ft:gpt-4o-mini-2024-07-18:acme::9abc', 'ft:gpt-4.1:acme']) {
      expect(reviewedPrices().find('openai-chat', model, NOON)).toBeUndefined();
    }
  });

  rule('openai-limits', () => {
    const read = (more: object) => readBody(openAiChat, { model: 'gpt-4.1', messages: [], ...more });
    expect(read({ n: 3, max_completion_tokens: 100 })).toMatchObject({
      choices: 3n,
      outputTokensAsked: 100n,
    });
    expect(read({ max_tokens: 50 })).toMatchObject({ outputTokensAsked: 50n });
    expect(read({})).toMatchObject({ outputTokensAsked: undefined });
  });

  rule('openai-stream', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(streamed(chatStream.frames), streamed(chatStream.framesWithoutUsage));
    const whole = await gateway.call(chatStream.path, chatStream.body);
    await whole.text();
    expect(JSON.parse(gateway.upstream.sent[0]!.body!)).toMatchObject({
      stream_options: { include_usage: true },
    });
    expect(await gateway.viewOf(whole)).toMatchObject({
      charge: { outcome: 'settled', cost_usd: chatStream.cost },
    });
    const cut = await gateway.call(chatStream.path, chatStream.body);
    await cut.text();
    expect(await gateway.viewOf(cut)).toMatchObject({
      charge: { outcome: 'presumed_spent', cost_usd: chatStream.hold },
    });
  });

  rule('openai-responses-stream', async () => {
    for (const ending of ['completed', 'incomplete', 'failed']) {
      const gateway = await openGateway();
      gateway.upstream.next(
        streamed(responsesStream.frames.map((frame) => frame.replaceAll('completed', ending))),
      );
      const response = await gateway.call(responsesStream.path, responsesStream.body);
      await response.text();
      expect(await gateway.viewOf(response), ending).toMatchObject({
        charge: { outcome: 'settled', cost_usd: responsesStream.cost },
      });
    }
  });
});
