/** Dollars as mails show them: whole cents, from a dollar on; exact below. */
import { picoUsd, type PicoUsd } from './brands.ts';
import { wholeCents } from './mail-words.ts';
import { formatUsd, PICO_PER_USD } from './money.ts';

const rounded = (amount: PicoUsd): PicoUsd => {
  const absolute = amount < 0n ? 0n - amount : amount;
  return absolute >= PICO_PER_USD ? picoUsd(wholeCents(amount)) : amount;
};
export const usdText = (amount: PicoUsd): string => `$${formatUsd(rounded(amount))}`;
export const signedUsd = (amount: PicoUsd): string =>
  amount < 0n ? `-$${formatUsd(rounded(picoUsd(0n - amount)))}` : `+$${formatUsd(rounded(amount))}`;
