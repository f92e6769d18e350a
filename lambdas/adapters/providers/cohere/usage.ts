/**
 * Cohere v2 reports `billed_units`, which the invoice counts, and `tokens`, which the model saw. Tokens are the
 * larger of the two and the only ones that split off the cache, so they are charged: an upper bound.
 */
import * as z from 'zod';
import { read, unreadable, type UsageReader } from '../../../core/pricing/usage.ts';
import { count, countOrNone, parseUsage } from '../reported-count.ts';

const cohereUsage = z.looseObject({
  tokens: z.looseObject({ input_tokens: count, output_tokens: count }),
  cached_tokens: countOrNone,
});

export const readCohereChatUsage: UsageReader = ({ usage, fees = {} }) =>
  parseUsage(cohereUsage, usage, ({ tokens, cached_tokens: cached }) => {
    const input = tokens.input_tokens - cached;
    if (input < 0n) return unreadable('usage.cached_tokens: more than tokens.input_tokens');
    return read({
      parts: [
        {
          tokens: { input, cache_read: cached, output: tokens.output_tokens },
          tierInputTokens: tokens.input_tokens,
        },
      ],
      fees,
      conditions: {},
    });
  });
