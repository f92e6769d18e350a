/** The mail of changed prices: what changed, on whose word, and what it would have made of the last thirty days. */
import { picoUsd } from '../brands.ts';
import { signedUsd, usdText } from '../mail-amounts.ts';
import { EFFECT_DAYS, type BillEffect, type PriceChange } from './bill-effect.ts';
import { fieldsOf, fieldWords } from './fields.ts';

export interface MailedChange extends PriceChange {
  effect: BillEffect;
  /** `genai-prices and litellm agree`. */
  word: string;
}

/** SNS takes 99 characters of printable ASCII. */
const NAME_LENGTH_MAX = 40;

export function priceMail(
  changes: readonly MailedChange[],
  isWhole: boolean,
): { subject: string; text: string } {
  const total = changes.reduce((sum, { effect }) => picoUsd(sum + effect.difference), picoUsd(0n));
  const [first, ...more] = changes as [MailedChange, ...MailedChange[]];
  const what =
    more.length === 0
      ? `the price of ${shortName(first.next.model)}`
      : `the prices of ${changes.length} models`;
  const text = `${more.length === 0 ? 'A price has' : 'Prices have'} changed for models that you call.

${changes.map((change) => section(change, isWhole)).join('\n\n')}

Calls that are running are charged by the price they began with, new calls by the new one. What was charged before stays
as it is. To pay something else than the list price, see: spendcap price override --help
`;
  return { subject: `Spendcap: ${what} changed, ${signedUsd(total)} in ${EFFECT_DAYS} days`, text };
}

function section({ old, next, effect, word }: MailedChange, isWhole: boolean): string {
  const before = fieldsOf(old);
  const prices = [...fieldsOf(next)]
    .filter(([field, price]) => before.get(field) !== price)
    .map(
      ([field, price]) =>
        `  ${fieldWords(field)}: ${dollarText(before.get(field))} becomes ${dollarText(price)} a million tokens`,
    );
  const after = picoUsd(effect.spent + effect.difference);
  return [
    `${next.model} (${next.provider})`,
    ...prices,
    `  From        ${next.effectiveFrom}`,
    `  Because     ${word}`,
    `  ${isWhole ? `Last ${EFFECT_DAYS} days` : 'Latest calls'} ${effect.calls} calls for ${usdText(effect.spent)}; at the new price about ${usdText(after)} (${signedUsd(effect.difference)})`,
  ].join('\n');
}

const dollarText = (price: string | undefined): string => (price === undefined ? 'no price' : `$${price}`);

function shortName(model: string): string {
  const plain = model.replaceAll(/[^\x21-\x7e]/gu, '?');
  return plain.length <= NAME_LENGTH_MAX ? plain : `${plain.slice(0, NAME_LENGTH_MAX - 3)}...`;
}
