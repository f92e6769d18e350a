/**
 * Chat completions usage: `cached_tokens`, `cache_write_tokens` and `audio_tokens` are parts of
 * `prompt_tokens`; reasoning and predictions, accepted or not, stand inside `completion_tokens`.
 * Source: openai-node 7.57.0 typings, read 2026-11-24.
 */
import * as z from 'zod';
import { read, unreadable, type UsageReader } from '../../../core/pricing/usage.ts';
import { conditionsAt, count, countOrNone, parseUsage } from '../reported-count.ts';

export const chatUsage = z.looseObject({
  prompt_tokens: count,
  completion_tokens: count,
  prompt_tokens_details: z
    .looseObject({
      cached_tokens: countOrNone,
      cache_write_tokens: countOrNone,
      audio_tokens: countOrNone,
    })
    .nullish(),
  completion_tokens_details: z
    .looseObject({ audio_tokens: countOrNone, reasoning_tokens: countOrNone })
    .nullish(),
});
export type ChatUsage = z.output<typeof chatUsage>;

export const readOpenAiChatUsage: UsageReader = ({ usage, response, fees = {} }) =>
  parseUsage(chatUsage, usage, (parsed) => {
    const tokens = chatTokens(parsed);
    if (tokens === undefined) return unreadable('usage: the parts of a count exceed it');
    return read({
      parts: [{ tokens, tierInputTokens: parsed.prompt_tokens }],
      fees,
      conditions: conditionsAt(response, 'response', ['service_tier']),
    });
  });

/** The disjoint counts of the shape that OpenAI set and others copy; undefined when parts exceed their whole. */
export function chatTokens(usage: ChatUsage) {
  const cacheRead = usage.prompt_tokens_details?.cached_tokens ?? 0n;
  const cacheWrite = usage.prompt_tokens_details?.cache_write_tokens ?? 0n;
  const inputAudio = usage.prompt_tokens_details?.audio_tokens ?? 0n;
  const outputAudio = usage.completion_tokens_details?.audio_tokens ?? 0n;
  const input = usage.prompt_tokens - cacheRead - cacheWrite - inputAudio;
  const output = usage.completion_tokens - outputAudio;
  if (input < 0n || output < 0n) return undefined;
  return {
    input,
    cache_read: cacheRead,
    cache_write: cacheWrite,
    input_audio: inputAudio,
    output,
    output_audio: outputAudio,
  };
}
