/**
 * What a call used, as its provider's own usage block says, in the words of a price card. Readers
 * (adapters/providers/<dialect>) produce it, the calculator takes it.
 */
import { sumOf } from '../money.ts';
import type { FeeKind, TokenKind } from './card.ts';
import type { Ratio } from './ratio.ts';

/** Disjoint: each billed token is counted under exactly one kind. */
export type TokenCounts = Partial<Record<TokenKind, bigint>>;
/** Whole for calls and pages; seconds may have a fraction. */
export type FeeCounts = Readonly<Record<FeeKind, Ratio>>;

/** One inference. Most calls have one; Anthropic's iterations have several, each perhaps by another model. */
export interface UsagePart {
  /** As reported; absent: the model of the call. */
  model?: string;
  tokens: TokenCounts;
  /** What the provider compares with a long-context threshold. */
  tierInputTokens: bigint;
}

export interface Usage {
  parts: readonly UsagePart[];
  fees: FeeCounts;
  /** Reported values that may change the price, by where they were reported: `usage.speed` to `fast`. */
  conditions: Readonly<Record<string, string>>;
}

export type UsageReading =
  | {
      kind: 'read';
      usage: Usage;
      /** The usage block that says so, as parsed from JSON; absent where the request says it. */
      reported?: unknown;
    }
  /** A count is missing, malformed or contradicts another: the call is charged at its hold. */
  | { kind: 'unreadable'; reason: string };

export interface UsageReport {
  /** The usage block, as parsed from JSON. */
  usage: unknown;
  /** The answer around it, where it has service_tier, output items, candidates. */
  response?: unknown;
  /** Units that the caller counted itself; they take precedence over what stands in `response`. */
  fees?: FeeCounts;
}

export type UsageReader = (report: UsageReport) => UsageReading;

export const read = (usage: Usage): UsageReading => ({ kind: 'read', usage });
export const unreadable = (reason: string): UsageReading => ({ kind: 'unreadable', reason });

/** Tokens as a cap's metric: all that the provider bills as tokens, cached and reasoning included. */
export function billedTokens(usage: Usage): bigint {
  return sumOf(Object.values(tokensByKind(usage)));
}

/** Over all parts; kinds without tokens are left out. */
export function tokensByKind(usage: Usage): TokenCounts {
  const totals: TokenCounts = {};
  for (const { tokens } of usage.parts) {
    for (const [kind, tokenCount] of Object.entries(tokens) as [TokenKind, bigint][]) {
      if (tokenCount !== 0n) totals[kind] = (totals[kind] ?? 0n) + tokenCount;
    }
  }
  return totals;
}
