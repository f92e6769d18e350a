/** `reports/spend`, `reports/anomalies` and `feed/redrive` through the admin API. */
import { describe, expect, test } from 'vitest';
import { createAdminApp } from '../../lambdas/admin/app.ts';
import { AnomalyNotes } from '../../lambdas/core/anomalies/anomaly-notes.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import type { AnomalyDetected } from '../../lambdas/core/events/anomaly-detected.ts';
import { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import { rollUp } from '../../lambdas/core/rollups/roll-up.ts';
import { chargedWorld, type ChargedWorld } from '../rollups/charged-world.ts';
import { noDeadLetters } from '../support/no-dead-letters.ts';
import { noWebhooks } from '../support/no-webhooks.ts';
import { testDesk } from '../support/grant-desk.ts';
import { testOffice } from '../support/price-office.ts';
import { SeededIds } from '../support/worlds.ts';

type Json = Record<string, unknown>;

function officeOf(books: Parameters<typeof testOffice>[0]) {
  const { office, mail } = testOffice(books);
  return { office, mail };
}

function apiOver({ table, clock, zone }: ChargedWorld) {
  const ids = new SeededIds(7);
  const books = { table, clock, ids };
  const directory = new Directory(books);
  const ledger = new Ledger(books);
  const app = createAdminApp(
    {
      ...{ ...books, directory, ledger },
      ...officeOf(books),
      ...{ grants: testDesk({ ...books, directory, ledger }).grants, deadLetters: noDeadLetters },
      testWebhook: noWebhooks,
      ...{ ladders: ['default'], keyEnvironment: 'test', org: { name: 'Acme', timeZone: zone } },
    },
    {
      adminOf: async () => ({ name: 'ann', keyId: undefined }),
      report: () => undefined,
      reconciled: () => undefined,
    },
  );
  return async (path: string, body?: object) => {
    const response = await app.request(`/admin/v1/${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
    });
    return { status: response.status, body: (await response.json()) as Json };
  };
}

const DAY = 'from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00Z';

describe('reports/spend', () => {
  test('answers lines, their total, and what it covers', async () => {
    const world = chargedWorld('Europe/Berlin');
    const ask = apiOver(world);
    await world.spend({ at: '2026-11-23T23:00:00Z', cost: 1_500_000_000_000n, tags: { env: 'prod' } });
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 2_000_000_000_000n, user: 'bob' });
    await world.spend({ at: '2026-11-24T23:30:00Z', cost: 4_000_000_000_000n, user: null });
    world.at('2026-11-25T23:30:00Z');
    await rollUp(world);
    const { status, body } = await ask(
      'reports/spend?group_by=user&granularity=day&from=2026-11-23T23:00:00Z&to=2026-11-25T23:00:00Z',
    );
    expect(status).toBe(200);
    const items = body['items'] as Json[];
    expect(items.map(({ start, end, user, cost_usd }) => [start, end, user, cost_usd])).toEqual([
      ['2026-11-23T23:00:00Z', '2026-11-24T23:00:00Z', 'bob', '2.00'],
      ['2026-11-23T23:00:00Z', '2026-11-24T23:00:00Z', 'alice', '1.50'],
      ['2026-11-24T23:00:00Z', '2026-11-25T23:00:00Z', null, '4.00'],
    ]);
    expect(body).toMatchObject({
      next_cursor: null,
      total: { cost_usd: '7.50', requests: 3, outcomes: { settled: 3 }, tokens: { input: 9, output: 6 } },
      from: '2026-11-23T23:00:00Z',
      to: '2026-11-25T23:00:00Z',
      time_zone: 'Europe/Berlin',
      as_of: '2026-11-25T23:00:00Z',
    });
    const tagged = await ask('reports/spend?tag=env:prod&group_by=tag:env,app&from=2026-11-23T00:00:00Z');
    expect(tagged.body['items']).toMatchObject([{ app: 'web', tags: { env: 'prod' }, cost_usd: '1.50' }]);
  });

  test('comes in pages', async () => {
    const world = chargedWorld();
    const ask = apiOver(world);
    for (const [user, cost] of [
      ['a', 3n],
      ['b', 2n],
      ['c', 1n],
    ] as const)
      await world.spend({ at: '2026-11-24T12:00:00Z', cost, user });
    const usersOf = ({ body }: { body: Json }) => (body['items'] as Json[]).map(({ user }) => user);
    const first = await ask(`reports/spend?group_by=user&${DAY}&limit=2`);
    expect(usersOf(first)).toEqual(['a', 'b']);
    expect(first.body).toMatchObject({ next_cursor: '2', total: { requests: 3 } });
    const second = await ask(`reports/spend?group_by=user&${DAY}&limit=2&cursor=2`);
    expect(usersOf(second)).toEqual(['c']);
    expect(second.body['next_cursor']).toBeNull();
  });

  test.each([
    ['group_by=person', 'group_by: use user, team'],
    ['group_by=user,user', 'each once'],
    ['group_by=tag:', 'tag:<name>'],
    ['granularity=week', 'granularity'],
    ['tag=env', 'name:value'],
    ['cursor=0', 'next_cursor'],
    ['colour=red', 'colour'],
    ['from=yesterday', 'from: use an instant'],
    ['from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z', 'is after to'],
    ['granularity=hour&from=2026-10-01T00:00:00Z&to=2026-11-24T00:00:00Z', 'at most 31 days'],
    ['from=2024-10-01T00:00:00Z&to=2026-11-24T00:00:00Z', 'at most 366 days'],
  ])('refuses %s', async (search, said) => {
    const { status, body } = await apiOver(chargedWorld())(`reports/spend?${search}`);
    expect(status).toBe(400);
    expect(body['detail']).toContain(said);
  });
});

describe('reports/anomalies', () => {
  const noted = async (zone: string, days: [date: string, from: string, user: string][]) => {
    const world = chargedWorld(zone);
    const notes = new AnomalyNotes(world.table);
    for (const [day, from, id] of days)
      await notes.note({ ...ANOMALY, day, from, time_zone: zone, scope: { type: 'user', id } });
    return apiOver(world);
  };
  const told = ({ body }: { body: Json }) =>
    (body['items'] as (typeof ANOMALY)[]).map(({ day, scope }) => `${day} ${scope.id}`);

  test('are the events, the newest day first, in pages', async () => {
    const ask = await noted('UTC', [
      ['2026-10-01', '2026-10-01T00:00:00Z', 'old'],
      ['2026-11-22', '2026-11-22T00:00:00Z', 'alice'],
      ['2026-11-23', '2026-11-23T00:00:00Z', 'alice'],
      ['2026-11-23', '2026-11-23T00:00:00Z', 'bob'],
    ]);
    const { status, body } = await ask('reports/anomalies');
    expect([status, body['next_cursor']]).toEqual([200, null]);
    expect(told({ body })).toEqual(['2026-11-23 bob', '2026-11-23 alice', '2026-11-22 alice']);
    expect((body['items'] as Json[])[2]).toEqual(ANOMALY);
    const first = await ask('reports/anomalies?limit=2');
    expect(told(first)).toEqual(['2026-11-23 bob', '2026-11-23 alice']);
    const cursor = first.body['next_cursor'] as string;
    const rest = await ask(`reports/anomalies?limit=2&cursor=${cursor}`);
    expect(told(rest)).toEqual(['2026-11-22 alice']);
    expect(rest.body['next_cursor']).toBeNull();
  });

  test('are those of the days of the span, by the clock of the organisation', async () => {
    const ask = await noted('Europe/Berlin', [
      ['2026-11-22', '2026-11-21T23:00:00Z', 'a'],
      ['2026-11-23', '2026-11-22T23:00:00Z', 'b'],
      ['2026-11-24', '2026-11-23T23:00:00Z', 'c'],
    ]);
    const of = async (from: string, to: string) => told(await ask(`reports/anomalies?from=${from}&to=${to}`));
    expect(await of('2026-11-23T00:00:00Z', '2026-11-23T23:00:00Z')).toEqual(['2026-11-23 b']);
    expect(await of('2026-11-22T23:00:00Z', '2026-11-23T23:00:01Z')).toEqual([
      '2026-11-24 c',
      '2026-11-23 b',
    ]);
  });

  test.each([
    ['cursor=2', 'next_cursor'],
    ['group_by=user', 'group_by'],
    ['from=yesterday', 'from: use an instant'],
    ['from=2024-10-01T00:00:00Z&to=2026-11-24T00:00:00Z', 'at most 366 days'],
  ])('refuses %s', async (search, said) => {
    const { status, body } = await apiOver(chargedWorld())(`reports/anomalies?${search}`);
    expect(status).toBe(400);
    expect(body['detail']).toContain(said);
  });
});

const ANOMALY: AnomalyDetected = {
  id: 'a'.repeat(64),
  version: 1,
  scope: { type: 'user', id: 'alice' },
  ...{ day: '2026-11-22', time_zone: 'UTC', from: '2026-11-22T00:00:00Z', until: '2026-11-22T14:00:00Z' },
  at: '2026-11-22T14:20:00Z',
  ...{ spent_usd: '88.00', requests: 5, usual_usd: '10.00', dearest_usd: '12.50', days: 10 },
  unusual_from_usd: '30.00',
  causes: [{ user: 'alice', team: 'growth', app: 'web', feature: 'chat', model: 'gpt-5', cost_usd: '80.00' }],
};

describe('feed/redrive', () => {
  test('makes rows anew that the feed did not tell of', async () => {
    const world = chargedWorld();
    const ask = apiOver(world);
    await world.spend({ at: '2026-11-24T12:00:00Z', cost: 1n }, false);
    world.at('2026-11-25T12:00:00Z');
    const spent = async () => (await ask(`reports/spend?${DAY}`)).body['total'];
    expect(await spent()).toMatchObject({ requests: 0 });
    const redriven = await ask('feed/redrive', { from: '2026-11-24T11:30:00Z', to: '2026-11-24T13:00:00Z' });
    expect(redriven).toEqual({ status: 202, body: { hours: 2 } });
    expect(await spent()).toMatchObject({ requests: 1 });
    world.at('2026-11-25T12:01:00Z');
    await rollUp(world);
    expect(await world.periods.openHours()).toEqual([]);
    expect(await spent()).toMatchObject({ requests: 1 });
  });

  test('takes a month at most', async () => {
    const { status, body } = await apiOver(chargedWorld())('feed/redrive', { from: '2026-10-01T00:00:00Z' });
    expect(status).toBe(400);
    expect(body['detail']).toContain('at most 31 days');
  });
});
