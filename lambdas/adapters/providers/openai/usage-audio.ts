/**
 * Transcription and speech. A transcription reports either seconds (whisper-1) or tokens (gpt-4o-transcribe);
 * speech reports nothing, so the gateway counts the characters that it sent. Source: openai-node 7.57.0 typings.
 */
import * as z from 'zod';
import { whole } from '../../../core/pricing/ratio.ts';
import { read, unreadable, type UsageReader } from '../../../core/pricing/usage.ts';
import { count, countOrNone, parseUsage, quantity } from '../reported-count.ts';

const transcriptionUsage = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('duration'), seconds: quantity }),
  z.looseObject({
    type: z.literal('tokens'),
    input_tokens: count,
    output_tokens: count,
    input_token_details: z.looseObject({ text_tokens: countOrNone, audio_tokens: count.nullish() }).nullish(),
  }),
]);

export const readOpenAiTranscriptionUsage: UsageReader = ({ usage, fees = {} }) =>
  parseUsage(transcriptionUsage, usage, (parsed) => {
    if (parsed.type === 'duration') {
      return read({ parts: [], fees: { ...fees, audio_second: parsed.seconds }, conditions: {} });
    }
    // What is not said to be text is audio, the dearer kind.
    const details = parsed.input_token_details;
    const audio = details?.audio_tokens ?? parsed.input_tokens - (details?.text_tokens ?? 0n);
    const input = parsed.input_tokens - audio;
    if (input < 0n || audio < 0n)
      return unreadable('usage.input_token_details: the parts exceed input_tokens');
    return read({
      parts: [
        {
          tokens: { input, input_audio: audio, output: parsed.output_tokens },
          tierInputTokens: parsed.input_tokens,
        },
      ],
      fees,
      conditions: {},
    });
  });

const speechUsage = z.looseObject({ characters: count });

export const readOpenAiSpeechUsage: UsageReader = ({ usage, fees = {} }) =>
  parseUsage(speechUsage, usage, ({ characters }) =>
    read({ parts: [], fees: { ...fees, character: whole(characters) }, conditions: {} }),
  );
