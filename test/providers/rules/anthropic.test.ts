import { describe, expect } from 'vitest';
import { anthropicMessages } from '../../../lambdas/adapters/providers/anthropic/messages.ts';
import { inputTokensMax } from '../../../lambdas/core/pricing/input-bound.ts';
import { readBody } from '../endpoints/read-call.ts';
import { costOf, rule } from './rule.ts';

const OPUS_5 = 'anthropic/claude-opus-5@2026-08-21';
const OPUS_5_5 = 'anthropic/claude-opus-5-5@2026-09-23';
const OPUS_4_6 = 'anthropic/claude-opus-4-6@2026-03-13';
const FABLE_5_1 = 'anthropic/claude-fable-5-1@2026-09-22';
const SONNET_4_5 = 'anthropic/claude-sonnet-4-5@2025-09-29';
const HAIKU_4_5 = 'anthropic/claude-haiku-4-5@2025-10-01';
const HAIKU_5_5 = 'anthropic/claude-haiku-5-5@2026-11-10';
const used = (input_tokens: number, output_tokens: number, more = {}) => ({
  input_tokens,
  output_tokens,
  ...more,
});
const cost = (card: string, usage: unknown, others: string[] = []) =>
  costOf(card, 'anthropic-messages', usage, { others });

describe('Anthropic', () => {
  rule('anthropic-input', () => {
    // API reference: 2,095 x $5 + 503 x $25
    expect(cost(OPUS_5, used(2095, 503))).toBe('0.02305');
    // Prompt caching guide: 188,086 x $6.25 + 21 x $5 + 393 x $25; the three counts are disjoint
    const usage = used(21, 393, { cache_creation_input_tokens: 188_086, cache_read_input_tokens: 0 });
    expect(cost(OPUS_4_6, usage)).toBe('1.1854675');
  });

  rule('anthropic-cache-write', () => {
    // 2,048 x $5 + 1,800 x $0.5 + 148 x $6.25 + 100 x $10 + 503 x $25
    const usage = used(2048, 503, { cache_read_input_tokens: 1800, cache_creation_input_tokens: 248 });
    const cache_creation = { ephemeral_5m_input_tokens: 148, ephemeral_1h_input_tokens: 100 };
    expect(cost(OPUS_5, { ...usage, cache_creation })).toBe('0.02564');
    // Without the split all of it is for five minutes: 248 x $6.25
    expect(cost(OPUS_5, usage)).toBe('0.025265');
  });

  rule('anthropic-cache-read', () => {
    // A tenth of $5, a fortieth of $10, a twentieth of $4
    const usage = used(0, 0, { cache_read_input_tokens: 1_000_000 });
    expect(cost(OPUS_5, usage)).toBe('0.50');
    expect(cost(FABLE_5_1, usage)).toBe('0.25');
    expect(cost(OPUS_5_5, usage)).toBe('0.20');
  });

  rule('anthropic-thinking', () => {
    const usage = used(100, 1000, { output_tokens_details: { thinking_tokens: 900 } });
    expect(cost(OPUS_5, usage)).toBe('0.0255');
  });

  rule('anthropic-batch', () => {
    // Half of 1,000 x $5 + 1,000 x $0.5 + 100 x $25: it stacks with the cache
    const usage = used(1000, 100, { cache_read_input_tokens: 1000, service_tier: 'batch' });
    expect(cost(OPUS_5, usage)).toBe('0.004');
  });

  rule('anthropic-fast', () => {
    const usage = used(1000, 100, { speed: 'fast' });
    // $10 and $50, $8 and $40
    expect(cost(OPUS_5, usage)).toBe('0.015');
    expect(cost(OPUS_5_5, usage)).toBe('0.012');
    expect(cost(FABLE_5_1, usage)).toBe('no price for usage.speed=fast');
  });

  rule('anthropic-geo', () => {
    // 1.1 x 1,000 x $5, and $0.01 that is not multiplied
    const usage = used(1000, 0, { inference_geo: 'us', server_tool_use: { web_search_requests: 1 } });
    expect(cost(OPUS_5, usage)).toBe('0.0155');
    expect(cost(OPUS_5, { ...usage, inference_geo: 'global' })).toBe('0.015');
    const body = { model: 'claude-opus-5', max_tokens: 1, messages: [] };
    expect(readBody(anthropicMessages, body)).toMatchObject({
      conditionsPossible: ['usage.inference_geo=us'],
    });
  });

  rule('anthropic-long-context', () => {
    // Flat from 4.6 on; above 200,000 tokens, cached ones included, for Sonnet 4.5; above 100,000 for Haiku 5.5
    expect(cost(OPUS_5, used(900_000, 0))).toBe('4.50');
    expect(cost(SONNET_4_5, used(200_000, 0))).toBe('0.60');
    expect(cost(SONNET_4_5, used(1, 0, { cache_read_input_tokens: 200_000 }))).toBe('0.120006');
    expect(cost(HAIKU_5_5, used(100_000, 0))).toBe('0.01');
    expect(cost(HAIKU_5_5, used(100_001, 0))).toBe('0.0500005');
  });

  rule('anthropic-web-search', () => {
    // Web search guide: 105 x $3 + 7,123 x $0.3 + 7,345 x $3.75 + 6,039 x $15 + $0.01
    const usage = used(105, 6039, {
      cache_read_input_tokens: 7123,
      cache_creation_input_tokens: 7345,
      server_tool_use: { web_search_requests: 1 },
    });
    expect(cost(SONNET_4_5, usage)).toBe('0.13058065');
  });

  rule('anthropic-web-fetch', () => {
    // Web fetch guide: its tokens only, 25,039 x $3 + 931 x $15
    const usage = used(25_039, 931, { server_tool_use: { web_fetch_requests: 1 } });
    expect(cost(SONNET_4_5, usage)).toBe('0.089082');
  });

  rule('anthropic-code-execution', () => {
    // By the hour of a container, of which no answer says anything.
    const usage = used(10, 5, { server_tool_use: { code_execution_requests: 1 } });
    expect(cost(OPUS_5, usage)).toBe('no price for code_execution');
  });

  rule('anthropic-iterations', () => {
    // Compaction guide: the top level leaves the summary out. 203,000 x $5 + 4,500 x $25
    const compacted = used(23_000, 1000, {
      iterations: [
        { type: 'compaction', input_tokens: 180_000, output_tokens: 3500 },
        { type: 'message', input_tokens: 23_000, output_tokens: 1000 },
      ],
    });
    expect(cost(OPUS_5, compacted)).toBe('1.1275');
  });

  rule('anthropic-advisor', () => {
    // Advice at its own model: 412 x $1 + 89 x $5, 823 x $5 + 1,612 x $25, 1,348 x $1 + 412 x $0.1 + 442 x $5
    const advised = used(412, 531, {
      iterations: [
        { type: 'message', input_tokens: 412, output_tokens: 89 },
        { type: 'advisor_message', model: 'claude-opus-4-6', input_tokens: 823, output_tokens: 1612 },
        { type: 'message', input_tokens: 1348, cache_read_input_tokens: 412, output_tokens: 442 },
      ],
    });
    expect(cost(HAIKU_4_5, advised, [OPUS_4_6])).toBe('0.0488712');
    expect(cost(HAIKU_4_5, advised)).toBe('no price for claude-opus-4-6');
  });

  rule('anthropic-fallback', () => {
    // Each attempt at its own model: 10 x $1, 12 x $3 + 5 x $15
    const usage = used(12, 5, {
      iterations: [
        { type: 'message', input_tokens: 10, output_tokens: 0 },
        { type: 'fallback_message', model: 'claude-sonnet-4-5', input_tokens: 12, output_tokens: 5 },
      ],
    });
    expect(cost(HAIKU_4_5, usage, [SONNET_4_5])).toBe('0.000121');
  });

  rule('anthropic-fallback-credit', () => {
    // The credit turns writes into reads on the invoice, by an amount that no answer tells: charged as written.
    const usage = used(10, 5, {
      cache_creation_input_tokens: 1000,
      fallback_credit: { status: { type: 'redeemed' } },
    });
    expect(cost(OPUS_5, usage)).toBe('0.006425');
  });

  rule('anthropic-warm-up', () => {
    const body = { model: 'claude-opus-4-6', max_tokens: 0, messages: [] };
    expect(readBody(anthropicMessages, body)).toMatchObject({ outputTokensAsked: 0n });
    // 188,086 x $6.25 + 21 x $5: no output, and the write is billed
    expect(cost(OPUS_4_6, used(21, 0, { cache_creation_input_tokens: 188_086 }))).toBe('1.1756425');
  });

  rule('anthropic-limits', () => {
    // Thinking counts towards the limit, which must be above its budget: a clamp stays above it, too.
    const body = { model: 'claude-opus-5', max_tokens: 20_000, messages: [] };
    const thinking = { type: 'enabled', budget_tokens: 16_000 };
    expect(readBody(anthropicMessages, { ...body, thinking })).toMatchObject({
      outputTokensAsked: 20_000n,
      outputTokensFloor: 16_001n,
      choices: 1n,
    });
    expect(readBody(anthropicMessages, { ...body, max_tokens: undefined })).toMatchObject({
      code: 'invalid_request',
      param: 'max_tokens',
    });
  });

  rule('anthropic-stream', () => {
    // Streaming guide with web search: the start's output is a placeholder, the delta raises the input.
    const message_start = {
      type: 'message_start',
      message: { usage: used(2679, 3, { cache_read_input_tokens: 0 }) },
    };
    const message_delta = {
      type: 'message_delta',
      usage: used(10_682, 510, { server_tool_use: { web_search_requests: 1 } }),
    };
    // 10,682 x $5 + 510 x $25 + $0.01
    expect(costOf(OPUS_5, 'anthropic-stream', { message_start, message_delta })).toBe('0.07616');
    expect(costOf(OPUS_5, 'anthropic-stream', { message_start })).toBe('unreadable');
    const emptyDelta = { type: 'message_delta', usage: {} };
    expect(costOf(OPUS_5, 'anthropic-stream', { message_start, message_delta: emptyDelta })).toBe(
      'unreadable',
    );
  });

  rule('anthropic-tokenizer', () => {
    // Nobody publishes it: a token is held for each byte, and for those that normalising adds (U+FDFA: 3 become 33).
    expect(inputTokensMax({ bodyBytes: 100n, json: ['plain'] })).toBe(100n);
    expect(inputTokensMax({ bodyBytes: 100n, json: ['\ufdfa'] })).toBe(130n);
  });

  rule('anthropic-priority', () => {
    expect(cost(OPUS_5, used(10, 5, { service_tier: 'priority' }))).toBe(
      'no price for usage.service_tier=priority',
    );
    expect(cost(OPUS_5, used(10, 5, { service_tier: 'standard' }))).toBe('0.000175');
  });
});
