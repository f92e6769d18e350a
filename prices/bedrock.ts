/**
 * Bedrock. A global inference profile costs the list price; a regional one 10 % more from Claude 4.5 on. Only
 * profiles on whose price LiteLLM and models.dev agree stand here: none of the ids without a prefix of Claude
 * (list price in one source, regional in another), of eu. Nova, of GovCloud. Nova writes its cache at the input
 * rate. Which service tiers Claude has and what they cost was read nowhere.
 */
import type { PriceCardInput } from '../lambdas/core/pricing/card.ts';
import { rates } from './anthropic.ts';
import { CHECKED_ON, LITELLM, MODELS_DEV } from './sources.ts';

const SHORT = { contextTokens: 200_000n, maxOutputTokens: 64_000n };
const LONG = { contextTokens: 1_000_000n, maxOutputTokens: 128_000n };
const IMAGE_BEFORE_4_7 = 1_568n;
const IMAGE_FROM_4_7 = 4_784n;
/** AWS price list: NovaPro-input-tokens-priority, -flex. */
const NOVA_TIERS = [
  { when: 'response.serviceTier.type=priority', factor: '1.75' },
  { when: 'response.serviceTier.type=flex', factor: '0.5' },
];

export const bedrockCards: readonly PriceCardInput[] = [
  claude({
    model: 'global.anthropic.claude-fable-5',
    rates: rates({ input: '10', read: '1', write5m: '12.5', write1h: '20', output: '50' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'us.anthropic.claude-fable-5',
    aliases: ['eu.anthropic.claude-fable-5'],
    rates: rates({ input: '11', read: '1.1', write5m: '13.75', write1h: '22', output: '55' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'global.anthropic.claude-fable-5-1',
    rates: rates({ input: '10', read: '0.25', write5m: '12.5', write1h: '20', output: '50' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-09-22',
  }),
  claude({
    model: 'us.anthropic.claude-fable-5-1',
    rates: rates({ input: '11', read: '0.275', write5m: '13.75', write1h: '22', output: '55' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-09-22',
  }),
  claude({
    model: 'global.anthropic.claude-opus-5-5',
    rates: rates({ input: '4', read: '0.2', write5m: '5', write1h: '8', output: '20' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-09-23',
  }),
  claude({
    model: 'us.anthropic.claude-opus-5-5',
    aliases: ['eu.anthropic.claude-opus-5-5', 'au.anthropic.claude-opus-5-5', 'jp.anthropic.claude-opus-5-5'],
    rates: rates({ input: '4.4', read: '0.22', write5m: '5.5', write1h: '8.8', output: '22' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-09-23',
  }),
  claude({
    model: 'global.anthropic.claude-opus-5',
    rates: rates({ input: '5', read: '0.5', write5m: '6.25', write1h: '10', output: '25' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'us.anthropic.claude-opus-5',
    aliases: ['eu.anthropic.claude-opus-5', 'au.anthropic.claude-opus-5', 'jp.anthropic.claude-opus-5'],
    rates: rates({ input: '5.5', read: '0.55', write5m: '6.875', write1h: '11', output: '27.5' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'global.anthropic.claude-opus-4-8',
    rates: rates({ input: '5', read: '0.5', write5m: '6.25', write1h: '10', output: '25' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'us.anthropic.claude-opus-4-8',
    aliases: ['eu.anthropic.claude-opus-4-8', 'au.anthropic.claude-opus-4-8', 'jp.anthropic.claude-opus-4-8'],
    rates: rates({ input: '5.5', read: '0.55', write5m: '6.875', write1h: '11', output: '27.5' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'global.anthropic.claude-opus-4-7',
    rates: rates({ input: '5', read: '0.5', write5m: '6.25', write1h: '10', output: '25' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'us.anthropic.claude-opus-4-7',
    aliases: ['eu.anthropic.claude-opus-4-7', 'au.anthropic.claude-opus-4-7', 'jp.anthropic.claude-opus-4-7'],
    rates: rates({ input: '5.5', read: '0.55', write5m: '6.875', write1h: '11', output: '27.5' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'global.anthropic.claude-opus-4-6-v1',
    rates: rates({ input: '5', read: '0.5', write5m: '6.25', write1h: '10', output: '25' }),
    limits: LONG,
    imageTokensMax: IMAGE_BEFORE_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'us.anthropic.claude-opus-4-6-v1',
    aliases: ['eu.anthropic.claude-opus-4-6-v1', 'au.anthropic.claude-opus-4-6-v1'],
    rates: rates({ input: '5.5', read: '0.55', write5m: '6.875', write1h: '11', output: '27.5' }),
    limits: LONG,
    imageTokensMax: IMAGE_BEFORE_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'global.anthropic.claude-opus-4-5-20251101-v1:0',
    rates: rates({ input: '5', read: '0.5', write5m: '6.25', write1h: '10', output: '25' }),
    limits: SHORT,
    imageTokensMax: IMAGE_BEFORE_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'us.anthropic.claude-opus-4-5-20251101-v1:0',
    aliases: ['eu.anthropic.claude-opus-4-5-20251101-v1:0'],
    rates: rates({ input: '5.5', read: '0.55', write5m: '6.875', write1h: '11', output: '27.5' }),
    limits: SHORT,
    imageTokensMax: IMAGE_BEFORE_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'global.anthropic.claude-sonnet-5-5',
    rates: rates({ input: '2', read: '0.1', write5m: '2.5', write1h: '4', output: '10' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-11-10',
  }),
  claude({
    model: 'us.anthropic.claude-sonnet-5-5',
    aliases: ['eu.anthropic.claude-sonnet-5-5', 'au.anthropic.claude-sonnet-5-5'],
    rates: rates({ input: '2.2', read: '0.11', write5m: '2.75', write1h: '4.4', output: '11' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-11-10',
  }),
  claude({
    model: 'global.anthropic.claude-sonnet-5',
    rates: rates({ input: '2', read: '0.2', write5m: '2.5', write1h: '4', output: '10' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'us.anthropic.claude-sonnet-5',
    aliases: ['eu.anthropic.claude-sonnet-5', 'au.anthropic.claude-sonnet-5', 'jp.anthropic.claude-sonnet-5'],
    rates: rates({ input: '2.2', read: '0.22', write5m: '2.75', write1h: '4.4', output: '11' }),
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'global.anthropic.claude-sonnet-4-6',
    rates: rates({ input: '3', read: '0.3', write5m: '3.75', write1h: '6', output: '15' }),
    limits: LONG,
    imageTokensMax: IMAGE_BEFORE_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'us.anthropic.claude-sonnet-4-6',
    aliases: [
      'eu.anthropic.claude-sonnet-4-6',
      'au.anthropic.claude-sonnet-4-6',
      'jp.anthropic.claude-sonnet-4-6',
    ],
    rates: rates({ input: '3.3', read: '0.33', write5m: '4.125', write1h: '6.6', output: '16.5' }),
    limits: LONG,
    imageTokensMax: IMAGE_BEFORE_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'global.anthropic.claude-sonnet-4-5-20250929-v1:0',
    rates: rates({ input: '3', read: '0.3', write5m: '3.75', write1h: '6', output: '15' }),
    tiers: [
      above(200_000n, rates({ input: '6', read: '0.6', write5m: '7.5', write1h: '12', output: '22.5' })),
    ],
    limits: SHORT,
    imageTokensMax: IMAGE_BEFORE_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
    aliases: [
      'eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
      'au.anthropic.claude-sonnet-4-5-20250929-v1:0',
      'jp.anthropic.claude-sonnet-4-5-20250929-v1:0',
    ],
    rates: rates({ input: '3.3', read: '0.33', write5m: '4.125', write1h: '6.6', output: '16.5' }),
    tiers: [
      above(
        200_000n,
        rates({ input: '6.6', read: '0.66', write5m: '8.25', write1h: '13.2', output: '24.75' }),
      ),
    ],
    limits: SHORT,
    imageTokensMax: IMAGE_BEFORE_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'global.anthropic.claude-haiku-4-5-20251001-v1:0',
    rates: rates({ input: '1', read: '0.1', write5m: '1.25', write1h: '2', output: '5' }),
    limits: SHORT,
    imageTokensMax: IMAGE_BEFORE_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'us.anthropic.claude-haiku-4-5-20251001-v1:0',
    aliases: [
      'eu.anthropic.claude-haiku-4-5-20251001-v1:0',
      'au.anthropic.claude-haiku-4-5-20251001-v1:0',
      'jp.anthropic.claude-haiku-4-5-20251001-v1:0',
    ],
    rates: rates({ input: '1.1', read: '0.11', write5m: '1.375', write1h: '2.2', output: '5.5' }),
    limits: SHORT,
    imageTokensMax: IMAGE_BEFORE_4_7,
    effectiveFrom: '2026-08-21',
  }),
  claude({
    model: 'global.anthropic.claude-haiku-5-5',
    rates: rates({ input: '0.1', read: '0.01', write5m: '0.125', write1h: '0.2', output: '0.5' }),
    tiers: [
      above(100_000n, rates({ input: '0.5', read: '0.05', write5m: '0.625', write1h: '1', output: '2.5' })),
    ],
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-11-10',
  }),
  claude({
    model: 'us.anthropic.claude-haiku-5-5',
    aliases: [
      'eu.anthropic.claude-haiku-5-5',
      'au.anthropic.claude-haiku-5-5',
      'jp.anthropic.claude-haiku-5-5',
    ],
    rates: rates({ input: '0.11', read: '0.011', write5m: '0.1375', write1h: '0.22', output: '0.55' }),
    tiers: [
      above(
        100_000n,
        rates({ input: '0.55', read: '0.055', write5m: '0.6875', write1h: '1.1', output: '2.75' }),
      ),
    ],
    limits: LONG,
    imageTokensMax: IMAGE_FROM_4_7,
    effectiveFrom: '2026-11-10',
  }),
  nova({
    model: 'amazon.nova-micro-v1:0',
    aliases: ['us.amazon.nova-micro-v1:0'],
    rates: { input: '0.035', cache_read: '0.00875', output: '0.14' },
    limits: { contextTokens: 128_000n, maxOutputTokens: 10_000n },
  }),
  nova({
    model: 'amazon.nova-lite-v1:0',
    aliases: ['us.amazon.nova-lite-v1:0'],
    rates: { input: '0.06', cache_read: '0.015', output: '0.24' },
    limits: { contextTokens: 300_000n, maxOutputTokens: 10_000n },
  }),
  nova({
    model: 'amazon.nova-pro-v1:0',
    aliases: ['us.amazon.nova-pro-v1:0'],
    rates: { input: '0.8', cache_read: '0.2', output: '3.2' },
    multipliers: NOVA_TIERS,
    limits: { contextTokens: 300_000n, maxOutputTokens: 10_000n },
  }),
  nova({
    model: 'us.amazon.nova-premier-v1:0',
    rates: { input: '2.5', cache_read: '0.625', output: '12.5' },
    limits: { contextTokens: 1_000_000n, maxOutputTokens: 10_000n },
  }),
  nova({
    model: 'global.amazon.nova-2-lite-v1:0',
    rates: { input: '0.3', cache_read: '0.075', output: '2.5' },
    limits: { contextTokens: 1_000_000n, maxOutputTokens: 65_535n },
  }),
  nova({
    model: 'us.amazon.nova-2-lite-v1:0',
    rates: { input: '0.33', cache_read: '0.0825', output: '2.75' },
    multipliers: NOVA_TIERS,
    limits: { contextTokens: 1_000_000n, maxOutputTokens: 65_535n },
  }),
];

type Terms = Pick<PriceCardInput, 'model' | 'aliases' | 'rates' | 'tiers' | 'multipliers' | 'limits'>;

function claude({
  imageTokensMax,
  effectiveFrom,
  ...terms
}: Terms & { imageTokensMax: bigint; effectiveFrom: string }): PriceCardInput {
  return card(effectiveFrom, { ...terms, bounds: { imageTokensMax, hiddenInputTokens: 1_024n } });
}

function nova(terms: Terms): PriceCardInput {
  return card('2026-08-21', terms);
}

function card(effectiveFrom: string, terms: Terms & Pick<PriceCardInput, 'bounds'>): PriceCardInput {
  return {
    id: `bedrock/${terms.model}@${effectiveFrom}`,
    provider: 'bedrock',
    endpoints: ['bedrock-converse', 'bedrock-invoke'],
    effectiveFrom,
    checkedOn: CHECKED_ON,
    sources: [LITELLM, MODELS_DEV],
    ...terms,
  };
}

function above(threshold: bigint, rates: PriceCardInput['rates']) {
  return { basis: 'total_input_tokens' as const, op: 'gt' as const, threshold, rates };
}
