/**
 * DeepSeek reports the OpenAI shape with native cache counts: `prompt_tokens` = hit + miss. Reasoning stands
 * inside `completion_tokens`. Prices depend on the time of day: pass it to the calculator.
 */
import { read, unreadable, type UsageReader } from '../../../core/pricing/usage.ts';
import { chatTokens, chatUsage } from '../openai/usage-chat.ts';
import { count, parseUsage } from '../reported-count.ts';

const deepSeekUsage = chatUsage.extend({
  prompt_cache_hit_tokens: count.nullish(),
  prompt_cache_miss_tokens: count.nullish(),
});

export const readDeepSeekChatUsage: UsageReader = ({ usage, fees = {} }) =>
  parseUsage(deepSeekUsage, usage, (parsed) => {
    const tokens = chatTokens(parsed);
    if (tokens === undefined) return unreadable('usage: the parts of a count exceed it');
    const prompt = parsed.prompt_tokens;
    const miss = parsed.prompt_cache_miss_tokens ?? undefined;
    const hit = parsed.prompt_cache_hit_tokens ?? (miss === undefined ? tokens.cache_read : prompt - miss);
    if (hit < 0n || hit > prompt || (miss !== undefined && hit + miss !== prompt))
      return unreadable('usage: cache hits and misses do not add up to prompt_tokens');
    return read({
      parts: [
        {
          tokens: { input: prompt - hit, cache_read: hit, output: parsed.completion_tokens },
          tierInputTokens: prompt,
        },
      ],
      fees,
      conditions: {},
    });
  });
