/** Rows that became no card, counted by why. */
import { expect, it } from 'vitest';
import { leftOutOf } from '../../../lambdas/core/price-changes/left-out.ts';

const rows = (reason: string, ...entries: string[]) => entries.map((entry) => ({ entry, reason }));

it('the most frequent reason comes first, each with some of its rows', () => {
  expect(
    leftOutOf([
      ...rows('is no price', 'gpt-a'),
      ...rows('is no count', 'gpt-b', 'gpt-c', 'gpt-d', 'gpt-e'),
      ...rows('is no price', 'gpt-f'),
    ]),
  ).toEqual([
    { reason: 'is no count', rows: 4, examples: ['gpt-b', 'gpt-c', 'gpt-d'] },
    { reason: 'is no price', rows: 2, examples: ['gpt-a', 'gpt-f'] },
  ]);
  expect(leftOutOf([])).toEqual([]);
});

it('a feed in which every row has a reason of its own fills no page, and no row is lost', () => {
  const found = leftOutOf(Array.from({ length: 500 }, (_, i) => rows(`the unit "${i}"`, `SKU${i}`)[0]!));
  expect(found).toHaveLength(13);
  expect(found.at(-1)).toEqual({ reason: 'other reasons', rows: 488, examples: ['SKU12', 'SKU13', 'SKU14'] });
});
