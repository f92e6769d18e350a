/** Embeddings usage: input alone. `total_tokens` repeats it. */
import * as z from 'zod';
import { read, type UsageReader } from '../../../core/pricing/usage.ts';
import { count, parseUsage } from '../reported-count.ts';

const embeddingsUsage = z.looseObject({ prompt_tokens: count });

export const readOpenAiEmbeddingsUsage: UsageReader = ({ usage, fees = {} }) =>
  parseUsage(embeddingsUsage, usage, ({ prompt_tokens: input }) =>
    read({ parts: [{ tokens: { input }, tierInputTokens: input }], fees, conditions: {} }),
  );
