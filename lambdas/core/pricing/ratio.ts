/**
 * Exact fractions of bigints, for what lies between a price and an amount of money: rates per million tokens,
 * factors, minutes. They are never rounded; only `divCeil` and `divFloor` of money.ts end a calculation.
 */
export interface Ratio {
  readonly n: bigint;
  /** Always positive. Not reduced. */
  readonly d: bigint;
}

const DECIMAL = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?$/;

export const ZERO: Ratio = { n: 0n, d: 1n };
export const ONE: Ratio = { n: 1n, d: 1n };

export const whole = (n: bigint): Ratio => ({ n, d: 1n });

/** Reads a plain decimal of any length; undefined for signs, exponents and everything else. */
export function parseDecimal(text: string): Ratio | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const fraction = match[2] ?? '';
  return { n: BigInt(match[1]! + fraction), d: 10n ** BigInt(fraction.length) };
}

/** Reads a decimal that a schema has already checked; anything else is a bug. */
export function decimal(text: string): Ratio {
  const value = parseDecimal(text);
  if (value === undefined) throw new RangeError(`not a decimal: ${JSON.stringify(text)}`);
  return value;
}

export function times(a: Ratio, b: Ratio): Ratio {
  return { n: a.n * b.n, d: a.d * b.d };
}

export function over(a: Ratio, b: Ratio): Ratio {
  if (b.n <= 0n) throw new RangeError('division by a ratio that is not positive');
  return { n: a.n * b.d, d: a.d * b.n };
}

/** A sum of decimals is no longer than its longest term: one denominator divides the other. */
export function sum(a: Ratio, b: Ratio): Ratio {
  const [fine, coarse] = a.d < b.d ? [b, a] : [a, b];
  if (fine.d % coarse.d === 0n) return { n: fine.n + coarse.n * (fine.d / coarse.d), d: fine.d };
  return { n: a.n * b.d + b.n * a.d, d: a.d * b.d };
}

export function isLess(a: Ratio, b: Ratio): boolean {
  return a.n * b.d < b.n * a.d;
}

export const larger = (a: Ratio, b: Ratio): Ratio => (isLess(a, b) ? b : a);
export const smaller = (a: Ratio, b: Ratio): Ratio => (isLess(a, b) ? a : b);

/** Decimal text, cut (not rounded) after `digits` decimals, without trailing zeros. For people, never for money. */
export function toDecimalText(value: Ratio, digits: number): string {
  const scaled = (value.n * 10n ** BigInt(digits)) / value.d;
  const text = scaled.toString().padStart(digits + 1, '0');
  const fraction = text.slice(text.length - digits).replace(/0+$/, '');
  const head = text.slice(0, text.length - digits);
  return fraction === '' ? head : `${head}.${fraction}`;
}
