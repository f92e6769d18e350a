/** The scheduled function: what it says in its log, and that what fails inside fails the run. */
import { expect, test } from 'vitest';
import { createHandler, handler } from '../../lambdas/price-refresh/handler.ts';
import { datedCard, type ProposalRecord } from '../../lambdas/core/price-changes/proposal-items.ts';
import type { Refreshed } from '../../lambdas/price-refresh/refresh.ts';
import { testCard } from '../core/pricing/cards-for-tests.ts';
import { TestClock } from '../contract/setup.ts';

const clock = new TestClock();
const proposal = (id: string, replaces: string | null): ProposalRecord => ({
  ...{ id, replaces, state: 'pending', provider: 'openai', model: 'm', card: testCard(), told: false },
  ...{ families: ['litellm'], reason: 'dearer', since: clock.now(), accepted: null },
});

const NOTHING: Refreshed = {
  ...{
    feeds: [],
    added: [],
    edited: [],
    accepted: [],
    proposed: [],
    withdrawn: [],
    refused: [],
    shadowed: [],
    pending: [],
  },
};

async function logOf(refreshed: Partial<Refreshed>): Promise<Record<string, unknown>> {
  const lines: Record<string, unknown>[] = [];
  const office = { refresh: async () => ({ ...NOTHING, ...refreshed }) };
  await createHandler({ open: () => ({ office, clock }), log: (line) => lines.push(line) })();
  expect(lines).toHaveLength(1);
  return lines[0]!;
}

test('one line tells what became of each feed and each change, with the figures that alarms watch', async () => {
  const url = 'https://feeds.example/a.json';
  const accepted = datedCard(testCard(), clock.now());
  expect(
    await logOf({
      feeds: [
        {
          ...{ family: 'litellm', url, status: 'failed', reason: 'it is not JSON', models: 3 },
          ...{ leftOut: [], withoutCard: [] },
        },
        {
          ...{ family: 'aws', url, status: 'read', reason: null, models: 2 },
          leftOut: [{ reason: 'is no price', rows: 2, examples: ['x', 'y'] }],
          withoutCard: [{ reason: 'a reseller alone has it', rows: 1, examples: ['z'] }],
        },
      ],
      added: ['openai/m@2026-01-01'],
      accepted: [accepted],
      pending: [proposal('pp_1', 'openai/m@2026-01-01'), proposal('pp_2', null)],
      refused: [{ provider: 'openai', model: 'm', families: ['litellm'], reason: 'a wrong unit' }],
      shadowed: [{ id: 'openai/m@2026-01-02', reason: '"m" stands for another' }],
    }),
  ).toMatchObject({
    ...{ kind: 'prices_refreshed', Service: 'price-refresh', accepted: [accepted.id] },
    shadowed: [{ id: 'openai/m@2026-01-02', reason: '"m" stands for another' }],
    feeds: [
      {
        ...{ family: 'litellm', status: 'failed', reason: 'it is not JSON', models: 3 },
        ...{ leftOut: [], withoutCard: [] },
      },
      {
        ...{ family: 'aws', status: 'read', reason: null, models: 2 },
        leftOut: [{ reason: 'is no price', rows: 2, examples: ['x', 'y'] }],
        withoutCard: [{ reason: 'a reseller alone has it', rows: 1, examples: ['z'] }],
      },
    ],
    ...{ PriceCardsAdded: 2, PriceCardsEdited: 0, PriceFeedsFailed: 1, PricesPending: 1, PricesRefused: 1 },
  });
});

test('what fails inside fails the run', async () => {
  const office = { refresh: () => Promise.reject(new Error('the news was not taken')) };
  const run = createHandler({ open: () => ({ office, clock }), log: () => undefined });
  await expect(run()).rejects.toThrow('the news was not taken');
});

test('without its environment the function names what is missing', async () => {
  await expect(handler()).rejects.toThrow(/TABLE_NAME.*EVENT_BUS_NAME.*FINANCE_TOPIC_ARN/);
});
