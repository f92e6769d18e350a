/**
 * Money is a bigint of picodollars: small enough for every published token price to be a whole number per
 * token, large enough (38 digits in DynamoDB) for any bill. Nothing here uses a floating-point number.
 */
import { picoUsd, type PicoUsd } from './brands.ts';

export const PICO_PER_USD = 1_000_000_000_000n;
const PICO_DIGITS = 12;
const DECIMAL = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?$/;

/** Rounds up: the one rounding that money knows. `divisor` is positive, `dividend` may be negative. */
export function divCeil(dividend: bigint, divisor: bigint): bigint {
  if (divisor <= 0n) throw new RangeError(`divCeil needs a positive divisor, got ${divisor}`);
  const quotient = dividend / divisor;
  return dividend % divisor > 0n ? quotient + 1n : quotient;
}

export const sumOf = (amounts: readonly bigint[]): bigint =>
  amounts.reduce((total, amount) => total + amount, 0n);

/** Rounds down; used only to ask how much of something an amount of money can pay, and to show it in short. */
export function divFloor(dividend: bigint, divisor: bigint): bigint {
  return -divCeil(-dividend, divisor);
}

/**
 * Reads a canonical or plain decimal string of dollars ("20", "20.00", "0.0075").
 * Returns undefined for anything else: signs, exponents, spaces, more than twelve decimals.
 */
export function parseUsd(text: string): PicoUsd | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const fraction = match[2] ?? '';
  if (fraction.length > PICO_DIGITS) return undefined;
  return picoUsd(BigInt(match[1]!) * PICO_PER_USD + BigInt(fraction.padEnd(PICO_DIGITS, '0')));
}

/** The same of a difference, which may have a minus. */
export function parseSignedUsd(text: string): PicoUsd | undefined {
  const amount = parseUsd(text.replace(/^-/, ''));
  return amount !== undefined && text.startsWith('-') ? picoUsd(0n - amount) : amount;
}

/** Reads a decimal string that our own code or a reviewed file wrote; anything else is a bug. */
export function usd(text: string): PicoUsd {
  const value = parseUsd(text);
  if (value === undefined) throw new RangeError(`not a dollar amount: ${JSON.stringify(text)}`);
  return value;
}

/** Prints dollars in canonical form: at least two decimals, no trailing zeros beyond them, exact. */
export function formatUsd(amount: PicoUsd): string {
  const sign = amount < 0n ? '-' : '';
  const absolute: bigint = amount < 0n ? 0n - amount : amount;
  const whole = absolute / PICO_PER_USD;
  const fraction = (absolute % PICO_PER_USD).toString().padStart(PICO_DIGITS, '0').replace(/0+$/, '');
  return `${sign}${whole}.${fraction.padEnd(2, '0')}`;
}
