/** The mail that finance gets of changed prices, word for word. */
import { describe, expect, it } from 'vitest';
import { picoUsd } from '../../../lambdas/core/brands.ts';
import { priceMail, type MailedChange } from '../../../lambdas/core/price-changes/mail.ts';
import { usd } from '../../../lambdas/core/money.ts';
import { testCard } from '../pricing/cards-for-tests.ts';

const old = testCard({
  model: 'gpt-4.1',
  rates: { input: '2', cache_read: '0.5', output: '8' },
  tiers: [{ basis: 'total_input_tokens', op: 'gt', threshold: 272_000n, rates: { input: '4' } }],
});
const dearer = testCard({
  ...{ model: 'gpt-4.1', effectiveFrom: '2026-11-30T07:53:02Z' },
  rates: { input: '4', cache_read: '1', output: '8' },
  tiers: [{ basis: 'total_input_tokens', op: 'gt', threshold: 272_000n, rates: { input: '8' } }],
});
const byPerson: MailedChange = {
  ...{ old, next: dearer },
  acceptance: { by: 'person', families: ['genai-prices'] },
  effect: { calls: 412, spent: usd('83.105'), difference: usd('41.5525') },
};

describe('the mail of a changed price', () => {
  it('of one model', () => {
    expect(priceMail([byPerson], true)).toEqual({
      subject: 'Spendcap: the price of gpt-4.1 changed, +$41.55 on the last 30 days',
      text: `A model that you call has a new price: the calls of the last 30 days would have cost about $41.55 more.

gpt-4.1 (openai)
  Input                       $2.00 becomes $4.00 a million tokens (+100%)
  Input read from the cache   $0.50 becomes $1.00 a million tokens (+100%)
  and 1 more, of long prompts or service tiers
  From      2026-11-30 07:53 UTC
  Because   a person accepted what genai-prices says
  Calls     412 in the last 30 days, charged $83.10; at the new price about $124.65 ($41.55 more)
  History   spendcap price history gpt-4.1

What happens next
Calls are charged by the price in force when they begin; what was charged before stays as it is. Nobody has to act. Caps stay as they are, and are reached sooner.
To pay another price than the list price, as you have agreed it: spendcap price override set --help
`,
    });
  });

  it('of several, the greatest effect first, with what all of them make', () => {
    const cheaper: MailedChange = {
      old: testCard({ provider: 'anthropic', model: 'claude-x', rates: { input: '3', output: '15' } }),
      next: testCard({
        ...{ provider: 'anthropic', model: 'claude-x', effectiveFrom: '2026-11-30' },
        rates: { input: '2.4', output: '12', cache_write_1h: '4.8' },
      }),
      acceptance: { by: 'two_families', families: ['litellm', 'models-dev'] },
      effect: { calls: 9, spent: usd('1200'), difference: picoUsd(-240_000_000_000_000n) },
    };
    expect(priceMail([byPerson, cheaper], false)).toEqual({
      subject: 'Spendcap: the prices of 2 models changed, -$198.44 on the last 30 days',
      text: `2 models that you call have new prices: the calls of the last 30 days would have cost about $198.44 less.
There were so many calls that only the latest 20000 were looked at.

claude-x (anthropic)
  Input                       $3.00 becomes $2.40 a million tokens (-20%)
  Output                      $15.00 becomes $12.00 a million tokens (-20%)
  Input cached for an hour    $4.80 a million tokens, not listed before
  From      2026-11-30 00:00 UTC
  Because   litellm and models-dev agree
  Calls     9 in the last 30 days, charged $1200.00; at the new price about $960.00 ($240.00 less)
  History   spendcap price history claude-x

gpt-4.1 (openai)
  Input                       $2.00 becomes $4.00 a million tokens (+100%)
  Input read from the cache   $0.50 becomes $1.00 a million tokens (+100%)
  and 1 more, of long prompts or service tiers
  From      2026-11-30 07:53 UTC
  Because   a person accepted what genai-prices says
  Calls     412 in the last 30 days, charged $83.10; at the new price about $124.65 ($41.55 more)
  History   spendcap price history gpt-4.1

What happens next
Calls are charged by the price in force when they begin; what was charged before stays as it is. Nobody has to act.
To pay another price than the list price, as you have agreed it: spendcap price override set --help
`,
    });
  });

  it.each([
    ['0.000000000001', '+$0.000000000001'],
    ['0.00852', '+$0.00852'],
    ['0.9999', '+$0.9999'],
    ['1.239', '+$1.23'],
    ['123456.789', '+$123456.78'],
  ])('shows %s as %s: whole cents from a dollar on', (difference, shown) => {
    const effect = { calls: 1, spent: usd('1'), difference: usd(difference) };
    const { subject } = priceMail([{ ...byPerson, effect }], true);
    expect(subject).toContain(` changed, ${shown} on the last 30 days`);
  });

  it.each([
    ['3', '2.5', '-16.7%'],
    ['0.75', '0.5', '-33.4%'],
    ['0.1', '0.1001', '+0.1%'],
    ['1', '1.25', '+25%'],
  ])('from %s to %s is a change by %s, and never less than it is', (before, after, change) => {
    const card = (input: string) => testCard({ rates: { input, output: '8' } });
    const { text } = priceMail([{ ...byPerson, old: card(before), next: card(after) }], true);
    expect(text).toContain(`a million tokens (${change})`);
  });

  it('keeps the subject within what SNS takes, whatever the model is called', () => {
    const model = `ft:gpt-4.1:organisation-mit-ü:${'x'.repeat(80)}`;
    const effect = { ...byPerson.effect, difference: usd('1234567.89') };
    const { subject, text } = priceMail([{ ...byPerson, next: { ...dearer, model }, effect }], true);
    expect(subject).toMatch(/^[\x20-\x7e]{1,99}$/);
    expect(text).toContain(`\n${model} (openai)\n`);
  });
});
