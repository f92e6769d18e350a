/** When a day is unusual, by vectors that were made by hand: dollars of the days before, and what a day has to come to. */
import { describe, expect, it, test } from 'vitest';
import { anomalyRuleOf, usualOf, type AnomalyRule } from '../../lambdas/core/anomalies/rule.ts';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { usd } from '../../lambdas/core/money.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { blocksOf } from '../support/doc-blocks.ts';

const RULE: AnomalyRule = { timesUsual: 3n, aboveUsual: usd('20.00') };
const dollars = (text: string): bigint[] => text.split(' ').map((amount) => usd(amount));

describe('a day is unusual from', () => {
  it.each<[what: string, before: string, usual: string, bar: string]>([
    ['three times the usual', '10 10 10 10 10 10 10', '10', '30'],
    ['three times the day in the middle, not the mean', '1 2 3 40 41 42 43', '40', '120'],
    ['of an even number the dearer of the two in the middle', '10 10 10 10 16 16 16 16', '16', '48'],
    ['twenty dollars above the usual, where three times is little', '1 1 1 1 1 1 1', '1', '21'],
    ['the same where hardly anything is usual', '0.01 0.01 0.01 0.01 0.01 0.01 0.01', '0.01', '20.01'],
    ['three times the usual, though a day was dear before', '10 10 10 10 10 10 500', '10', '30'],
    ['twice what was seen twice', '10 10 10 10 10 400 500', '10', '800'],
    ['twice what comes every week', '1 1 1 1 1 1 1 1 1 1 1 1 90 95 100 105', '1', '200'],
    ['the same when days without spending are among them', '0 10 0 10 10 0 10 10 10 0 10', '10', '30'],
    [
      'exact thirds',
      '0.000000000001 7.000000000001 7.000000000001 7.000000000001 7.000000000001 9 9',
      '7.000000000001',
      '27.000000000001',
    ],
    [
      'a large bill as exactly',
      '9999999.99 9999999.99 9999999.99 9999999.99 9999999.99 9999999.99 9999999.99',
      '9999999.99',
      '29999999.97',
    ],
  ])('%s', (_what, before, usual, bar) => {
    const shuffled = dollars(before).reverse();
    expect(usualOf(shuffled, RULE)).toMatchObject({ picoUsd: usd(usual), bar: usd(bar) });
  });

  it('what the policy says', () => {
    const rule = { timesUsual: 10n, aboveUsual: picoUsd(1n) };
    expect(usualOf(dollars('2 2 2 2 2 2 2'), rule)!.bar).toBe(usd('20'));
  });
});

test.each<[string, string]>([
  ['six days', '10 10 10 10 10 10'],
  ['six days and many without spending', '0 0 0 0 0 0 10 0 10 0 10 0 10 0 10 0 10'],
  ['no day', '0'],
])('of %s nobody knows what is usual', (_what, before) => {
  expect(usualOf(dollars(before), RULE)).toBeUndefined();
});

test('a day that corrections made cost less than nothing is none', () => {
  expect(
    usualOf([usd('10'), usd('10'), usd('10'), usd('10'), usd('10'), usd('10'), -5n], RULE),
  ).toBeUndefined();
});

test('it says how many days it goes by, and the dearest', () => {
  expect(usualOf(dollars('0 12 3 4 5 6 7 8'), RULE)).toEqual({
    picoUsd: usd('6'),
    dearest: usd('12'),
    days: 7,
    bar: usd('26'),
  });
});

describe('the policy', () => {
  test('has a rule where it says nothing', () => {
    expect(anomalyRuleOf(parsePolicy({}))).toEqual({ timesUsual: 3n, aboveUsual: usd('20') });
  });
  test('says what docs/anomalies.md calls its default', () => {
    const [block] = blocksOf('docs/anomalies.md', ['json']);
    const written = parsePolicy(JSON.parse(block!.text));
    expect(written.anomalies).toEqual(parsePolicy({}).anomalies);
  });
  test('can have another one, or none', () => {
    const other = parsePolicy({ anomalies: { timesUsual: 5, aboveUsual: '100' } });
    expect(anomalyRuleOf(other)).toEqual({ timesUsual: 5n, aboveUsual: usd('100') });
    expect(anomalyRuleOf(parsePolicy({ anomalies: false }))).toBeUndefined();
  });
  test('that makes every day unusual, or is misspelt, is refused by its path', () => {
    expect(() => parsePolicy({ anomalies: { timesUsual: 1 } })).toThrow(/anomalies/);
    expect(() => parsePolicy({ anomalies: { aboveUsual: '$20' } })).toThrow(/anomalies/);
  });
});
