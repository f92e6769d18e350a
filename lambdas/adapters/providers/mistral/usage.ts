/**
 * Mistral chat reports the OpenAI shape, its service tier inside usage, and audio input in seconds; OCR reports
 * pages. Source: @mistralai/mistralai 2.7.0 typings.
 */
import * as z from 'zod';
import { whole } from '../../../core/pricing/ratio.ts';
import { read, unreadable, type UsageReader } from '../../../core/pricing/usage.ts';
import { chatTokens, chatUsage } from '../openai/usage-chat.ts';
import { conditionsAt, count, parseUsage, quantity } from '../reported-count.ts';

const mistralUsage = chatUsage.extend({ prompt_audio_seconds: quantity.nullish() });

export const readMistralChatUsage: UsageReader = ({ usage, fees }) =>
  parseUsage(mistralUsage, usage, (parsed) => {
    const tokens = chatTokens(parsed);
    if (tokens === undefined) return unreadable('usage: the parts of a count exceed it');
    const seconds = parsed.prompt_audio_seconds;
    return read({
      parts: [{ tokens, tierInputTokens: parsed.prompt_tokens }],
      fees: fees ?? (seconds ? { audio_second: seconds } : {}),
      conditions: conditionsAt(usage, 'usage', ['service_tier']),
    });
  });

const ocrUsage = z.looseObject({ pages_processed: count });

export const readMistralOcrUsage: UsageReader = ({ usage, fees = {} }) =>
  parseUsage(ocrUsage, usage, ({ pages_processed: pages }) =>
    read({ parts: [], fees: { ...fees, page: whole(pages) }, conditions: {} }),
  );
