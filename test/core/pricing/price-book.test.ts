import { describe, expect, it } from 'vitest';
import { priceBook } from '../../../lambdas/core/pricing/price-book.ts';
import { parseRfc3339 } from '../../../lambdas/core/time.ts';
import { testCard } from './cards-for-tests.ts';

const at = (text: string) => parseRfc3339(text)!;
const first = testCard({ effectiveFrom: '2026-01-01', aliases: ['m-2026'] });
const second = testCard({ effectiveFrom: '2026-08-21', aliases: ['m-2026', 'm-latest'] });
const book = priceBook([second, first]);

describe('price book', () => {
  it.each([
    { name: 'm', time: '2025-12-31T23:59:59.999Z', found: undefined },
    { name: 'm', time: '2026-01-01T00:00:00Z', found: 'openai/m@2026-01-01' },
    { name: 'm', time: '2026-08-20T23:59:59.999Z', found: 'openai/m@2026-01-01' },
    { name: 'm', time: '2026-08-21T00:00:00Z', found: 'openai/m@2026-08-21' },
    { name: 'm-2026', time: '2026-02-01T00:00:00Z', found: 'openai/m@2026-01-01' },
    { name: 'm-latest', time: '2026-02-01T00:00:00Z', found: undefined },
    { name: 'm-latest', time: '2026-09-01T00:00:00Z', found: 'openai/m@2026-08-21' },
    // Nothing is found by a prefix, another case or a space.
    { name: 'm-2026-08-21', time: '2026-09-01T00:00:00Z', found: undefined },
    { name: 'M', time: '2026-09-01T00:00:00Z', found: undefined },
    { name: 'm ', time: '2026-09-01T00:00:00Z', found: undefined },
    { name: '__proto__', time: '2026-09-01T00:00:00Z', found: undefined },
  ])('"$name" at $time is $found', ({ name, time, found }) => {
    expect(book.find('openai-chat', name, at(time))?.id).toBe(found);
  });

  it('answers only for the endpoints of a card', () => {
    expect(book.find('anthropic-messages', 'm', at('2026-09-01T00:00:00Z'))).toBeUndefined();
  });

  it('finds the card that a charge cites, in force or not', () => {
    expect(book.byId('openai/m@2026-01-01')).toBe(first);
    expect(book.byId('openai/m@2020-01-01')).toBeUndefined();
  });

  it.each([
    ['one card twice', [first, first], 'two cards openai/m@2026-01-01'],
    [
      'one alias of two models',
      [first, testCard({ model: 'n', effectiveFrom: '2026-03-01', aliases: ['m-2026'] })],
      'stands for',
    ],
    ['a model that is the alias of another', [first, testCard({ model: 'm-2026' })], 'stands for'],
    ['one model of two providers', [first, testCard({ provider: 'xai' })], 'stands for'],
    ['an alias that is the model', [testCard({ aliases: ['m'] })], 'twice'],
  ])('refuses %s', (_, cards, message) => {
    expect(() => priceBook(cards)).toThrow(message);
  });

  it('lets two providers use one name at different endpoints', () => {
    const other = testCard({ provider: 'bedrock', endpoints: ['bedrock-converse'] });
    expect(priceBook([first, other]).cards).toHaveLength(2);
  });
});
