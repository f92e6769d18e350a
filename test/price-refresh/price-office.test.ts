/** What a person decides of a proposal: in force at once for this process, told once, and told later where nobody hears. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TableUnavailable } from '../../lambdas/core/ports.ts';
import { reviewedCards } from '../../prices/reviewed.ts';
import { engineNamed, withTable, type Harness } from '../contract/setup.ts';
import { genaiPrices, timesList } from '../support/feed-documents.ts';
import { startFeedServer, type FeedServer } from '../support/feed-server.ts';
import { testOffice } from '../support/price-office.ts';
import { SeededIds } from '../support/worlds.ts';

const CARD = 'openai/gpt-4.1@2025-04-14';
const reviewed = reviewedCards.filter(({ id }) => id === CARD);
const ids = new SeededIds();

let feeds: FeedServer;
beforeEach(async () => {
  feeds = await startFeedServer();
  feeds.serve('/genai', genaiPrices(timesList(2)));
});
afterEach(() => feeds.close());

function open({ table, clock }: Harness) {
  const opened = testOffice({
    ...{ table, clock, ids, reviewed },
    feeds: [{ family: 'genai-prices', url: `${feeds.url}/genai` }],
  });
  const { office } = opened;
  return {
    ...opened,
    inForce: async () => (await office.prices.current()).find('openai-chat', 'gpt-4.1', clock.now()),
    /** The cards that a person's decision added; the reviewed one is told too. */
    told: () => opened.news.flatMap(({ added }) => added).filter((id) => id !== CARD),
  };
}

/** One change waits, for a model that was not called: finance hears nothing of it. */
const withPending = (run: (world: ReturnType<typeof open>, id: string, harness: Harness) => Promise<void>) =>
  withTable(engineNamed('memory'), async (harness) => {
    const world = open(harness);
    const { pending } = await world.office.refresh();
    harness.clock.advance(1000);
    await run(world, pending[0]!.id, harness);
  });

test('what is accepted is in force for this process at once, and told to the bus once', async () => {
  await withPending(async ({ office, inForce, told, mails }, id) => {
    expect((await inForce())?.id).toBe(CARD);
    const decided = await office.decide(id, 'accept');
    const card = await inForce();
    expect(decided).toEqual({ kind: 'accepted', card });
    expect(card?.rates).toMatchObject({ input: '4', output: '16' });
    expect(told()).toEqual([card?.id]);
    await office.refresh();
    expect(told()).toEqual([card?.id]);
    expect(mails).toEqual([]);
  });
});

test('what is rejected is held at the old price alone from now on, and told to nobody', async () => {
  await withPending(async ({ office, inForce, told }, id, { clock }) => {
    const proposed = async () =>
      (await office.prices.current()).proposed('openai-chat', 'gpt-4.1', clock.now());
    expect(await proposed()).toHaveLength(1);
    expect(await office.decide(id, 'reject')).toEqual({ kind: 'rejected' });
    expect(await proposed()).toEqual([]);
    expect((await inForce())?.id).toBe(CARD);
    expect(told()).toEqual([]);
  });
});

test('two people who decide at once decide once', async () => {
  await withPending(async ({ office, told }, id, harness) => {
    const other = open(harness).office;
    const decided = await Promise.all([office.decide(id, 'accept'), other.decide(id, 'reject')]);
    const [first] = decided.filter(({ kind }) => kind !== 'decided');
    expect(decided.filter(({ kind }) => kind === 'decided')).toEqual([
      { kind: 'decided', state: first?.kind === 'accepted' ? 'accepted' : 'rejected' },
    ]);
    expect(told()).toHaveLength(first?.kind === 'accepted' ? 1 : 0);
  });
});

test('a decision stands when the bus is away; the next refresh tells of it', async () => {
  await withPending(async ({ office, inForce, told, news }, id) => {
    const push = news.push.bind(news);
    let isAway = true;
    news.push = (...some) => {
      if (isAway) throw new Error('the bus is away');
      return push(...some);
    };
    expect(await office.decide(id, 'accept')).toMatchObject({ kind: 'accepted' });
    expect((await inForce())?.rates.input).toBe('4');
    expect(told()).toEqual([]);
    isAway = false;
    await office.refresh();
    expect(told()).toEqual([(await inForce())?.id]);
  });
});

test('nothing is decided where the table is away, and the same decision can be made again', async () => {
  await withPending(async ({ office, inForce }, id, { table }) => {
    const transact = table.transact.bind(table);
    table.transact = () => Promise.reject(new TableUnavailable('away'));
    await expect(office.decide(id, 'accept')).rejects.toThrow(TableUnavailable);
    table.transact = transact;
    expect((await inForce())?.id).toBe(CARD);
    expect(await office.decide(id, 'accept')).toMatchObject({ kind: 'accepted' });
  });
});

test('what nobody proposed cannot be decided', async () => {
  await withPending(async ({ office, told }) => {
    expect(await office.decide('pp_none', 'accept')).toEqual({ kind: 'unknown' });
    expect(told()).toEqual([]);
  });
});
