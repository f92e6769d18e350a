/** Words that all mails to finance share. SNS takes 99 characters of printable ASCII for a subject. */
import type { PicoUsd } from './brands.ts';
import { divFloor, PICO_PER_USD } from './money.ts';

const PICO_PER_CENT = PICO_PER_USD / 100n;
export const wholeCents = (amount: PicoUsd | bigint): bigint =>
  divFloor(amount, PICO_PER_CENT) * PICO_PER_CENT;

/** 955 is "95.5%". */
export function thousandthsAsPercent(thousandths: number): string {
  const tenths = thousandths % 10;
  return `${Math.floor(thousandths / 10)}${tenths === 0 ? '' : `.${tenths}`}%`;
}

/** A name as a subject takes it; in the text it stands whole. */
export function asciiName(name: string, lengthMax: number): string {
  const plain = name.replaceAll(/[^\x21-\x7e]/gu, '?');
  return plain.length <= lengthMax ? plain : `${plain.slice(0, lengthMax - 3)}...`;
}
