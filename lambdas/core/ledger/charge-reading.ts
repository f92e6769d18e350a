/**
 * What a charge was computed from: enough to compute it again, by the cards that it names. Names are short and
 * what follows from the rest of the charge is left out, since a charge is written twice (the index copies it) and
 * should stay within one write unit of 1,024 bytes.
 *
 *   p parts · each: m model · k tokens by kind (one part has those of the charge) · i input tokens of its tier
 *   f fees, as decimals · q conditions · u usage block, as JSON · n its bytes, where it is too long to be kept
 *   a card, where it is not the one that the call was quoted by · o cards of other models that took part
 */
import { sumOf } from '../money.ts';
import type { Item } from '../ports.ts';
import { decimal, toDecimalText } from '../pricing/ratio.ts';
import type { TokenCounts, Usage, UsagePart } from '../pricing/usage.ts';
import type { Charge } from './charge.ts';

export interface ChargeReading extends CitedCards {
  usage: Usage;
  reported: Reported;
}

export interface CitedCards {
  /** Id of the card of the model that was served. */
  card: string;
  /** Ids of the cards of other models that took part, by model. */
  otherCards: Readonly<Record<string, string>>;
}

/** The provider's usage block as JSON text, or how long one was that is not kept. */
export type Reported =
  { kind: 'kept'; text: string } | { kind: 'too_long'; bytes: bigint } | { kind: 'none' };

export const REPORTED_BYTES_MAX = 2048;

export function reportedText(block: unknown): Reported {
  if (block === undefined) return { kind: 'none' };
  const text = JSON.stringify(block);
  const bytes = new TextEncoder().encode(text).byteLength;
  return bytes > REPORTED_BYTES_MAX ? { kind: 'too_long', bytes: BigInt(bytes) } : { kind: 'kept', text };
}

type Around = Pick<Charge, 'tokens' | 'modelServed' | 'info'>;

export function readingToItem(reading: ChargeReading, { tokens, modelServed, info }: Around): Item {
  const { usage, reported, card, otherCards } = reading;
  const isOne = usage.parts.length === 1;
  const fees = Object.entries(usage.fees).filter(([, units]) => units.n !== 0n);
  return {
    p: usage.parts.map((part) => ({
      ...(part.model !== undefined && part.model !== modelServed && { m: part.model }),
      ...(!isOne && { k: countsToItem(part.tokens) }),
      ...(part.tierInputTokens !== inputOf(isOne ? tokens : part.tokens) && { i: part.tierInputTokens }),
    })),
    ...(fees.length > 0 && {
      f: Object.fromEntries(fees.map(([name, units]) => [name, toDecimalText(units, FEE_DIGITS)])),
    }),
    ...(Object.keys(usage.conditions).length > 0 && { q: { ...usage.conditions } }),
    ...(reported.kind === 'kept' && { u: reported.text }),
    ...(reported.kind === 'too_long' && { n: reported.bytes }),
    ...(card !== info.cd && { a: card }),
    ...(Object.keys(otherCards).length > 0 && { o: { ...otherCards } }),
  };
}

export function readingFromItem(item: Item, { tokens, info }: Around): ChargeReading {
  const parts = item['p'] as Item[];
  const fees = Object.entries((item['f'] ?? {}) as Record<string, string>);
  const { u, n } = item;
  return {
    usage: {
      parts: parts.map((part): UsagePart => {
        const counts = (part['k'] ?? tokens) as TokenCounts;
        return {
          ...(part['m'] !== undefined && { model: part['m'] as string }),
          tokens: counts,
          tierInputTokens: (part['i'] ?? inputOf(counts)) as bigint,
        };
      }),
      fees: Object.fromEntries(fees.map(([name, units]) => [name, decimal(units)])),
      conditions: (item['q'] ?? {}) as Record<string, string>,
    },
    reported:
      u !== undefined
        ? { kind: 'kept', text: u as string }
        : n !== undefined
          ? { kind: 'too_long', bytes: n as bigint }
          : { kind: 'none' },
    card: (item['a'] ?? info.cd) as string,
    otherCards: (item['o'] ?? {}) as Record<string, string>,
  };
}

/** More than any decimal has that a JSON number can be. */
const FEE_DIGITS = 24;

/** Kinds without tokens are left out, as in the tokens of the charge. */
const countsToItem = (tokens: TokenCounts): Item =>
  Object.fromEntries(Object.entries(tokens).filter(([, count]) => count !== 0n));

/** What most providers compare with a threshold: everything that is not output. */
export const inputOf = (tokens: Readonly<Record<string, bigint | undefined>>): bigint =>
  sumOf(Object.entries(tokens).flatMap(([kind, count]) => (kind.startsWith('output') ? [] : [count ?? 0n])));
