/**
 * Responses usage: cached and written tokens are parts of `input_tokens`, reasoning of `output_tokens`.
 * Tool fees are not in usage: each finished call stands in `output`. Source: openai-node 7.57.0 typings.
 */
import * as z from 'zod';
import { whole } from '../../../core/pricing/ratio.ts';
import { read, unreadable, type FeeCounts, type UsageReader } from '../../../core/pricing/usage.ts';
import { conditionsAt, count, countOrNone, parseUsage, valueAt } from '../reported-count.ts';

const responsesUsage = z.looseObject({
  input_tokens: count,
  output_tokens: count,
  input_tokens_details: z
    .looseObject({
      cached_tokens: countOrNone,
      cache_write_tokens: countOrNone,
      cache_write_tokens_details: z.looseObject({ ttl_12h_tokens: countOrNone }).nullish(),
    })
    .nullish(),
});

export const readOpenAiResponsesUsage: UsageReader = ({ usage, response, fees }) =>
  parseUsage(responsesUsage, usage, (parsed) => {
    const cacheRead = parsed.input_tokens_details?.cached_tokens ?? 0n;
    const cacheWrite = parsed.input_tokens_details?.cache_write_tokens ?? 0n;
    const written12h = parsed.input_tokens_details?.cache_write_tokens_details?.ttl_12h_tokens ?? 0n;
    const input = parsed.input_tokens - cacheRead - cacheWrite;
    if (input < 0n || written12h > cacheWrite)
      return unreadable('usage.input_tokens_details: the parts of a count exceed it');
    return read({
      parts: [
        {
          tokens: {
            input,
            cache_read: cacheRead,
            cache_write: cacheWrite - written12h,
            cache_write_12h: written12h,
            output: parsed.output_tokens,
          },
          tierInputTokens: parsed.input_tokens,
        },
      ],
      fees: fees ?? toolFees(valueAt(response, ['output'])),
      conditions: conditionsAt(response, 'response', ['service_tier']),
    });
  });

/** Output items that stand for a paid tool call. Items of other types cost their tokens only. */
const FEE_BY_ITEM_TYPE: Readonly<Record<string, string>> = {
  web_search_call: 'web_search',
  file_search_call: 'file_search',
  // A container is billed by time and size, of which an answer says nothing: it has a price only where a card
  // prices it for the call.
  code_interpreter_call: 'container_session',
  shell_call: 'container_session',
  image_generation_call: 'image_generation',
};

function toolFees(output: unknown): FeeCounts {
  if (!Array.isArray(output)) return {};
  const calls = new Map<string, bigint>();
  for (const item of output) {
    const type = valueAt(item, ['type']);
    if (typeof type !== 'string' || !Object.hasOwn(FEE_BY_ITEM_TYPE, type)) continue;
    const fee = FEE_BY_ITEM_TYPE[type]!;
    calls.set(fee, (calls.get(fee) ?? 0n) + 1n);
  }
  return Object.fromEntries([...calls].map(([fee, n]) => [fee, whole(n)]));
}
