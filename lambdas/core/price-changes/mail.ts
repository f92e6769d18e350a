/** The mail of changed prices, for finance: what changed, on whose word, and what the last thirty days would have cost. */
import { picoUsd, type PicoUsd } from '../brands.ts';
import { signedUsd, usdText } from '../mail-amounts.ts';
import { asciiName, instantWords, thousandthsAsPercent } from '../mail-words.ts';
import { divCeil, divFloor } from '../money.ts';
import type { PriceCard, TokenKind } from '../pricing/card.ts';
import { startOf } from '../pricing/price-book.ts';
import type { Acceptance } from '../pricing/price-items.ts';
import { CHARGES_MAX, EFFECT_DAYS, type BillEffect, type PriceChange } from './bill-effect.ts';
import { fieldsOf, LIST, partsOf, type Field } from './fields.ts';
import { shareOf } from './gates.ts';

export interface MailedChange extends PriceChange {
  effect: BillEffect;
  acceptance: Pick<Acceptance, 'by' | 'families'>;
}

/** With an amount below a billion dollars, which makes the subject 99 characters long. */
const NAME_LENGTH_MAX = 32;

/** `isWhole` is false where not all calls of those days were looked at. */
export function priceMail(
  changes: readonly MailedChange[],
  isWhole: boolean,
): { subject: string; text: string } {
  const byEffect = changes.toSorted((a, b) => Number(size(b.effect.difference) - size(a.effect.difference)));
  const total = changes.reduce((sum, { effect }) => picoUsd(sum + effect.difference), picoUsd(0n));
  const isOne = changes.length === 1;
  const what = isOne
    ? `the price of ${asciiName(changes[0]!.next.model, NAME_LENGTH_MAX)}`
    : `the prices of ${changes.length} models`;
  const days = `the last ${EFFECT_DAYS} days`;
  const text = `${isOne ? 'A model that you call has a new price' : `${changes.length} models that you call have new prices`}: the calls of ${days} would have cost about ${moreWords(total)}.${
    isWhole
      ? ''
      : `
There were so many calls that only the latest ${CHARGES_MAX} were looked at.`
  }

${byEffect.map(section).join('\n\n')}

What happens next
Calls are charged by the price in force when they begin; what was charged before stays as it is. Nobody has to act.${total > 0n ? ' Caps stay as they are, and are reached sooner.' : ''}
To pay another price than the list price, as you have agreed it: spendcap price override set --help
`;
  return { subject: `Spendcap: ${what} changed, ${signedUsd(total)} on ${days}`, text };
}

function section({ old, next, effect, acceptance }: MailedChange): string {
  const after = picoUsd(effect.spent + effect.difference);
  return `${next.model} (${next.provider})
${priceLines(old, next).join('\n')}
  From      ${instantWords(startOf(next))}
  Because   ${becauseWords(acceptance)}
  Calls     ${effect.calls} in the last ${EFFECT_DAYS} days, charged ${usdText(effect.spent)}; at the new price about ${usdText(after)} (${moreWords(effect.difference)})
  History   spendcap price history ${next.model}`;
}

/** The list prices; those of long prompts and service tiers are counted. */
function priceLines(old: PriceCard, next: PriceCard): string[] {
  const before = fieldsOf(old);
  const changed = [...fieldsOf(next)].filter(([field, price]) => before.get(field) !== price);
  const listed = changed.filter(([field]) => kindOfList(field) !== undefined);
  const others = changed.length - listed.length;
  const lines = listed.map(([field, price]) => {
    const known = before.get(field);
    const change =
      known === undefined ? `$${cents(price)} a million tokens, not listed before` : becomes(known, price);
    return `  ${KIND_WORDS[kindOfList(field)!].padEnd(WORDS_WIDTH)}  ${change}`;
  });
  if (others > 0) lines.push(`  and ${others} more, of long prompts or service tiers`);
  return lines;
}

const becomes = (known: string, price: string): string =>
  `$${cents(known)} becomes $${cents(price)} a million tokens (${changeWords(known, price)})`;

function kindOfList(field: Field): TokenKind | undefined {
  const { set, kind, threshold } = partsOf(field);
  return set === LIST && threshold === '' ? kind : undefined;
}

const KIND_WORDS: Record<TokenKind, string> = {
  input: 'Input',
  cache_read: 'Input read from the cache',
  cache_write: 'Input written to the cache',
  cache_write_5m: 'Input cached for 5 minutes',
  cache_write_1h: 'Input cached for an hour',
  cache_write_12h: 'Input cached for 12 hours',
  input_audio: 'Sound in',
  cache_read_audio: 'Sound read from the cache',
  input_image: 'Images in',
  output: 'Output',
  output_audio: 'Sound out',
  output_image: 'Images out',
};
const WORDS_WIDTH = 26;

/** At least two decimals, as money is written. */
const cents = (price: string): string => {
  const [whole, decimals = ''] = price.split('.');
  return `${whole!}.${decimals.padEnd(2, '0')}`;
};

/** Rounded away from none: what changed a little has changed. */
function changeWords(before: string, after: string): string {
  const { n, d } = shareOf(after, before);
  const round = n < d ? divFloor : divCeil;
  const thousandths = Number(round(n * 1000n, d)) - 1000;
  return `${thousandths < 0 ? '-' : '+'}${thousandthsAsPercent(Math.abs(thousandths))}`;
}

function becauseWords({ by, families }: MailedChange['acceptance']): string {
  const feeds = families.join(' and ');
  switch (by) {
    case 'one_family':
      return `${feeds} says so, and it is no more than a quarter`;
    case 'two_families':
      return `${feeds} agree`;
    case 'person':
      return `a person accepted what ${feeds} ${families.length === 1 ? 'says' : 'say'}`;
  }
}

const size = (difference: PicoUsd): PicoUsd => (difference < 0n ? picoUsd(0n - difference) : difference);

const moreWords = (difference: PicoUsd): string =>
  `${usdText(size(difference))} ${difference < 0n ? 'less' : 'more'}`;
