/**
 * Bedrock's own usage shapes. Converse: `inputTokens` excludes cache reads and writes; `cacheDetails` splits
 * the writes by lifetime. InvokeModel: the vendor's body (Anthropic: anthropic/usage.ts), Titan's own count, or
 * the metrics on the last chunk of a stream. Source: client-bedrock-runtime 3.1164.0 typings.
 */
import * as z from 'zod';
import { sumOf } from '../../../core/money.ts';
import { read, type UsageReader } from '../../../core/pricing/usage.ts';
import { conditionsAt, count, countOrNone, parseUsage, valueAt } from '../reported-count.ts';

const converseUsage = z.looseObject({
  inputTokens: count,
  outputTokens: count,
  cacheReadInputTokens: countOrNone,
  cacheWriteInputTokens: countOrNone,
  cacheDetails: z.array(z.looseObject({ ttl: z.enum(['5m', '1h']), inputTokens: count })).nullish(),
});

export const readBedrockConverseUsage: UsageReader = ({ usage, response, fees = {} }) =>
  parseUsage(converseUsage, usage, (parsed) => {
    const writtenFor = (ttl: '5m' | '1h') =>
      sumOf(
        (parsed.cacheDetails ?? []).flatMap((detail) => (detail.ttl === ttl ? [detail.inputTokens] : [])),
      );
    const oneHour = writtenFor('1h');
    // Without details, or beyond them: five minutes is the default lifetime.
    const unsplit = parsed.cacheWriteInputTokens - oneHour - writtenFor('5m');
    const written5m = writtenFor('5m') + (unsplit > 0n ? unsplit : 0n);
    // A prompt router answers with another model than was asked.
    const model = valueAt(response, ['trace', 'promptRouter', 'invokedModelId']);
    return read({
      parts: [
        {
          ...(typeof model === 'string' && { model }),
          tokens: {
            input: parsed.inputTokens,
            cache_read: parsed.cacheReadInputTokens,
            cache_write_5m: written5m,
            cache_write_1h: oneHour,
            output: parsed.outputTokens,
          },
          tierInputTokens: parsed.inputTokens + parsed.cacheReadInputTokens + written5m + oneHour,
        },
      ],
      fees,
      conditions: conditionsAt(response, 'response', ['serviceTier.type', 'performanceConfig.latency']),
    });
  });

const METRICS = 'amazon-bedrock-invocationMetrics';
const invocationMetrics = z.looseObject({
  [METRICS]: z.looseObject({
    inputTokenCount: count,
    outputTokenCount: count,
    cacheReadInputTokenCount: countOrNone,
    cacheWriteInputTokenCount: countOrNone,
  }),
});

export const readBedrockInvokeMetricsUsage: UsageReader = ({ usage, fees = {} }) =>
  parseUsage(invocationMetrics, usage, (parsed) => {
    const metrics = parsed[METRICS];
    const { inputTokenCount: input, outputTokenCount: output } = metrics;
    const { cacheReadInputTokenCount: cacheRead, cacheWriteInputTokenCount: written } = metrics;
    return read({
      parts: [
        {
          tokens: { input, cache_read: cacheRead, cache_write_5m: written, output },
          tierInputTokens: input + cacheRead + written,
        },
      ],
      fees,
      conditions: {},
    });
  });

const titanEmbedding = z.looseObject({ inputTextTokenCount: count });

export const readBedrockTitanEmbeddingUsage: UsageReader = ({ usage, fees = {} }) =>
  parseUsage(titanEmbedding, usage, ({ inputTextTokenCount: input }) =>
    read({ parts: [{ tokens: { input }, tierInputTokens: input }], fees, conditions: {} }),
  );
