import { describe, expect } from 'vitest';
import { reviewedPrices } from '../../../prices/reviewed.ts';
import { testCard } from '../../core/pricing/cards-for-tests.ts';
import { chatStream, messagesStream } from '../../flow/dialects.ts';
import { openGateway } from '../../support/gateways.ts';
import { LiveAnswer } from '../../support/scripted-upstream.ts';
import { NOON } from '../../support/worlds.ts';
import { costOf, rule } from './rule.ts';

describe('Gemini', () => {
  const FLASH = 'google/gemini-2.5-flash@2025-06-17';
  const PRO = 'google/gemini-2.5-pro@2025-06-17';
  const cost = (card: string, usage: unknown, response?: unknown) =>
    costOf(card, 'gemini', usage, { response });
  const used = (promptTokenCount: number, candidatesTokenCount: number, more = {}) => ({
    promptTokenCount,
    candidatesTokenCount,
    totalTokenCount: promptTokenCount + candidatesTokenCount,
    ...more,
  });

  rule('gemini-cached', () => {
    // Context caching guide: 29 x $0.3 + 696,190 x $0.03 + 214 x $2.5
    expect(cost(FLASH, used(696_219, 214, { cachedContentTokenCount: 696_190 }))).toBe('0.0214294');
  });

  rule('gemini-outside', () => {
    // Tool prompts and thoughts stand beside prompt and candidates: 570 x $0.3 + 50 x $2.5
    const usage = used(500, 30, {
      toolUsePromptTokenCount: 70,
      thoughtsTokenCount: 20,
      totalTokenCount: 620,
    });
    expect(cost(FLASH, usage)).toBe('0.000296');
  });

  rule('gemini-nothing-answered', () => {
    const usage = { promptTokenCount: 100, thoughtsTokenCount: 20, totalTokenCount: 120 };
    expect(cost(FLASH, usage)).toBe('0.00008');
    expect(cost(FLASH, { ...usage, totalTokenCount: 130 })).toBe('unreadable');
  });

  rule('gemini-long-context', () => {
    // Beyond 200,000 tokens of prompt, which tool prompts do not add to
    expect(cost(PRO, used(200_000, 1000))).toBe('0.26');
    expect(cost(PRO, used(200_001, 1000))).toBe('0.5150025');
    expect(cost(PRO, used(200_000, 0, { toolUsePromptTokenCount: 8 }))).toBe('0.25001');
  });

  rule('gemini-tiers', () => {
    expect(cost(FLASH, used(1000, 100, { serviceTier: 'priority' }))).toBe('0.00099');
    expect(cost(FLASH, used(1000, 100, { serviceTier: 'flex' }))).toBe('0.000275');
    // Flex does not halve what is read from the cache
    const cached = used(1000, 0, { serviceTier: 'flex', cachedContentTokenCount: 1000 });
    expect(cost(FLASH, cached)).toBe('0.00003');
    expect(cost(FLASH, used(1000, 100, { trafficType: 'ON_DEMAND' }))).toBe('0.00055');
    expect(cost(FLASH, used(1000, 100, { serviceTier: 'batch' }))).toBe(
      'no price for usage.serviceTier=batch',
    );
    expect(cost(FLASH, used(1000, 100, { trafficType: 'PROVISIONED_THROUGHPUT' }))).toBe(
      'no price for usage.trafficType=PROVISIONED_THROUGHPUT',
    );
  });

  rule('gemini-modalities', () => {
    // 100 x $0.3 + 1,000 x $1 + 50 x $2.5
    const promptTokensDetails = [
      { modality: 'TEXT', tokenCount: 100 },
      { modality: 'AUDIO', tokenCount: 1000 },
    ];
    expect(cost(FLASH, used(1100, 50, { promptTokensDetails }))).toBe('0.001155');
    const candidatesTokensDetails = [{ modality: 'IMAGE', tokenCount: 1290 }];
    const usage = used(10, 1290, { candidatesTokensDetails });
    expect(cost(FLASH, usage)).toBe('no price for output_image');
    const card = testCard({ rates: { input: '0.3', output: '2.5', output_image: '30' } });
    expect(costOf(card, 'gemini', usage)).toBe('0.038703');
  });

  rule('gemini-grounding', () => {
    const response = { candidates: [{ groundingMetadata: { webSearchQueries: ['a', 'b', 'c'] } }] };
    // A grounded prompt before Gemini 3, however many queries; each query from then on
    expect(cost(FLASH, used(0, 0), response)).toBe('0.035');
    const pro = reviewedPrices().find('gemini-generate', 'gemini-3.1-pro-preview', NOON)!;
    expect(cost(pro.id, used(0, 0), response)).toBe('0.042');
  });
});

describe('Bedrock', () => {
  const US_SONNET = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
  const idOf = (model: string) => reviewedPrices().find('bedrock-converse', model, NOON)!.id;
  const converse = (inputTokens: number, outputTokens: number, more = {}) => ({
    inputTokens,
    outputTokens,
    ...more,
  });

  rule('bedrock-converse', () => {
    // API reference: 30 x $3.3 + 628 x $16.5
    expect(costOf(idOf(US_SONNET), 'bedrock-converse', converse(30, 628, { totalTokens: 658 }))).toBe(
      '0.010461',
    );
    // Reads and writes stand outside: 12 x $3.3 + 60 x $0.33 + 20 x $4.125 + 30 x $6.6 + 3 x $16.5
    const usage = converse(12, 3, {
      cacheReadInputTokens: 60,
      cacheWriteInputTokens: 50,
      cacheDetails: [
        { ttl: '1h', inputTokens: 30 },
        { ttl: '5m', inputTokens: 20 },
      ],
    });
    expect(costOf(idOf(US_SONNET), 'bedrock-converse', usage)).toBe('0.0003894');
  });

  rule('bedrock-invoke', () => {
    // The vendor's body: Claude's own usage, Titan's count (6 x $0.02), or the metrics of a stream's last chunk
    const claude = { input_tokens: 12, output_tokens: 3, cache_read_input_tokens: 60 };
    expect(costOf(idOf(US_SONNET), 'bedrock-invoke-anthropic', claude)).toBe('0.0001089');
    const titan = testCard({ rates: { input: '0.02' } });
    expect(costOf(titan, 'bedrock-invoke-titan-embed', { inputTextTokenCount: 6 })).toBe('0.00000012');
    const metrics = {
      'amazon-bedrock-invocationMetrics': {
        inputTokenCount: 25,
        outputTokenCount: 150,
        invocationLatency: 1371,
        firstByteLatency: 420,
      },
    };
    expect(costOf(idOf(US_SONNET), 'bedrock-invoke-metrics', metrics)).toBe('0.0025575');
  });

  rule('bedrock-profiles', () => {
    const book = reviewedPrices();
    const rate = (model: string) => book.find('bedrock-converse', model, NOON)?.rates.input;
    expect(rate('global.anthropic.claude-sonnet-4-5-20250929-v1:0')).toBe('3');
    expect(rate(US_SONNET)).toBe('3.3');
    expect(rate('us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0')).toBeUndefined();
  });

  rule('bedrock-tiers', () => {
    const nova = idOf('amazon.nova-pro-v1:0');
    const at = (type: string) =>
      costOf(nova, 'bedrock-converse', converse(1000, 0), { response: { serviceTier: { type } } });
    expect(at('default')).toBe('0.0008');
    expect(at('priority')).toBe('0.0014');
    expect(at('flex')).toBe('0.0004');
    expect(at('reserved')).toBe('no price for response.serviceTier.type=reserved');
  });

  rule('bedrock-batch', () => {
    const response = { serviceTier: { type: 'batch' } };
    expect(costOf(idOf(US_SONNET), 'bedrock-converse', converse(1000, 0), { response })).toBe(
      'no price for response.serviceTier.type=batch',
    );
    // Nor does the vendor's own body that says so have one.
    const body = { input_tokens: 1000, output_tokens: 0, service_tier: 'batch' };
    expect(costOf(idOf(US_SONNET), 'bedrock-invoke-anthropic', body)).toBe(
      'no price for usage.service_tier=batch',
    );
  });

  rule('bedrock-latency', () => {
    const response = { performanceConfig: { latency: 'optimized' } };
    expect(costOf(idOf('amazon.nova-pro-v1:0'), 'bedrock-converse', converse(1, 1), { response })).toBe(
      'no price for response.performanceConfig.latency=optimized',
    );
  });

  rule('bedrock-router', () => {
    const response = { trace: { promptRouter: { invokedModelId: 'amazon.nova-lite-v1:0' } } };
    const told = { response, others: [idOf('amazon.nova-lite-v1:0')] };
    // Nova Lite at $0.06, not Nova Pro at $0.8
    expect(costOf(idOf('amazon.nova-pro-v1:0'), 'bedrock-converse', converse(1000, 0), told)).toBe('0.00006');
  });

  rule('bedrock-arns', () => {
    for (const arn of [
      'arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123',
      'arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc123',
      'arn:aws:bedrock:us-east-1:111122223333:imported-model/abc123',
    ])
      expect(reviewedPrices().find('bedrock-converse', arn, NOON)).toBeUndefined();
  });
});

describe('the others', () => {
  const PRO = 'deepseek/deepseek-v4-pro@2026-08-23';
  rule('deepseek-cache', () => {
    // 40 x $0.66 + 60 x $0.022 + 10 x $1.98, off-peak on a Sunday
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 10,
      prompt_cache_hit_tokens: 60,
      prompt_cache_miss_tokens: 40,
    };
    const at = '2026-11-22T02:00:00Z';
    expect(costOf(PRO, 'deepseek-chat', usage, { at })).toBe('0.00004752');
    expect(costOf(PRO, 'deepseek-chat', { ...usage, prompt_cache_miss_tokens: 41 }, { at })).toBe(
      'unreadable',
    );
  });

  rule('deepseek-peak', () => {
    const usage = { prompt_tokens: 1000, completion_tokens: 0 };
    const at = (time: string) => costOf(PRO, 'deepseek-chat', usage, { at: time });
    expect(at('2026-11-24T00:59:59Z')).toBe('0.00066');
    expect(at('2026-11-24T01:00:00Z')).toBe('0.00132');
    expect(at('2026-11-24T03:59:59Z')).toBe('0.00132');
    expect(at('2026-11-24T05:00:00Z')).toBe('0.00066');
    expect(at('2026-11-24T06:00:00Z')).toBe('0.00132');
    expect(at('2026-11-22T06:00:00Z')).toBe('0.00066');
    // Nobody says which clock counts: without one the dear hours do.
    expect(costOf(PRO, 'deepseek-chat', usage)).toBe('0.00132');
  });

  const GROK = 'xai/grok-4.3@2026-08-23';
  rule('xai-reasoning', () => {
    // 32 + 9 + 94 = 135: reasoning stands outside. 26 x $1.25 + 6 x $0.2 + 103 x $2.5
    const usage = {
      prompt_tokens: 32,
      completion_tokens: 9,
      total_tokens: 135,
      prompt_tokens_details: { text_tokens: 32, audio_tokens: 0, image_tokens: 0, cached_tokens: 6 },
      completion_tokens_details: { reasoning_tokens: 94 },
      num_sources_used: 0,
    };
    expect(costOf(GROK, 'xai-chat', usage)).toBe('0.0002912');
  });

  rule('xai-long-context', () => {
    const used = (prompt_tokens: number) => ({ prompt_tokens, completion_tokens: 0 });
    expect(costOf(GROK, 'xai-chat', used(199_999))).toBe('0.24999875');
    expect(costOf(GROK, 'xai-chat', used(200_000))).toBe('0.50');
  });

  rule('xai-search', () => {
    const usage = { prompt_tokens: 32, completion_tokens: 9, num_sources_used: 3 };
    expect(costOf(GROK, 'xai-chat', usage)).toBe('no price for search_source');
  });

  const groq = testCard({ provider: 'groq', rates: { input: '0.15', cache_read: '0.075', output: '0.6' } });
  rule('groq-chat', () => {
    // API reference: 18 x $0.15 + 556 x $0.6; times cost nothing, reasoning stands inside
    const usage = {
      queue_time: 0.037493756,
      prompt_tokens: 18,
      prompt_time: 0.000680594,
      completion_tokens: 556,
      completion_time: 0.463333333,
      total_tokens: 574,
      total_time: 0.464013927,
      completion_tokens_details: { reasoning_tokens: 400 },
    };
    expect(costOf(groq, 'groq-chat', usage)).toBe('0.0003363');
    expect(costOf(groq, 'groq-chat', { ...usage, prompt_tokens_details: { cached_tokens: 18 } })).toBe(
      '0.00033495',
    );
  });

  rule('groq-tiers', () => {
    const usage = { prompt_tokens: 1000, completion_tokens: 0 };
    const at = (service_tier: string) => costOf(groq, 'groq-chat', usage, { response: { service_tier } });
    expect(at('on_demand')).toBe('0.00015');
    expect(at('flex')).toBe('no price for response.service_tier=flex');
    expect(at('performance')).toBe('no price for response.service_tier=performance');
  });

  rule('groq-transcription', () => {
    const card = testCard({ rates: {}, fees: { audio_second: { usd: '0.36', per: '3600', minimum: '10' } } });
    expect(costOf(card, 'groq-transcription', { seconds: 3 })).toBe('0.001');
    expect(costOf(card, 'groq-transcription', { seconds: 12.5 })).toBe('0.00125');
  });

  const MISTRAL = 'mistral/mistral-large-2512@2025-12-02';
  rule('mistral-cache', () => {
    // A tenth: 488 x $0.5 + 512 x $0.05 + 200 x $1.5
    const usage = {
      prompt_tokens: 1000,
      completion_tokens: 200,
      prompt_tokens_details: { cached_tokens: 512 },
    };
    expect(costOf(MISTRAL, 'mistral-chat', usage)).toBe('0.0005696');
  });

  rule('mistral-tiers', () => {
    const usage = { prompt_tokens: 16, completion_tokens: 34, total_tokens: 50 };
    expect(costOf(MISTRAL, 'mistral-chat', { ...usage, service_tier: 'standard' })).toBe('0.000059');
    expect(costOf(MISTRAL, 'mistral-chat', { ...usage, service_tier: 'priority' })).toBe(
      'no price for usage.service_tier=priority',
    );
  });

  rule('mistral-choices', () => {
    // Three answers, one prompt: the block counts it once. 16 x $0.5 + 102 x $1.5
    expect(costOf(MISTRAL, 'mistral-chat', { prompt_tokens: 16, completion_tokens: 102 })).toBe('0.000161');
  });

  rule('openrouter', () => {
    // API reference: OpenAI's shape; its own cost in credits is not read. 194 x $2.5 + 2 x $15
    const usage = {
      completion_tokens: 2,
      completion_tokens_details: { reasoning_tokens: 0 },
      cost: 0.95,
      cost_details: { upstream_inference_cost: 19 },
      prompt_tokens: 194,
      prompt_tokens_details: { cached_tokens: 0 },
      total_tokens: 196,
    };
    expect(costOf(testCard({ provider: 'openrouter' }), 'openrouter-chat', usage)).toBe('0.000515');
  });

  rule('cohere', () => {
    // API reference: 71 tokens that the model saw, of which 5 are on the invoice; the larger count. 71 x $2.5 + 418 x $15
    const usage = {
      billed_units: { input_tokens: 5, output_tokens: 418 },
      tokens: { input_tokens: 71, output_tokens: 418 },
    };
    expect(costOf(testCard({ provider: 'cohere' }), 'cohere-v2', usage)).toBe('0.0064475');
  });

  rule('perplexity', () => {
    // Reasoning and citations stand outside what it reports: no price, so no call.
    for (const model of ['sonar', 'sonar-pro', 'sonar-deep-research'])
      expect(reviewedPrices().find('openai-chat', model, NOON)).toBeUndefined();
  });
});

describe('a client that leaves', () => {
  /** Reads the first piece of a stream and goes. */
  async function leaves(stream: typeof chatStream, after: string[]) {
    const gateway = await openGateway();
    const live = new LiveAnswer();
    gateway.upstream.next(live.script);
    const gone = new AbortController();
    const response = await gateway.call(stream.path, stream.body, stream.headers, gone.signal);
    live.write(stream.frames[0]!);
    await response.body!.getReader().read();
    gone.abort();
    for (const frame of after) live.write(frame);
    live.end();
    await gateway.settled();
    return (await gateway.viewOf(response)).charge;
  }

  rule('disconnect-drained', async () => {
    for (const stream of [chatStream, messagesStream]) {
      expect(await leaves(stream, stream.frames.slice(1))).toMatchObject({
        outcome: 'settled',
        cost_usd: stream.cost,
      });
    }
  });

  rule('disconnect-without-usage', async () => {
    // The usage of message_start is never what a call is charged.
    for (const stream of [chatStream, messagesStream]) {
      expect(await leaves(stream, [])).toMatchObject({ outcome: 'presumed_spent', cost_usd: stream.hold });
    }
  });
});
