/** What is paid instead of list prices: which revision holds when, and that a charge's citation leads back to it. */
import { describe, expect, it } from 'vitest';
import { ownCardId, type PriceOverride } from '../../../lambdas/core/pricing/override.ts';
import { priceBook } from '../../../lambdas/core/pricing/price-book.ts';
import { parseRfc3339 } from '../../../lambdas/core/time.ts';
import { testCard } from './cards-for-tests.ts';

const at = (text: string) => parseRfc3339(text)!;
const JULY = at('2026-07-01T00:00:00Z');
const AUGUST = at('2026-08-01T00:00:00Z');
const list = testCard({
  aliases: ['m-latest'],
  tiers: [
    { basis: 'total_input_tokens', op: 'gt', threshold: 200_000n, rates: { input: '5', output: '22.5' } },
  ],
  variants: [{ when: 'response.service_tier=flex', rates: { input: '1.25', output: '7.5' } }],
  fees: { web_search: { usd: '10', per: '1000' } },
});
const other = testCard({ model: 'n' });
const own = (from: string) =>
  testCard({
    id: ownCardId('openai', 'm', at(from)),
    effectiveFrom: from,
    endpoints: ['openai-chat'],
    rates: { input: '0', output: '0' },
  });

const discount: PriceOverride = {
  provider: 'openai',
  model: 'm',
  from: JULY,
  set: { kind: 'factor', factor: '0.85' },
};
const forAll: PriceOverride = { ...discount, model: '*', set: { kind: 'factor', factor: '0.9' } };

describe('an override', () => {
  it('is a share of every rate and fee, exactly', () => {
    const book = priceBook([list, other], { overrides: [discount] });
    const found = book.find('openai-chat', 'm-latest', JULY)!;
    expect(found).toMatchObject({
      id: 'openai/m@2026-01-01~openai/m@2026-07-01T00:00:00Z',
      model: 'm',
      rates: { input: '2.125', cache_read: '0.2125', output: '12.75' },
      tiers: [{ threshold: 200_000n, rates: { input: '4.25', output: '19.125' } }],
      variants: [{ rates: { input: '1.0625', output: '6.375' } }],
      fees: { web_search: { usd: '8.5', per: '1000' } },
    });
    expect(book.byId(found.id)).toBe(found);
    expect(book.find('openai-chat', 'n', JULY)).toBe(other);
  });

  it.each([
    ['begins at its instant', [discount], '2026-06-30T23:59:59.999Z', '2.5'],
    [
      'ends when it is ended',
      [discount, { ...discount, from: AUGUST, set: { kind: 'ended' } }],
      AUGUST,
      '2.5',
    ],
    ['holds until then', [discount, { ...discount, from: AUGUST, set: { kind: 'ended' } }], JULY, '2.125'],
    ['gives way to the next one', [{ ...forAll, model: 'm', from: AUGUST }, discount], AUGUST, '2.25'],
    ['of all models holds for each', [forAll], JULY, '2.25'],
    ['of the model goes before that of all', [forAll, discount], JULY, '2.125'],
    [
      'of all holds again once that of the model ended',
      [forAll, discount, { ...discount, from: AUGUST, set: { kind: 'ended' } }],
      AUGUST,
      '2.25',
    ],
  ] as [string, PriceOverride[], number | string, string][])('%s', (_, overrides, time, input) => {
    const moment = typeof time === 'string' ? at(time) : (time as typeof JULY);
    expect(priceBook([list], { overrides }).find('openai-chat', 'm', moment)?.rates.input).toBe(input);
  });

  it('with a card of its own wins over the list, also for a model that no list has', () => {
    const card = own('2026-07-01T00:00:00Z');
    const overrides: PriceOverride[] = [
      { ...discount, set: { kind: 'card', card } },
      { ...forAll, set: { kind: 'factor', factor: '3' } },
    ];
    for (const book of [priceBook([list], { overrides }), priceBook([], { overrides })]) {
      expect(book.find('openai-chat', 'm', JULY)).toBe(card);
      expect(book.find('anthropic-messages', 'm', JULY)).toBeUndefined();
      expect(book.byId(card.id)).toBe(card);
      expect(book.cards).toContain(card);
    }
  });

  it('with a card of its own holds from its day on, until it is ended or another takes its place', () => {
    const card = own('2026-07-01T00:00:00Z');
    const first: PriceOverride = { ...discount, set: { kind: 'card', card } };
    const renamed = testCard({ ...own('2026-08-01T00:00:00Z'), aliases: ['m-new'] });
    const second: PriceOverride = { ...discount, from: AUGUST, set: { kind: 'card', card: renamed } };
    const book = priceBook([], { overrides: [first, second] });
    const before = at('2026-06-30T00:00:00Z');
    const named = (name: string, time: typeof JULY) => book.find('openai-chat', name, time);
    expect([named('m', before), named('m', JULY), named('m', AUGUST)]).toEqual([undefined, card, renamed]);
    expect([named('m-new', JULY), named('m-new', AUGUST)]).toEqual([undefined, renamed]);
    const ended = priceBook([], { overrides: [first, { ...second, set: { kind: 'ended' } }] });
    expect(ended.find('openai-chat', 'm', AUGUST)).toBeUndefined();
  });

  it('is worked out once', () => {
    const book = priceBook([list], { overrides: [discount] });
    expect(book.find('openai-chat', 'm', JULY)).toBe(book.find('openai-chat', 'm', AUGUST));
  });

  it('that has ended is still found by the charges that cite it', () => {
    const ended: PriceOverride = { ...discount, from: AUGUST, set: { kind: 'ended' } };
    const before = priceBook([list], { overrides: [discount] }).find('openai-chat', 'm', JULY)!;
    const after = priceBook([list], { overrides: [discount, ended] });
    expect(after.byId(before.id)).toEqual(before);
    expect(after.byId('openai/m@2026-01-01~openai/m@2026-09-01T00:00:00Z')).toBeUndefined();
    expect(after.byId('openai/x@2026-01-01~openai/m@2026-07-01T00:00:00Z')).toBeUndefined();
  });
});

describe('what is proposed', () => {
  const proposed = [testCard({ effectiveFrom: '2026-07-15', rates: { input: '4', output: '30' } })];

  it('is found beside the card in force, at what is paid for it', () => {
    const book = priceBook([list, other], { proposed, overrides: [discount] });
    expect(book.find('openai-chat', 'm', JULY)?.rates.input).toBe('2.125');
    expect(book.proposed('openai-chat', 'm-latest', JULY).map(({ rates }) => rates)).toEqual([
      { input: '3.4', output: '25.5' },
    ]);
    expect(book.proposed('openai-chat', 'n', JULY)).toEqual([]);
    expect(book.proposed('openai-chat', 'unknown', JULY)).toEqual([]);
  });

  it('does not matter where a card of one’s own holds', () => {
    const card = own('2026-07-01T00:00:00Z');
    const overrides: PriceOverride[] = [{ ...discount, set: { kind: 'card', card } }];
    expect(priceBook([list], { proposed, overrides }).proposed('openai-chat', 'm', JULY)).toEqual([]);
  });
});
