/**
 * The whole refresh, from documents on loopback to the card that prices calls, on every engine. The model is gpt-4.1,
 * in force at $2.00 in, $0.50 from the cache, $8.00 out; its feeds are those of genai-prices and LiteLLM.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Feed } from '../../lambdas/adapters/price-feeds/families.ts';
import { putCard } from '../../lambdas/core/pricing/price-items.ts';
import { reviewedCards } from '../../prices/reviewed.ts';
import { engines } from '../contract/engines.ts';
import { engineNamed, withTable, type Harness } from '../contract/setup.ts';
import { genaiPrices, liteLlm, timesList } from '../support/feed-documents.ts';
import { startFeedServer, type FeedServer } from '../support/feed-server.ts';
import { testOffice } from '../support/price-office.ts';
import { SeededIds } from '../support/worlds.ts';

const MODEL = 'gpt-4.1';
const CARD = 'openai/gpt-4.1@2025-04-14';
const reviewed = reviewedCards.filter(({ model }) => model === MODEL || model === 'claude-opus-5');

let server: FeedServer;
beforeEach(async () => {
  server = await startFeedServer();
});
afterEach(() => server.close());

const LIST = timesList(1);

const genaiFeed = (): Feed => ({ family: 'genai-prices', url: `${server.url}/genai` });
const liteLlmFeed = (): Feed => ({ family: 'litellm', url: `${server.url}/litellm` });

/** One for all: two offices of one seed would use one token for two transactions. */
const ids = new SeededIds();

function open(
  { table, clock }: Pick<Harness, 'table' | 'clock'>,
  feeds: readonly Feed[] = [genaiFeed(), liteLlmFeed()],
) {
  const opened = testOffice({ table, clock, ids, feeds, reviewed });
  const { office } = opened;
  return {
    ...opened,
    /** An hour later. */
    refresh: () => {
      clock.advance(3_600_000);
      return office.refresh();
    },
    card: async (model = MODEL) => (await office.prices.current()).find('openai-chat', model, clock.now()),
    proposed: async () => (await office.prices.current()).proposed('openai-chat', MODEL, clock.now()),
    pending: async () => (await office.desk.proposals()).filter(({ state }) => state === 'pending'),
  };
}

describe.each(engines)('on $name', (engine) => {
  test('a changed feed, a pending price, an accepted price, and the old card for the old charge', async () => {
    await withTable(engine, async (harness) => {
      const world = open(harness);
      server.serve('/genai', genaiPrices(LIST));
      server.serve('/litellm', liteLlm(LIST));
      const first = await world.refresh();
      expect(first.feeds.map(({ status, models }) => [status, models])).toEqual([
        ['read', 1],
        ['read', 1],
      ]);
      expect([first.accepted, first.pending]).toEqual([[], []]);
      expect((await world.refresh()).feeds.map(({ status }) => status)).toEqual(['unchanged', 'unchanged']);

      server.serve('/litellm', liteLlm(timesList(2)));
      const second = await world.refresh();
      expect(second.pending).toMatchObject([{ model: MODEL, families: ['litellm'], replaces: CARD }]);
      expect((await world.card())?.id).toBe(CARD);
      expect((await world.proposed()).map(({ rates }) => rates.input)).toEqual(['4']);

      const [pending] = await world.pending();
      const decided = await world.office.decide(pending!.id, 'accept');
      expect(decided).toMatchObject({ kind: 'accepted', card: { rates: { input: '4', output: '16' } } });
      const card = await world.card();
      expect(card).toMatchObject({
        rates: { input: '4', cache_read: '1', output: '16' },
        sources: [`${server.url}/litellm`],
      });
      // Service tiers of the card are factors and stay.
      expect(card?.multipliers).toEqual(reviewed.find(({ id }) => id === CARD)?.multipliers);
      expect(await world.proposed()).toEqual([]);
      expect((await world.office.prices.current()).byId(CARD)?.rates.input).toBe('2');
      expect(world.news.map(({ added }) => added)).toContainEqual([card!.id]);

      // The other feed, which has not followed yet, changes nothing back.
      const third = await world.refresh();
      expect([third.accepted, third.pending]).toEqual([[], []]);
    });
  });

  test('two families that agree need nobody', async () => {
    await withTable(engine, async (harness) => {
      const world = open(harness);
      server.serve('/genai', genaiPrices(LIST));
      server.serve('/litellm', liteLlm(LIST));
      await world.refresh();
      server.serve('/genai', genaiPrices(timesList(0.5)));
      expect((await world.refresh()).pending).toHaveLength(1);
      server.serve('/litellm', liteLlm(timesList(0.5)));
      const agreed = await world.refresh();
      expect(agreed.accepted.map(({ rates }) => rates.input)).toEqual(['1']);
      expect(agreed.pending).toEqual([]);
      expect((await world.card())?.rates).toMatchObject({ input: '1', cache_read: '0.25', output: '4' });
    });
  });

  test('runs at the same time decide once', async () => {
    await withTable(engine, async (harness) => {
      const worlds = [open(harness), open(harness), open(harness)];
      server.serve('/genai', genaiPrices(timesList(1.2)));
      server.serve('/litellm', liteLlm(timesList(1.2)));
      harness.clock.advance(3_600_000);
      const runs = await Promise.all(worlds.map(({ office }) => office.refresh()));
      expect(runs.flatMap(({ accepted }) => accepted)).toHaveLength(1);
      const cards = (await worlds[0]!.office.prices.current()).cards.filter(({ model }) => model === MODEL);
      expect(cards).toHaveLength(2);
      const repeat = await worlds[1]!.refresh();
      expect([repeat.accepted, repeat.pending]).toEqual([[], []]);
    });
  });
});

const inMemory = (
  run: (world: ReturnType<typeof open>, harness: Harness) => Promise<void>,
  feeds?: readonly Feed[],
) => withTable(engineNamed('memory'), (harness) => run(open(harness, feeds), harness));

test('one family is enough within the gates, and step by step not for more', async () => {
  await inMemory(async (world) => {
    server.serve('/genai', genaiPrices(LIST));
    server.serve('/litellm', liteLlm(LIST));
    await world.refresh();
    server.serve('/litellm', liteLlm(timesList(0.8)));
    expect((await world.refresh()).accepted).toHaveLength(1);
    expect((await world.card())?.rates.input).toBe('1.6');
    server.serve('/litellm', liteLlm(timesList(0.64)));
    const further = await world.refresh();
    expect(further.accepted).toEqual([]);
    expect(further.pending).toMatchObject([{ families: ['litellm'] }]);
    expect((await world.card())?.rates.input).toBe('1.6');
  });
});

test.each([
  ['is not there', undefined, 'it answered with status 404'],
  ['is cut off', '[{"id": "openai", "models": [{"id": "gpt', 'it is not JSON'],
  ['is a page', '<html>Sign in</html>', 'it is not JSON'],
  ['is something else', '{"message": "moved"}', 'it is not what genai-prices documents'],
])('a feed that %s fails alone, and what it said stands', async (_, document, reason) => {
  await inMemory(async (world) => {
    server.serve('/genai', genaiPrices(timesList(2)));
    server.serve('/litellm', liteLlm(LIST));
    expect((await world.refresh()).pending).toHaveLength(1);
    server.serve('/genai', document ?? ((_request, response) => void response.writeHead(404).end()));
    server.serve('/litellm', liteLlm(timesList(2)));
    const { feeds, accepted } = await world.refresh();
    expect(feeds[0]).toMatchObject({ family: 'genai-prices', status: 'failed', models: 1 });
    expect(feeds[0]!.reason).toContain(reason);
    expect(feeds[1]).toMatchObject({ family: 'litellm', status: 'read' });
    // What it said before it failed is one of two witnesses.
    expect(accepted.map(({ rates }) => rates.input)).toEqual(['4']);
  });
});

test('a feed that has not changed since never fails; one whose tag is always new changes nothing', async () => {
  await inMemory(async (world) => {
    server.serve('/genai', (_request, response) => response.writeHead(304).end());
    let tag = 0;
    server.serve('/litellm', (_request, response) =>
      response.writeHead(200, { etag: `"${(tag += 1)}"` }).end(liteLlm(timesList(2))),
    );
    const first = await world.refresh();
    expect(first.feeds).toMatchObject([
      { status: 'failed', reason: 'it says that it has not changed, and was never read', models: 0 },
      { status: 'read', models: 1 },
    ]);
    expect(first.proposed).toHaveLength(1);
    await world.office.decide(first.proposed[0]!.id, 'accept');
    // The same words under another tag are no news, so the card stands.
    const again = await world.refresh();
    expect(again.feeds[1]).toMatchObject({ status: 'read' });
    expect([again.accepted, again.proposed, again.pending]).toEqual([[], [], []]);
    expect((await world.card())?.rates.input).toBe('4');
  });
});

test('a feed that leaves a model out, or has nothing left, takes no price away', async () => {
  await inMemory(async (world) => {
    server.serve('/genai', genaiPrices(LIST));
    server.serve('/litellm', liteLlm(LIST));
    await world.refresh();
    server.serve('/genai', genaiPrices(LIST, 'gpt-4o'));
    server.serve('/litellm', '{}');
    const { feeds, accepted, pending } = await world.refresh();
    expect(feeds.map(({ status }) => status)).toEqual(['read', 'failed']);
    expect([accepted, pending]).toEqual([[], []]);
    expect((await world.card())?.id).toBe(CARD);
  });
});

test('a feed says how many rows became no card and why, also when it has not changed since', async () => {
  await inMemory(async (world) => {
    const [openai] = genaiPrices(LIST);
    const priced = (id: string, prices: unknown) => ({ id, prices });
    server.serve('/genai', [
      {
        id: 'openai',
        models: [
          ...openai!.models,
          priced('gpt-broken', { input_mtok: 'cheap' }),
          priced('gpt-negative', { input_mtok: -1 }),
          priced('gpt-image-9', { input_mtok: 1, output_mtok: 2 }),
          priced('gpt-9', { input_mtok: 1, output_mtok: 2 }),
        ],
      },
    ]);
    server.serve('/litellm', liteLlm(LIST));
    for (const status of ['read', 'unchanged'] as const) {
      const { feeds } = await world.refresh();
      expect(feeds[0]).toMatchObject({ family: 'genai-prices', status, models: 3 });
      expect(feeds[0]!.leftOut.map(({ rows, examples }) => [rows, examples])).toEqual([
        [2, ['openai/gpt-broken', 'openai/gpt-negative']],
      ]);
      expect(feeds[0]!.leftOut[0]!.reason).toContain('prices');
      expect(feeds[0]!.withoutCard).toEqual([
        { reason: 'a call of it costs more than its tokens', rows: 1, examples: ['openai/gpt-image-9'] },
        {
          reason: 'nobody says what it is for, or how many tokens it takes',
          rows: 1,
          examples: ['openai/gpt-9'],
        },
      ]);
      expect(feeds[1]).toMatchObject({ family: 'litellm', leftOut: [], withoutCard: [] });
    }
  });
});

test('a feed that lost most of its models fails, and what it said stands, until it has stayed so for a week', async () => {
  await inMemory(async (world, { clock }) => {
    const models = (count: number) => [
      {
        id: 'openai',
        models: Array.from({ length: count }, (_, i) => modelNamed(i === 0 ? MODEL : `gpt-${i}`)),
      },
    ];
    const modelNamed = (id: string) => ({ ...genaiPrices(timesList(2), id)[0]!.models[0]! });
    const DAY = 86_400_000;
    server.serve('/litellm', liteLlm(LIST));
    server.serve('/genai', models(9));
    expect((await world.refresh()).feeds[0]).toMatchObject({ status: 'read', models: 9 });
    // Unchanged for long, it is as good as read yesterday.
    for (let day = 0; day < 8; day += 1) {
      clock.advance(DAY);
      expect((await world.refresh()).feeds[0]).toMatchObject({ status: 'unchanged', models: 9 });
    }
    server.serve('/genai', models(4).concat(genaiPrices(LIST, 'gpt-5-pro')));
    expect((await world.refresh()).feeds[0]).toMatchObject({ status: 'read', models: 5 });
    server.serve('/genai', models(9));
    await world.refresh();

    server.serve('/genai', genaiPrices(LIST, 'gpt-other'));
    const { feeds, pending } = await world.refresh();
    expect(feeds[0]).toMatchObject({ family: 'genai-prices', status: 'failed', models: 9 });
    expect(feeds[0]!.reason).toContain(
      'it lost most of its models (9 before, 1 now, 0 rows that cannot be read)',
    );
    // Its word of gpt-4.1 is not taken back.
    expect(pending).toMatchObject([{ model: MODEL, families: ['genai-prices'] }]);
    clock.advance(6 * DAY);
    expect((await world.refresh()).feeds[0]).toMatchObject({ status: 'failed' });
    clock.advance(DAY);
    const week = await world.refresh();
    expect(week.feeds[0]).toMatchObject({ status: 'read', models: 1 });
    expect(week.withdrawn).toMatchObject([{ model: MODEL }]);
  });
});

test('a card of the table whose name a release gives to another is named', async () => {
  await withTable(engineNamed('memory'), async (harness) => {
    const { table } = harness;
    const world = open(harness);
    const stranger = { ...reviewed[0]!, id: 'xai/stranger@2025-04-14', provider: 'xai' as const };
    await table.put(putCard({ ...stranger, aliases: [MODEL], model: 'stranger' }));
    server.serve('/genai', genaiPrices(LIST));
    server.serve('/litellm', liteLlm(LIST));
    expect((await world.refresh()).shadowed).toEqual([
      { id: stranger.id, reason: expect.stringContaining(`"openai-chat ${MODEL}" stands for`) as unknown },
    ]);
    expect((await world.card())?.id).toBe(CARD);
  });
});

test('a proposal ends when nobody makes it any more; a rejected one comes again when more families make it', async () => {
  await inMemory(async (world) => {
    server.serve('/genai', genaiPrices(LIST));
    server.serve('/litellm', liteLlm(timesList(2)));
    expect((await world.refresh()).proposed).toHaveLength(1);
    server.serve('/litellm', liteLlm(LIST));
    expect((await world.refresh()).withdrawn).toHaveLength(1);
    expect(await world.pending()).toEqual([]);

    server.serve('/litellm', liteLlm(timesList(2)));
    const [again] = (await world.refresh()).pending;
    expect(await world.office.decide(again!.id, 'reject')).toEqual({ kind: 'rejected' });
    expect(await world.office.decide(again!.id, 'accept')).toEqual({ kind: 'decided', state: 'rejected' });
    expect((await world.refresh()).pending).toEqual([]);
    expect(await world.proposed()).toEqual([]);

    server.serve('/genai', genaiPrices(timesList(2)));
    const more = await world.refresh();
    expect(more.accepted).toEqual([]);
    expect(more.pending).toMatchObject([{ id: again!.id, families: ['genai-prices', 'litellm'] }]);
  });
});

test('a proposal for a card that is not in force any more cannot be accepted', async () => {
  await inMemory(async (world) => {
    server.serve('/genai', genaiPrices(timesList(2)));
    server.serve('/litellm', liteLlm(timesList(3)));
    const { pending } = await world.refresh();
    expect(pending).toHaveLength(2);
    await world.office.decide(pending[0]!.id, 'accept');
    expect(await world.office.decide(pending[1]!.id, 'accept')).toEqual({
      kind: 'decided',
      state: 'withdrawn',
    });
    expect(await world.office.decide('pp_unknown', 'accept')).toEqual({ kind: 'unknown' });
  });
});

test('a wrong unit is told and never waits for anybody', async () => {
  await inMemory(async (world) => {
    server.serve('/genai', genaiPrices(timesList(1000)));
    server.serve('/litellm', liteLlm(timesList(1000)));
    const { refused, pending } = await world.refresh();
    expect(refused).toMatchObject([
      { provider: 'openai', model: MODEL, families: ['genai-prices', 'litellm'] },
    ]);
    expect(refused[0]!.reason).toContain('a wrong unit');
    expect(pending).toEqual([]);
  });
});

test('a new model comes in by two families; what one alone has waits, unless it is one of hundreds of a first reading', async () => {
  await inMemory(async (world) => {
    server.serve('/genai', genaiPrices(LIST, 'gpt-9'));
    server.serve('/litellm', liteLlm(LIST, 'gpt-9'));
    expect((await world.refresh()).accepted.map(({ model }) => model)).toEqual(['gpt-9']);
    expect(await world.card('gpt-9')).toMatchObject({
      rates: { input: '2' },
      limits: { maxOutputTokens: 32_768n },
    });

    server.serve('/litellm', liteLlm(LIST, 'gpt-9-mini'));
    const { pending } = await world.refresh();
    expect(pending).toMatchObject([{ model: 'gpt-9-mini', replaces: null, families: ['litellm'] }]);
    expect(await world.card('gpt-9-mini')).toBeUndefined();
    expect(await world.office.decide(pending[0]!.id, 'accept')).toMatchObject({ kind: 'accepted' });
    expect((await world.card('gpt-9-mini'))?.rates.output).toBe('8');
  });
  const many = Array.from({ length: 21 }, (_, i) => genaiPrices(LIST, `gpt-old-${i}`)[0]!.models[0]!);
  await inMemory(
    async (world) => {
      server.serve('/models-dev', {
        openai: {
          models: Object.fromEntries(
            many.map(({ id }) => [
              id,
              { limit: { context: 1000, output: 100 }, cost: { input: 2, output: 8 } },
            ]),
          ),
        },
      });
      expect((await world.refresh()).pending).toEqual([]);
    },
    [{ family: 'models-dev', url: `${server.url}/models-dev` }],
  );
});

test('an override wins over what feeds say, and follows the list price where it is a share of it', async () => {
  await inMemory(async (world, { clock }) => {
    server.serve('/genai', genaiPrices(LIST));
    server.serve('/litellm', liteLlm(LIST));
    await world.refresh();
    await world.office.records.putOverride({
      ...{ provider: 'openai', model: MODEL, from: clock.now() },
      set: { kind: 'factor', factor: '0.5' },
    });
    server.serve('/genai', genaiPrices(timesList(1.2)));
    server.serve('/litellm', liteLlm(timesList(1.2)));
    await world.refresh();
    expect((await world.card())?.rates.input).toBe('1.2');
  });
});

test('a run that dies between reading and deciding is finished by the next one', async () => {
  await withTable(engineNamed('memory'), async (harness) => {
    const { table } = harness;
    server.serve('/genai', genaiPrices(timesList(1.2)));
    server.serve('/litellm', liteLlm(timesList(1.2)));
    let isDying = true;
    const query = table.query.bind(table);
    table.query = (asked) => {
      if (isDying && asked.prefix === 'proposal#') throw new Error('the container is gone');
      return query(asked);
    };
    const world = open(harness);
    await expect(world.refresh()).rejects.toThrow('the container is gone');
    isDying = false;
    const { feeds, accepted } = await world.refresh();
    expect(feeds.map(({ status }) => status)).toEqual(['unchanged', 'unchanged']);
    expect(accepted).toHaveLength(1);
  });
});

test('news that could not be told are told by the next run', async () => {
  await inMemory(async (world) => {
    server.serve('/genai', genaiPrices(timesList(1.2)));
    server.serve('/litellm', liteLlm(timesList(1.2)));
    const push = world.news.push.bind(world.news);
    let isAway = true;
    world.news.push = (...some) => {
      if (isAway && some.some(({ added }) => added.some((id) => id.includes('T'))))
        throw new Error('the bus is away');
      return push(...some);
    };
    await expect(world.refresh()).rejects.toThrow('the bus is away');
    const card = await world.card();
    expect(card?.rates.input).toBe('2.4');
    isAway = false;
    await world.refresh();
    await world.refresh();
    expect(world.news.filter(({ added }) => added.includes(card!.id))).toHaveLength(1);
  });
});
