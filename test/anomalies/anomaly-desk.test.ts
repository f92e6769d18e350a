/** Unusual days are noticed as their hours get rows, each told once, by the narrowest scope that shows it. */
import { describe, expect, test, vi } from 'vitest';
import { AnomalyDesk } from '../../lambdas/core/anomalies/anomaly-desk.ts';
import type { AnomalyDetected } from '../../lambdas/core/events/anomaly-detected.ts';
import { EVENT_SCHEMAS, type BusEvent } from '../../lambdas/core/events/catalogue.ts';
import { usd } from '../../lambdas/core/money.ts';
import { TableUnavailable, type EventBus, type Mail } from '../../lambdas/core/ports.ts';
import { rollUp } from '../../lambdas/core/rollups/roll-up.ts';
import { chargedWorld, instant, type Spent } from '../rollups/charged-world.ts';

const DAY_MS = 86_400_000;
const TODAY = '2026-11-24';

function deskOf(zone?: string) {
  const reader = chargedWorld(zone);
  const events: AnomalyDetected[] = [];
  const mails: Mail[] = [];
  const refused = new Set<string>();
  const bus: EventBus = {
    publish: async (given: readonly BusEvent[]) =>
      given.flatMap(({ type, detail }, i) => {
        const event = EVENT_SCHEMAS.AnomalyDetected.parse(type === 'AnomalyDetected' && detail);
        if (refused.has(event.scope.id)) return [i];
        events.push(event);
        return [];
      }),
  };
  const mail = { send: async (some: Mail) => void mails.push(some) };
  const rule = { timesUsual: 3n, aboveUsual: usd('20.00') };
  const desk = new AnomalyDesk({ reader, rule, bus, mail, moreUrl: undefined });
  const lookAt = () => rollUp(reader, undefined, (day) => desk.lookAt(day));
  const round = async (): Promise<string[]> => {
    await lookAt();
    await desk.tell();
    return events.splice(0).map(({ scope, spent_usd }) => `${scope.type} ${scope.id} ${spent_usd}`);
  };
  /** The same on each of the days before. */
  const usually = async (cost: string, more: Partial<Spent> = {}, days = 10): Promise<void> => {
    for (let i = 1; i <= days; i += 1) {
      const at = new Date(instant(`${TODAY}T10:00:00Z`) - i * DAY_MS).toISOString();
      await reader.spend({ ...more, at, cost: usd(cost) });
    }
  };
  const spend = (time: string, cost: string, more: Partial<Spent> = {}) =>
    reader.spend({ ...more, at: `${TODAY}T${time}Z`, cost: usd(cost) });
  const at = (time: string) => reader.at(`${TODAY}T${time}Z`);
  return { reader, desk, mail, events, mails, refused, lookAt, round, usually, spend, at };
}

describe('an unusual day', () => {
  test('is told when its hours so far come to it, sixteen minutes after the hour, and once', async () => {
    const { usually, spend, at, round, mails } = deskOf();
    await usually('10');
    await spend('12:00:00', '15');
    at('13:16:00');
    expect(await round()).toEqual([]);
    await spend('13:30:00', '14.99');
    at('14:16:00');
    expect(await round()).toEqual([]);
    await spend('14:59:59', '0.01');
    at('15:15:59');
    expect(await round()).toEqual([]);
    at('15:16:00');
    expect(await round()).toEqual(['user alice 30.00']);
    expect(await round()).toEqual([]);
    await spend('15:30:00', '500');
    at('16:20:00');
    expect(await round()).toEqual([]);
    expect(mails.map(({ subject }) => subject)).toEqual([
      'Spendcap: alice spent $30.00 on 2026-11-24, usually $10.00',
    ]);
  });

  test('says what was seen, what is usual and what it went on', async () => {
    const { usually, spend, at, events, desk, lookAt } = deskOf();
    await usually('10');
    await usually('2.5', { feature: 'chat' }, 1);
    await spend('12:00:00', '60', { feature: 'summarise', model: 'gpt-5' });
    await spend('12:10:00', '20', { feature: 'summarise', model: 'gpt-5' });
    await spend('12:20:00', '4', { feature: 'chat' });
    await spend('12:20:00', '3');
    await spend('12:20:00', '1', { app: 'cli' });
    at('13:20:00');
    await lookAt();
    expect(await desk.tell()).toBe(1);
    expect(await desk.tell()).toBe(0);
    expect(events).toEqual([
      {
        id: events[0]!.id,
        version: 1,
        scope: { type: 'user', id: 'alice' },
        day: TODAY,
        time_zone: 'UTC',
        from: '2026-11-24T00:00:00Z',
        until: '2026-11-24T13:00:00Z',
        at: '2026-11-24T13:20:00Z',
        spent_usd: '88.00',
        requests: 5,
        usual_usd: '10.00',
        dearest_usd: '12.50',
        days: 10,
        unusual_from_usd: '30.00',
        causes: [
          {
            user: 'alice',
            team: 'growth',
            app: 'web',
            feature: 'summarise',
            model: 'gpt-5',
            cost_usd: '80.00',
          },
          { user: 'alice', team: 'growth', app: 'web', feature: 'chat', model: 'm', cost_usd: '4.00' },
          { user: 'alice', team: 'growth', app: 'web', feature: 'default', model: 'm', cost_usd: '3.00' },
        ],
      },
    ]);
  });

  test('is nothing of somebody who is new, and something of their team', async () => {
    const { usually, spend, at, round } = deskOf();
    await usually('10', { user: 'bob' });
    await spend('12:00:00', '45');
    at('13:20:00');
    expect(await round()).toEqual(['feature web/default 45.00']);
  });

  test('of the days before counts four weeks, and nothing that is older', async () => {
    const { usually, spend, at, round, reader } = deskOf();
    await usually('10', {}, 6);
    await reader.spend({ at: '2026-10-26T10:00:00Z', cost: usd('10') });
    await spend('12:00:00', '45');
    at('13:20:00');
    expect(await round()).toEqual([]);
    await reader.spend({ at: '2026-10-27T10:00:00Z', cost: usd('10') });
    await spend('13:00:00', '1');
    at('14:20:00');
    expect(await round()).toEqual(['user alice 46.00']);
  });

  test('is one of the organisation, by its clock', async () => {
    const { usually, spend, at, round, reader } = deskOf('America/New_York');
    at('00:00:00');
    await usually('10');
    // Still the day before there.
    await spend('04:30:00', '25');
    await spend('05:30:00', '15');
    at('06:20:00');
    expect(await round()).toEqual(['user alice 35.00']);
    await spend('06:30:00', '15');
    at('07:20:00');
    expect(await round()).toEqual(['user alice 30.00']);
    reader.at('2026-11-26T12:00:00Z');
    expect(await round()).toEqual([]);
  });

  test('that begins within a UTC hour counts its part of it', async () => {
    const { usually, reader, round } = deskOf('Asia/Kolkata');
    await usually('10');
    await reader.spend({ at: '2026-11-24T18:29:59Z', cost: usd('100') });
    await reader.spend({ at: '2026-11-24T18:30:00Z', cost: usd('29') });
    await reader.spend({ at: '2026-11-24T19:30:00Z', cost: usd('1') });
    reader.at('2026-11-24T19:20:00Z');
    expect(await round()).toEqual(['user alice 100.00']);
    reader.at('2026-11-24T20:20:00Z');
    expect(await round()).toEqual(['user alice 30.00']);
  });
});

describe('one cause', () => {
  test('is told by the user, not again by feature, app, team and organisation', async () => {
    const { usually, spend, at, round, mails } = deskOf();
    await usually('10');
    await usually('10', { user: 'bob' });
    await spend('12:00:00', '90');
    await spend('12:00:00', '10', { user: 'bob' });
    at('13:20:00');
    expect(await round()).toEqual(['user alice 90.00']);
    await spend('13:00:00', '900');
    at('14:20:00');
    expect(await round()).toEqual([]);
    expect(mails).toHaveLength(1);
  });

  test('of many who each stay within bounds is told by their feature', async () => {
    const { usually, spend, at, round } = deskOf();
    for (const user of ['ann', 'bob', 'cleo', 'dan']) await usually('10', { user, feature: 'chat' });
    for (const user of ['ann', 'bob', 'cleo', 'dan']) await usually('5', { user, feature: 'search' });
    for (const user of ['ann', 'bob', 'cleo', 'dan'])
      await spend('12:00:00', '20', { user, feature: 'search' });
    at('13:20:00');
    expect(await round()).toEqual(['feature web/search 80.00']);
  });

  test("of an app's own calls, which have no user, is told by the feature too", async () => {
    const { usually, spend, at, round } = deskOf();
    await usually('10', { user: null });
    await spend('12:00:00', '31', { user: null });
    at('13:20:00');
    expect(await round()).toEqual(['feature web/default 31.00']);
  });

  test('of a feature that is new is told by its app; of an app that is new by the team', async () => {
    const { usually, spend, at, round } = deskOf();
    for (const user of ['ann', 'bob', 'cleo']) await usually('10', { user });
    await spend('12:00:00', '95', { user: 'new', feature: 'new' });
    at('13:20:00');
    expect(await round()).toEqual(['app web 95.00']);
    await spend('13:00:00', '96', { user: 'new', app: 'new' });
    at('14:20:00');
    expect(await round(), 'the app that was told does not count again').toEqual(['team growth 96.00']);
  });

  test('beside which something else is unusual leaves that to be told', async () => {
    const { usually, spend, at, round } = deskOf();
    for (const user of ['ann', 'bob']) await usually('10', { user });
    await spend('12:00:00', '90', { user: 'ann' });
    await spend('12:00:00', '95', { user: 'new' });
    at('13:20:00');
    expect(await round()).toEqual(['feature web/default 95.00', 'user ann 90.00']);
  });
});

describe('it is told once', () => {
  const noticed = async () => {
    const world = deskOf();
    await world.usually('10');
    await world.spend('12:00:00', '90');
    world.at('13:20:00');
    await world.lookAt();
    return world;
  };
  /** Somebody looked before, and has not looked at it yet. */
  const spentSinceALook = async () => {
    const world = deskOf();
    await world.usually('10');
    world.at('12:05:00');
    await world.lookAt();
    await world.spend('12:00:00', '90');
    world.at('13:20:00');
    return world;
  };

  test('where its hours are told again and made anew', async () => {
    const { reader, round, at } = await noticed();
    expect(await round()).toEqual(['user alice 90.00']);
    for (const time of ['13:30:00', '13:40:00']) {
      await reader.periods.openHour(instant(`${TODAY}T12:00:00Z`));
      await reader.periods.openDay({ zone: 'UTC', date: TODAY });
      at(time);
      expect(await round()).toEqual([]);
    }
  });

  test('where a charge comes a day late, and the day is not too old', async () => {
    const { reader, round, usually } = deskOf();
    await usually('10');
    await reader.spend({ at: `${TODAY}T12:00:00Z`, cost: usd('29') });
    reader.at('2026-11-25T12:00:00Z');
    expect(await round()).toEqual([]);
    await reader.spend({ at: `${TODAY}T12:30:00Z`, cost: usd('2'), outcome: 'presumed_spent' });
    reader.at('2026-11-25T13:30:00Z');
    expect(await round()).toEqual(['user alice 31.00']);
    reader.at('2026-11-27T00:00:00Z');
    await reader.spend({ at: `${TODAY}T12:30:00Z`, cost: usd('900'), user: 'bob' });
    await usually('10', { user: 'bob' });
    reader.at('2026-11-27T00:10:00Z');
    expect(await round(), 'two days after its end it is history').toEqual([]);
  });

  test('with the same words, where the bus did not take it at first', async () => {
    const { refused, desk, events, spend, at, mails, lookAt } = await noticed();
    refused.add('alice');
    await expect(desk.tell()).rejects.toThrow('1 events of unusual days were not taken');
    expect(mails).toHaveLength(1);
    refused.clear();
    await spend('13:00:00', '500');
    at('14:20:00');
    await lookAt();
    await desk.tell();
    await desk.tell();
    expect(events).toMatchObject([{ spent_usd: '90.00', at: '2026-11-24T13:20:00Z' }]);
    expect(mails).toHaveLength(1);
  });

  test('to the bus, where the mail was not taken at first', async () => {
    const { mail, mails, desk, events } = await noticed();
    const send = vi.spyOn(mail, 'send').mockRejectedValueOnce(new Error('the topic is away'));
    await expect(desk.tell()).rejects.toThrow('the topic is away');
    await desk.tell();
    expect(send).toHaveBeenCalledTimes(2);
    expect([events.length, mails.length]).toEqual([1, 1]);
  });

  test('where whoever looked died before the note that it has', async () => {
    const { reader, spend, at, lookAt, round } = await spentSinceALook();
    vi.spyOn(reader.periods, 'markLookedAt').mockRejectedValueOnce(new TableUnavailable('died'));
    await expect(lookAt()).rejects.toThrow('died');
    await spend('13:00:00', '5');
    at('14:20:00');
    expect(await round()).toEqual(['user alice 90.00']);
  });

  test('where somebody who looked before comes with it after it was told', async () => {
    const { reader, lookAt, round } = await spentSinceALook();
    const put = reader.table.put.bind(reader.table);
    let told: string[] | undefined;
    vi.spyOn(reader.table, 'put').mockImplementation(async (write) => {
      if (write.item.pk === 'ANOMALY' && !told) {
        told = [];
        told = await round();
      }
      return put(write);
    });
    await lookAt();
    expect(told).toEqual(['user alice 90.00']);
    expect(await round()).toEqual([]);
  });

  test('and remembered for 400 days, from when it is noticed on', async () => {
    const { reader, round } = await noticed();
    const kept = async () =>
      (await reader.table.get({ pk: 'ANOMALY', sk: `${TODAY}T00:00:00.000Z#user#alice` }))!['ttl'];
    const until = BigInt((instant(`${TODAY}T00:00:00Z`) + 400 * DAY_MS) / 1000);
    expect(await kept()).toBe(until);
    await round();
    expect(await kept()).toBe(until);
  });

  test('by two who look at the same time', async () => {
    const { desk, lookAt, events, reader } = await noticed();
    await reader.periods.openDay({ zone: 'UTC', date: TODAY });
    await Promise.all([lookAt(), lookAt()]);
    await desk.tell();
    expect(events).toHaveLength(1);
  });
});

describe('reading', () => {
  test('is done where an hour has new rows, and not otherwise', async () => {
    const { usually, spend, at, lookAt, reader } = deskOf();
    await usually('10');
    await spend('12:00:00', '90');
    at('13:20:00');
    await lookAt();
    const query = vi.spyOn(reader.table, 'query');
    at('13:25:00');
    await lookAt();
    expect(query.mock.calls.map(([{ partition }]) => partition)).toEqual(['R#OPEN', 'R#OPEN']);
  });

  test('looks up the days before of those alone who spent enough, a query a day', async () => {
    const { usually, spend, at, lookAt, reader } = deskOf();
    await usually('10');
    for (let i = 0; i < 50; i += 1) await usually('0.1', { user: `person-${i}` }, 1);
    at('12:05:00');
    await lookAt();
    await spend('12:00:00', '29');
    for (let i = 0; i < 50; i += 1) await spend('12:00:00', '0.01', { user: `person-${i}` });
    at('13:20:00');
    const query = vi.spyOn(reader.table, 'query');
    await lookAt();
    const asked = query.mock.calls.map(
      ([{ partition, prefix = '' }]) => `${partition.slice(0, 4)} ${prefix}`,
    );
    const ofDays = asked.filter((text) => /^R#[DH]# /.test(text));
    expect(new Set(ofDays)).toEqual(
      new Set(['R#H# ', 'R#H# user:alice#', 'R#D# user:alice#', 'R#H# -#', 'R#D# -#']),
    );
    // Of today, and of 28 days of alice and of all together, each with rows of the day or looked for among its hours.
    expect(ofDays).toHaveLength(1 + 28 + 28);
  });

  test('of days of which not everything can be read ends in silence', async () => {
    const { usually, spend, at, round, reader } = deskOf();
    await usually('10');
    await spend('12:00:00', '90');
    at('13:20:00');
    const query = reader.table.query.bind(reader.table);
    vi.spyOn(reader.table, 'query').mockImplementation(async (asked) => {
      if (asked.partition.startsWith('R#D#')) throw new TableUnavailable('away');
      return query(asked);
    });
    await expect(round()).rejects.toThrow(TableUnavailable);
    vi.restoreAllMocks();
    expect(await round()).toEqual(['user alice 90.00']);
  });
});
