/**
 * Groq chat reports the OpenAI shape with times that cost nothing; transcription is billed by the second, ten at
 * least (`minimum` of the card's fee). Source: groq-sdk 1.6.0 typings.
 */
import * as z from 'zod';
import { read, type UsageReader } from '../../../core/pricing/usage.ts';
import { parseUsage, quantity } from '../reported-count.ts';

const transcriptionUsage = z.looseObject({ seconds: quantity });

export const readGroqTranscriptionUsage: UsageReader = ({ usage, fees = {} }) =>
  parseUsage(transcriptionUsage, usage, ({ seconds }) =>
    read({ parts: [], fees: { ...fees, audio_second: seconds }, conditions: {} }),
  );
