/**
 * What lines of Amazon Bedrock are for ("Understanding your Amazon Bedrock Cost and Usage Report data", AWS user guide;
 * usage types of price lists and reports of 2026, quoted in public code; checked 2026-11-30). The model stands in the
 * name of the service, `Claude Haiku 4.5 (Amazon Bedrock Edition)`, or in the usage type: `USE1-Claude4.6Sonnet-input-tokens`,
 * `USE1-NovaPro-cache-read-input-token-count`, `USE1-openai.gpt-5.6-luna-mantle-cache-write-tokens-5m-long-ctx-flex`.
 */
import type { BilledTokens } from './bill.ts';

const EDITION = / \(Amazon Bedrock Edition\)$/;
const REGION = /^[A-Z]{2,4}[0-9]?-/;
const MODEL_AND_TOKENS = /^(.+?)-(?:mantle-)?(?:cache-(?:read|write)-)?(?:input|output|tokens)\b.*$/i;

export const isBedrock = (service: string, product: string): boolean =>
  EDITION.test(service) || service.startsWith('Amazon Bedrock') || product.startsWith('AmazonBedrock');

/** The model; what else is sold goes by its usage type. */
export function bedrockName(service: string, usageType: string): string {
  if (EDITION.test(service)) return service.replace(EDITION, '');
  const what = usageType.replace(REGION, '');
  return MODEL_AND_TOKENS.exec(what)?.[1] ?? what;
}

const UNITS: Record<string, bigint> = {
  tokens: 1n,
  '1k tokens': 1_000n,
  '1m tokens': 1_000_000n,
};

/** Tokens that one unit has; undefined for "Units", of which nobody says how many they are. */
export const tokensInUnit = (unit: string | undefined): bigint | undefined =>
  unit === undefined ? undefined : UNITS[unit.toLowerCase()];

export const tokensOf = (usageType: string, count: bigint): BilledTokens =>
  /output/i.test(usageType) ? { input: 0n, output: count } : { input: count, output: 0n };
