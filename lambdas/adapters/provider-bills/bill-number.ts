/** Numbers of bills, from text to exact values: no binary fraction is on the way. */
import type { Ratio } from '../../core/pricing/ratio.ts';
import { numberText } from '../price-feeds/exact-json.ts';
import { UnreadableBill } from './bill.ts';

const NUMBER = /^(-?)([0-9]{1,18})(?:\.([0-9]{1,60}))?(?:[eE]([+-]?[0-9]{1,2}))?$/;

/** Undefined for what is no plain number. */
export function exactNumber(text: string): Ratio | undefined {
  const match = NUMBER.exec(text);
  if (!match) return undefined;
  const fraction = match[3] ?? '';
  const digits = BigInt(match[2]! + fraction);
  const exponent = Number(match[4] ?? 0) - fraction.length;
  const n = match[1] === '-' ? -digits : digits;
  return exponent >= 0 ? { n: n * 10n ** BigInt(exponent), d: 1n } : { n, d: 10n ** BigInt(-exponent) };
}

/** Of a CSV field, or of JSON, where it may stand as a number or in a string. `what` names it to the reader. */
export function numberOf(value: unknown, what: string): Ratio {
  const text = numberText(value) ?? value;
  const number = typeof text === 'string' ? exactNumber(text.trim()) : undefined;
  if (number === undefined) throw new UnreadableBill(`${what} is no number: ${JSON.stringify(text)}`);
  return number;
}

/** A whole number that is not negative: 1000, 1000.0, 1e3. */
export function countOf(value: unknown, what: string): bigint {
  const { n, d } = numberOf(value, what);
  if (n < 0n || n % d !== 0n)
    throw new UnreadableBill(`${what} is no count: ${JSON.stringify(numberText(value) ?? value)}`);
  return n / d;
}

/** Half of the last digit that the text shows. */
export function roundingOf(text: string): Ratio {
  const decimals = /\.([0-9]+)$/.exec(text.trim())?.[1]?.length ?? 0;
  return { n: 5n, d: 10n ** BigInt(decimals + 1) };
}
