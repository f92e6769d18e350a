/**
 * Image generation usage: text and image tokens at rates of their own. All output is image tokens unless
 * `output_tokens_details` says otherwise. An SVG is written by another model, whose tokens stand outside `usage`.
 * Source: openai-node 7.57.0 typings.
 */
import * as z from 'zod';
import { read, unreadable, type UsageReader } from '../../../core/pricing/usage.ts';
import { count, countOrNone, parseUsage, valueAt } from '../reported-count.ts';

const imagesUsage = z.looseObject({
  input_tokens: count,
  output_tokens: count,
  input_tokens_details: z.looseObject({ image_tokens: countOrNone }).nullish(),
  output_tokens_details: z.looseObject({ text_tokens: countOrNone }).nullish(),
});

export const readOpenAiImagesUsage: UsageReader = ({ usage, response, fees = {} }) =>
  parseUsage(imagesUsage, usage, (parsed) => {
    if (isPresent(valueAt(response, ['svg_usage'])))
      return unreadable('svg_usage: tokens of another model, apart from usage');
    const inputImage = parsed.input_tokens_details?.image_tokens ?? 0n;
    const output = parsed.output_tokens_details?.text_tokens ?? 0n;
    const input = parsed.input_tokens - inputImage;
    const outputImage = parsed.output_tokens - output;
    if (input < 0n || outputImage < 0n) return unreadable('usage: the parts of a count exceed it');
    return read({
      parts: [
        {
          tokens: { input, input_image: inputImage, output, output_image: outputImage },
          tierInputTokens: parsed.input_tokens,
        },
      ],
      fees,
      conditions: {},
    });
  });

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
