/**
 * Gemini usage: cached tokens are part of `promptTokenCount`; tool-use prompts and thoughts stand outside prompt
 * and candidates. `candidatesTokenCount` is left out where nothing was answered, so the total has to prove it.
 * Source: @google/genai 3.1.0 typings.
 */
import * as z from 'zod';
import { sumOf } from '../../../core/money.ts';
import { whole } from '../../../core/pricing/ratio.ts';
import {
  read,
  unreadable,
  type FeeCounts,
  type TokenCounts,
  type UsageReader,
  type UsageReading,
} from '../../../core/pricing/usage.ts';
import { conditionsAt, count, countOrNone, parseUsage, valueAt } from '../reported-count.ts';

const byModality = z.array(z.looseObject({ modality: z.string(), tokenCount: countOrNone })).nullish();
const geminiUsage = z.looseObject({
  promptTokenCount: count,
  candidatesTokenCount: count.nullish(),
  toolUsePromptTokenCount: countOrNone,
  thoughtsTokenCount: countOrNone,
  cachedContentTokenCount: countOrNone,
  totalTokenCount: count.nullish(),
  promptTokensDetails: byModality,
  toolUsePromptTokensDetails: byModality,
  cacheTokensDetails: byModality,
  candidatesTokensDetails: byModality,
});
type GeminiUsage = z.output<typeof geminiUsage>;

export const readGeminiUsage: UsageReader = ({ usage, response, fees }) =>
  parseUsage(geminiUsage, usage, (parsed): UsageReading => {
    const tokens = disjointTokens(parsed);
    if (typeof tokens === 'string') return unreadable(tokens);
    return read({
      // Whether tool-use prompts count towards the threshold is not documented; the prompt does.
      parts: [{ tokens, tierInputTokens: parsed.promptTokenCount }],
      fees: fees ?? searchFees(valueAt(response, ['candidates'])),
      conditions: conditionsAt(usage, 'usage', ['serviceTier', 'trafficType']),
    });
  });

function disjointTokens(usage: GeminiUsage): TokenCounts | string {
  const prompt = usage.promptTokenCount + usage.toolUsePromptTokenCount;
  const candidates = usage.candidatesTokenCount ?? 0n;
  const isSilent = usage.candidatesTokenCount === undefined || usage.candidatesTokenCount === null;
  if (isSilent && usage.totalTokenCount !== prompt + usage.thoughtsTokenCount) {
    return 'usage.candidatesTokenCount: missing, and the total does not show that it is 0';
  }

  // Images, video and documents are input at the text rate; only audio has rates of its own.
  const cached = usage.cachedContentTokenCount;
  const audio =
    tokensOf(usage.promptTokensDetails, 'AUDIO') + tokensOf(usage.toolUsePromptTokensDetails, 'AUDIO');
  // Without details the cached part is text as far as there is text, which leaves the dear kind uncached.
  const textual = prompt - audio;
  const cachedAudio = usage.cacheTokensDetails
    ? tokensOf(usage.cacheTokensDetails, 'AUDIO')
    : positive(cached - textual);
  const outputImage = tokensOf(usage.candidatesTokensDetails, 'IMAGE');
  const outputAudio = tokensOf(usage.candidatesTokensDetails, 'AUDIO');

  const tokens = {
    input_audio: audio - cachedAudio,
    input: prompt - audio - (cached - cachedAudio),
    cache_read: cached - cachedAudio,
    cache_read_audio: cachedAudio,
    output: candidates - outputImage - outputAudio + usage.thoughtsTokenCount,
    output_image: outputImage,
    output_audio: outputAudio,
  };
  const isDisjoint = Object.values(tokens).every((n) => n >= 0n);
  return isDisjoint && outputImage + outputAudio <= candidates
    ? tokens
    : 'usage: the parts of a count exceed it';
}

function tokensOf(details: z.output<typeof byModality>, modality: string): bigint {
  const ofModality = (details ?? []).filter((detail) => detail.modality === modality);
  return sumOf(ofModality.map(({ tokenCount }) => tokenCount));
}

/** Grounding is billed by search query; retrieved text is not billed. */
function searchFees(candidates: unknown): FeeCounts {
  if (!Array.isArray(candidates)) return {};
  let queries = 0n;
  for (const candidate of candidates) {
    const made = valueAt(candidate, ['groundingMetadata', 'webSearchQueries']);
    if (Array.isArray(made)) queries += BigInt(made.length);
  }
  return queries === 0n ? {} : { web_search: whole(queries) };
}

const positive = (n: bigint): bigint => (n > 0n ? n : 0n);
