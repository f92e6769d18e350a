/**
 * xAI chat reports the OpenAI shape, but `reasoning_tokens` stand outside `completion_tokens`
 * (32 + 9 + 94 = 135 total): they are added.
 */
import { whole } from '../../../core/pricing/ratio.ts';
import { read, unreadable, type UsageReader } from '../../../core/pricing/usage.ts';
import { chatTokens, chatUsage } from '../openai/usage-chat.ts';
import { conditionsAt, countOrNone, parseUsage } from '../reported-count.ts';

const xaiUsage = chatUsage.extend({ num_sources_used: countOrNone });

export const readXaiChatUsage: UsageReader = ({ usage, response, fees }) =>
  parseUsage(xaiUsage, usage, (parsed) => {
    const tokens = chatTokens(parsed);
    if (tokens === undefined) return unreadable('usage: the parts of a count exceed it');
    const reasoning = parsed.completion_tokens_details?.reasoning_tokens ?? 0n;
    const sources = parsed.num_sources_used;
    return read({
      parts: [
        { tokens: { ...tokens, output: tokens.output + reasoning }, tierInputTokens: parsed.prompt_tokens },
      ],
      // Live search is billed by source.
      fees: fees ?? (sources > 0n ? { search_source: whole(sources) } : {}),
      conditions: conditionsAt(response, 'response', ['service_tier']),
    });
  });
