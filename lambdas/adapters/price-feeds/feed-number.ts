/** Prices as feeds write them, to decimal text of dollars for a million tokens. No binary fraction is on the way. */
import * as z from 'zod';
import { numberText } from './exact-json.ts';

const NUMBER = /^([0-9]{1,18})(?:\.([0-9]{1,40}))?(?:[eE]([+-]?[0-9]{1,2}))?$/;
/** What comes after is the noise of somebody's floating-point arithmetic; no price has more than seven digits. */
const SIGNIFICANT_DIGITS = 12;
const DECIMALS_MAX = 12;
const WHOLE_DIGITS_MAX = 9;

/** How many powers of ten a unit is away from a million tokens. */
export const PER = { token: 6, thousandTokens: 3, millionTokens: 0 } as const;

/** Undefined for what is no plain number, negative, or beyond any price. */
export function rateText(text: string, per: keyof typeof PER): string | undefined {
  const match = NUMBER.exec(text);
  if (!match) return undefined;
  const fraction = match[2] ?? '';
  const digits = (match[1]! + fraction).replace(/^0+/, '');
  if (digits === '') return '0';
  const exponent = Number(match[3] ?? 0) + PER[per] - fraction.length;
  const rounded = toSignificant(digits, exponent);
  return plain(rounded.digits, rounded.exponent);
}

/** Half up, without trailing zeros. */
function toSignificant(digits: string, exponent: number): { digits: string; exponent: number } {
  const cut = Math.max(0, digits.length - SIGNIFICANT_DIGITS);
  const kept =
    BigInt(digits.slice(0, digits.length - cut)) +
    (cut > 0 && digits.charAt(digits.length - cut) >= '5' ? 1n : 0n);
  const text = kept.toString();
  const trimmed = text.replace(/0+$/, '');
  return { digits: trimmed, exponent: exponent + cut + text.length - trimmed.length };
}

function plain(digits: string, exponent: number): string | undefined {
  if (exponent < -DECIMALS_MAX || digits.length + exponent > WHOLE_DIGITS_MAX) return undefined;
  if (exponent >= 0) return digits + '0'.repeat(exponent);
  const padded = digits.padStart(1 - exponent, '0');
  return `${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
}

/** A price in a feed's own unit, as a number of the document. */
export const rate = (per: keyof typeof PER) =>
  z.unknown().transform((value, context) => toRate(numberText(value), value, per, context));

/** The same in a string: "0.0000025". */
export const rateInString = (per: keyof typeof PER) =>
  z
    .unknown()
    .transform((value, context) =>
      toRate(typeof value === 'string' ? value : undefined, value, per, context),
    );

function toRate(
  text: string | undefined,
  value: unknown,
  per: keyof typeof PER,
  context: z.RefinementCtx,
): string {
  const read = text === undefined ? undefined : rateText(text, per);
  if (read !== undefined) return read;
  context.addIssue({ code: 'custom', input: value, message: 'is no price' });
  return z.NEVER;
}

/** A whole number of tokens. */
export const count = z.unknown().transform((value, context) => {
  const text = numberText(value);
  // models.dev and LiteLLM also write 1e6 and 128000.0.
  const whole = text === undefined ? undefined : rateText(text, 'millionTokens');
  if (whole !== undefined && /^[0-9]{1,9}$/.test(whole)) return BigInt(whole);
  context.addIssue({ code: 'custom', input: value, message: 'is no count' });
  return z.NEVER;
});
