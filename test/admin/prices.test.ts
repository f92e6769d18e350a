/** The price routes of the admin API: what each answers, and what each refuses. The feeds stand on loopback. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { durationMs, epochMs, type EpochMs } from '../../lambdas/core/brands.ts';
import { TableUnavailable } from '../../lambdas/core/ports.ts';
import { parseRfc3339 } from '../../lambdas/core/time.ts';
import { adminWorld, type Json } from '../support/admin-world.ts';
import { genaiPrices, liteLlm, timesList } from '../support/feed-documents.ts';
import { startFeedServer, type FeedServer } from '../support/feed-server.ts';

const CARD = 'openai/gpt-4.1@2025-04-14';
const text = (pattern: RegExp): unknown => expect.stringMatching(pattern);

let feeds: FeedServer;
beforeEach(async () => {
  feeds = await startFeedServer();
  serve(1, 1);
});
afterEach(() => feeds.close());

function serve(genai: number, litellm: number): void {
  feeds.serve('/genai', genaiPrices(timesList(genai)));
  feeds.serve('/litellm', liteLlm(timesList(litellm)));
}

function world() {
  const { clock, send, ...rest } = adminWorld([
    { family: 'genai-prices', url: `${feeds.url}/genai` },
    { family: 'litellm', url: `${feeds.url}/litellm` },
  ]);
  /** A second after the one before, so that no two cards are of one instant. */
  const ask = async (method: string, path: string, body?: unknown) => {
    clock.advance(durationMs(1000));
    return send(method, path, { body });
  };
  const items = async (path: string): Promise<Json[]> => (await ask('GET', path)).body['items'] as Json[];
  return { ...rest, clock, send: ask, items };
}

/** One change that waits; resolves to its id. */
async function onePending({ send, items }: ReturnType<typeof world>): Promise<string> {
  await send('POST', '/prices/refresh');
  serve(2, 1);
  await send('POST', '/prices/refresh');
  return (await items('/prices/pending'))[0]!['id'] as string;
}

const problem = (status: number, code: string, detail: RegExp) => ({
  status,
  body: { status, code, detail: text(detail) },
});

describe('GET /prices', () => {
  it('lists the cards in force page by page, each as the API shows it', async () => {
    const { send } = world();
    const seen: Json[] = [];
    let cursor: unknown = '';
    while (cursor !== null) {
      const { status, body } = await send(
        'GET',
        `/prices?limit=50${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor as string)}`}`,
      );
      expect(status).toBe(200);
      seen.push(...(body['items'] as Json[]));
      cursor = body['next_cursor'];
    }
    const ids = seen.map(({ id }) => id as string);
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(ids.length).toBeGreaterThan(100);
    expect(seen.every(({ in_force }) => in_force === true)).toBe(true);
    expect(seen.find(({ id }) => id === CARD)).toMatchObject({
      ...{ provider: 'openai', model: 'gpt-4.1', effective_from: '2025-04-14', accepted_by: 'release' },
      prices: { input: '2', cache_read: '0.5', output: '8' },
      ...{ context_tokens: '1047576', max_output_tokens: '32768' },
      endpoints: ['openai-chat', 'openai-responses'],
    });
  });

  it('refuses a cursor that is none, a limit that is none, and what it does not know', async () => {
    const { send } = world();
    expect(await send('GET', '/prices?cursor=openai%2Fnothing')).toMatchObject(
      problem(400, 'invalid_request', /cursor/),
    );
    expect(await send('GET', '/prices?limit=0')).toMatchObject(problem(400, 'invalid_request', /limit/));
    expect(await send('GET', '/prices?provider=openai')).toMatchObject(
      problem(400, 'invalid_request', /provider/),
    );
  });
});

describe('GET /prices/history', () => {
  it('has every card of a name, newest first, with on whose word it came', async () => {
    const all = world();
    const id = await onePending(all);
    await all.send('POST', `/prices/pending/${id}/accept`);
    const accepted = await all.items('/prices/history?model=gpt-4.1');
    expect(accepted).toMatchObject([
      {
        accepted_by: 'person',
        in_force: true,
        prices: { input: '4', output: '16' },
        sources: [`${feeds.url}/genai`],
      },
      { id: CARD, accepted_by: 'release', in_force: false },
    ]);
    expect(await all.items('/prices/history?model=gpt-4.1-2025-04-14')).toEqual(accepted);
    expect(await all.items('/prices/history?model=gpt-4')).toEqual([]);
  });

  it('begins with the share of the list price that is in force, as calls cite it', async () => {
    const { send, items } = world();
    await send('PUT', '/prices/overrides/openai/gpt-4.1', { factor: '0.85', from: '2026-01-01T00:00:00Z' });
    expect(await items('/prices/history?model=gpt-4.1')).toMatchObject([
      {
        ...{ id: `${CARD}~openai/gpt-4.1@2026-01-01T00:00:00Z`, accepted_by: 'override', in_force: true },
        prices: { input: '1.7', output: '6.8' },
      },
      { id: CARD, accepted_by: 'release', in_force: false, prices: { input: '2' } },
    ]);
  });

  it('has each share that was agreed, over and to come, from the day on which it begins', async () => {
    const { send, items } = world();
    const share = (factor: string, from: string) =>
      send('PUT', '/prices/overrides/openai/gpt-4.1', { factor, from });
    await share('0.9', '2026-01-01T00:00:00Z');
    await share('0.8', '2026-02-01T00:00:00Z');
    await share('0.5', '2099-01-01T00:00:00Z');
    const shown = (await items('/prices/history?model=gpt-4.1')).map((card) => [
      ...[card['effective_from'], (card['prices'] as Record<string, string>)['input'], card['in_force']],
    ]);
    expect(shown).toEqual([
      ['2099-01-01T00:00:00Z', '1', false],
      ['2026-02-01T00:00:00Z', '1.6', true],
      ['2026-01-01T00:00:00Z', '1.8', false],
      ['2025-04-14', '2', false],
    ]);
  });

  it('needs a model', async () => {
    expect(await world().send('GET', '/prices/history')).toMatchObject(
      problem(400, 'invalid_request', /model/),
    );
  });
});

describe('pending changes', () => {
  it('are listed with the price that is and the price that would be', async () => {
    const all = world();
    const id = await onePending(all);
    expect(await all.items('/prices/pending')).toEqual([
      {
        ...{ id, provider: 'openai', model: 'gpt-4.1', family: 'genai-prices' },
        old: expect.objectContaining({ input: '2', cache_read: '0.5', output: '8' }) as unknown,
        new: expect.objectContaining({ input: '4', cache_read: '1', output: '16' }) as unknown,
        reason: text(/^input would go from 2 to 4, which needs two families or a person; /),
        since: text(/^20/),
      },
    ]);
  });

  it('POST accept answers the card that is in force from now on; a second time it is decided', async () => {
    const all = world();
    const id = await onePending(all);
    const accepted = await all.send('POST', `/prices/pending/${id}/accept`);
    expect(accepted).toMatchObject({
      status: 200,
      body: {
        id: text(/^openai\/gpt-4\.1@20.*Z$/),
        accepted_by: 'person',
        in_force: true,
        prices: { input: '4' },
      },
    });
    expect(await all.items('/prices/pending')).toEqual([]);
    for (const decision of ['accept', 'reject'])
      expect(await all.send('POST', `/prices/pending/${id}/${decision}`)).toMatchObject(
        problem(409, 'already_decided', /is accepted already/),
      );
  });

  it('POST reject leaves the price, and answers nothing', async () => {
    const all = world();
    const id = await onePending(all);
    expect(await all.send('POST', `/prices/pending/${id}/reject`)).toMatchObject({ status: 204, body: {} });
    expect(await all.items('/prices/pending')).toEqual([]);
    expect((await all.items('/prices/history?model=gpt-4.1')).map((card) => card['id'])).toEqual([CARD]);
    expect(await all.send('POST', `/prices/pending/${id}/accept`)).toMatchObject(
      problem(409, 'already_decided', /is rejected already/),
    );
  });

  it('refuse an id that nobody proposed, and a query', async () => {
    const { send } = world();
    for (const decision of ['accept', 'reject']) {
      expect(await send('POST', `/prices/pending/pp_none/${decision}`)).toMatchObject(
        problem(404, 'not_found', /No change has the id "pp_none"/),
      );
      expect(await send('POST', `/prices/pending/pp_none/${decision}?force=1`)).toMatchObject(
        problem(400, 'invalid_request', /force/),
      );
    }
  });
});

describe('POST /prices/refresh', () => {
  it('answers what became of each feed, and of what they say', async () => {
    const { send } = world();
    expect(await send('POST', '/prices/refresh')).toEqual({
      ...{ status: 200, type: 'application/json' },
      body: {
        feeds: [
          {
            ...{ family: 'genai-prices', url: `${feeds.url}/genai`, status: 'read', reason: null, models: 1 },
            ...{ left_out: [], without_card: [] },
          },
          {
            ...{ family: 'litellm', url: `${feeds.url}/litellm`, status: 'read', reason: null, models: 1 },
            ...{ left_out: [], without_card: [] },
          },
        ],
        ...{ accepted: [], pending: 0, refused: [], shadowed: [] },
      },
    });
    serve(1000, 1000);
    feeds.serve('/litellm', '<html>');
    const { status, body } = await send('POST', '/prices/refresh');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      feeds: [{ status: 'read' }, { status: 'failed', reason: text(/^it is not JSON/) }],
      refused: [
        { provider: 'openai', model: 'gpt-4.1', families: ['genai-prices'], reason: text(/a wrong unit$/) },
      ],
    });
  });

  it('names a price that two families agree on as accepted', async () => {
    const { send } = world();
    await send('POST', '/prices/refresh');
    serve(0.5, 0.5);
    expect((await send('POST', '/prices/refresh')).body['accepted']).toEqual([text(/^openai\/gpt-4\.1@20/)]);
  });
});

describe('every route', () => {
  const routes = [
    ['GET', '/prices'],
    ['GET', '/prices/history?model=m'],
    ['GET', '/prices/pending'],
    ['POST', '/prices/pending/pp_1/accept'],
    ['POST', '/prices/pending/pp_1/reject'],
    ['POST', '/prices/refresh'],
    ['GET', '/prices/overrides'],
    ['PUT', '/prices/overrides/openai/gpt-4.1'],
    ['DELETE', '/prices/overrides/openai/gpt-4.1'],
  ] as const;

  it.each(routes)('%s %s is for admins alone', async (method, path) => {
    const { app } = world();
    const response = await app.request(`/admin/v1${path}`, { method });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: 'unauthorized' });
  });

  it.each(routes)('%s %s answers 503 without the table', async (method, path) => {
    const { send, table } = world();
    const away = () => Promise.reject(new TableUnavailable('away'));
    Object.assign(table, { get: away, query: away, put: away, transact: away });
    expect(await send(method, path, method === 'PUT' ? { factor: '0.5' } : undefined)).toMatchObject({
      status: 503,
      body: { code: 'ledger_unavailable' },
    });
  });
});

describe('overrides', () => {
  const TARGET = '/prices/overrides/openai/gpt-4.1';

  it('PUT sets a share of the list price, GET lists it, DELETE ends it', async () => {
    const all = world();
    const set = await all.send('PUT', TARGET, { factor: '0.85' });
    const factor = { provider: 'openai', model: 'gpt-4.1', factor: '0.85', card: null, ended: false };
    expect(set).toMatchObject({ status: 201, body: { ...factor, from: text(/^20.*Z$/) } });
    expect(await all.items('/prices/overrides')).toEqual([set.body]);
    expect(await all.send('DELETE', TARGET)).toMatchObject({ status: 204 });
    expect(await all.items('/prices/overrides')).toMatchObject([factor, { factor: null, ended: true }]);
    expect(await all.send('DELETE', TARGET)).toMatchObject(problem(404, 'not_found', /Nothing is agreed/));
  });

  it('PUT takes a card of one’s own for a model that nobody lists', async () => {
    const { send, office, clock } = world();
    const card = {
      ...{ endpoints: ['openai-chat'], rates: { input: '0.15', output: '0.6' } },
      ...{ context_tokens: 131_072, max_output_tokens: 16_384 },
    };
    const set = await send('PUT', '/prices/overrides/openai/meta%2Fllama-4', { card });
    expect(set).toMatchObject({
      status: 201,
      body: { model: 'meta/llama-4', factor: null, card: { prices: card.rates, accepted_by: 'override' } },
    });
    const found = (await office.prices.current()).find('openai-chat', 'meta/llama-4', clock.now());
    expect(found?.rates).toEqual(card.rates);
  });

  it('PUT takes a beginning in the past, which the next call finds in force', async () => {
    const { send, office, clock } = world();
    const from = '2020-01-01T00:00:00Z';
    expect(await send('PUT', TARGET, { factor: '0.5', from })).toMatchObject({ status: 201, body: { from } });
    const found = (await office.prices.current()).find('openai-chat', 'gpt-4.1', clock.now());
    expect(found).toMatchObject({ id: `${CARD}~openai/gpt-4.1@${from}`, rates: { input: '1', output: '4' } });
  });

  it('PUT takes a beginning to come: until then the list price holds, and an end ends it too', async () => {
    const { send, items, office, clock } = world();
    const from = '2030-01-01T00:00:00Z';
    const begins = parseRfc3339(from)!;
    const inputAt = async (at: EpochMs) =>
      (await office.prices.current()).find('openai-chat', 'gpt-4.1', at)?.rates.input;
    await send('PUT', TARGET, { factor: '0.5', from });
    expect([await inputAt(clock.now()), await inputAt(epochMs(begins - 1)), await inputAt(begins)]).toEqual([
      '2',
      '2',
      '1',
    ]);
    expect(await send('DELETE', TARGET)).toMatchObject({ status: 204 });
    expect(await inputAt(begins)).toBe('2');
    expect(await items('/prices/overrides')).toMatchObject([{ ended: true }, { ended: true, from }]);
  });

  const OWN = { endpoints: ['openai-chat'], context_tokens: 1000, max_output_tokens: 100 };
  it.each<[string, string, unknown, RegExp]>([
    ['neither', TARGET, {}, /give a factor or a card/],
    ['both', TARGET, { factor: '1', card: { ...OWN, rates: { input: '1', output: '1' } } }, /one of the two/],
    ['a factor of nothing', TARGET, { factor: '0' }, /factor: write a factor above 0/],
    ['a factor above ten', TARGET, { factor: '11' }, /factor: write a factor above 0, up to 10/],
    ['a factor in a number', TARGET, { factor: 0.85 }, /factor/],
    ['a provider that nobody knows', '/prices/overrides/acme/m', { factor: '1' }, /provider/],
    ['a beginning that is no instant', TARGET, { factor: '1', from: 'soon' }, /from: use an instant/],
    [
      'one card for all models',
      '/prices/overrides/openai/*',
      { card: { ...OWN, rates: { input: '1', output: '1' } } },
      /card: is one of a model/,
    ],
    [
      'a card without output',
      '/prices/overrides/openai/m',
      { card: { ...OWN, rates: { input: '1' } } },
      /output/,
    ],
    [
      'a card under the name of another model',
      '/prices/overrides/xai/mine',
      { card: { ...OWN, aliases: ['gpt-4.1'], rates: { input: '1', output: '1' } } },
      /"gpt-4\.1" stands for openai\/gpt-4\.1 already/,
    ],
    ['a member that is unknown', TARGET, { factor: '1', until: 'tomorrow' }, /until/],
  ])('PUT refuses %s', async (_, path, body, detail) => {
    const { send, items } = world();
    expect(await send('PUT', path, body)).toMatchObject(problem(400, 'invalid_request', detail));
    expect(await items('/prices/overrides')).toEqual([]);
  });

  it('PUT refuses a second revision of one instant, and does not replace the first', async () => {
    const { send, items } = world();
    const from = '2030-01-01T00:00:00Z';
    expect(await send('PUT', TARGET, { factor: '0.9', from })).toMatchObject({ status: 201 });
    expect(await send('PUT', TARGET, { factor: '0.1', from })).toMatchObject(
      problem(409, 'already_decided', /has a revision from 2030-01-01T00:00:00Z/),
    );
    expect(await items('/prices/overrides')).toMatchObject([{ factor: '0.9', from }]);
  });
});
