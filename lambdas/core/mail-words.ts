/** Words that all mails to finance share. SNS takes 99 characters of printable ASCII for a subject. */
import type { EpochMs, PicoUsd } from './brands.ts';
import { inMetric, withUnit } from './caps/amounts.ts';
import type { Metric } from './caps/cap.ts';
import { divFloor, PICO_PER_USD } from './money.ts';
import { parseRfc3339, toRfc3339 } from './time.ts';

const PICO_PER_CENT = PICO_PER_USD / 100n;
export const wholeCents = (amount: PicoUsd | bigint): bigint =>
  divFloor(amount, PICO_PER_CENT) * PICO_PER_CENT;

/** 955 is "95.5%". */
export function thousandthsAsPercent(thousandths: number): string {
  const tenths = thousandths % 10;
  return `${Math.floor(thousandths / 10)}${tenths === 0 ? '' : `.${tenths}`}%`;
}

/** Whole percents: a share is for the eye. Of something it is never "0%". */
export function shareWords(part: bigint, whole: bigint): string {
  if (whole <= 0n || part === 0n) return '0%';
  const percent = divFloor(part * 200n + whole, whole * 2n);
  return percent === 0n ? 'less than 1%' : `${percent}%`;
}

/** "0.8" is "80%", "0.955" is "95.5%". */
export function fractionAsPercent(fraction: string): string {
  const [whole, decimals = ''] = fraction.split('.');
  return thousandthsAsPercent(Number(`${whole!}${decimals.padEnd(3, '0')}`));
}

/** A name as a subject takes it; in the text it stands whole. */
export function asciiName(name: string, lengthMax: number): string {
  const plain = name.replaceAll(/[^\x21-\x7e]/gu, '?');
  return plain.length <= lengthMax ? plain : `${plain.slice(0, lengthMax - 3)}...`;
}

export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `$20.00`, `60 requests`; an estimate in whole cents, and finer below a dollar. */
export const amountWords = (metric: Metric, amount: bigint): string =>
  withUnit(metric, inMetric(metric, amount));
export function aboutWords(metric: Metric, amount: bigint): string {
  if (metric !== 'usd') return amountWords(metric, amount);
  const isSmall = amount < PICO_PER_USD;
  return amountWords(metric, isSmall ? wholeCents(amount * 100n) / 100n : wholeCents(amount));
}

/** In whole cents, rounded to the nearest: so lines add up to what they are parts of, but for a cent or two. */
export function centsWords(amount: bigint): string {
  const cents = wholeCents(amount + PICO_PER_CENT / 2n);
  return cents === 0n && amount > 0n ? 'less than $0.01' : amountWords('usd', cents);
}

/** How `--from` and `--to` of the commands take it: a day is one of UTC there. */
export const instantOption = (at: EpochMs): string => toRfc3339(at).replace(/T00:00:00Z$/, '');

/** `2026-12-01 00:00 UTC`. */
export const instantWords = (at: EpochMs): string => toRfc3339(at).replace(/^(.{10})T(.{5}).*$/, '$1 $2 UTC');
/** The same of an instant as events have it. */
export const instantTextWords = (at: string): string => instantWords(parseRfc3339(at)!);
