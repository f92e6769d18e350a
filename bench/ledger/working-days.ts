/**
 * Working days of a team through the whole gateway, on a clock that is set: what the table is asked for a call, under
 * one, three and five caps. Five people share the caps above their own; each has so many calls a day, between eight and
 * six, and the collector goes round every hour. It begins with nothing, so that everybody's first draws are in it.
 */
import { collectAll } from '../../lambdas/core/ledger/collect.ts';
import { AccountCaps } from '../../lambdas/core/escalation/account-caps.ts';
import { nonceBits } from '../../lambdas/core/ledger/stamp.ts';
import { openGateway, userCap, type TestGateway } from '../../test/support/gateways.ts';
import { plain } from '../../test/support/scripted-upstream.ts';
import { seededRandom } from '../arrivals.ts';
import { metered, nothingUsed, type Capacity } from './capacity.ts';

export const LEVELS = [1, 3, 5] as const;
export type Levels = (typeof LEVELS)[number];

export interface DayOptions {
  levels: Levels;
  callsADay: number;
  days: number;
}

/** All of one call, on average. */
export interface CallCost extends Capacity {
  /** Of the round trips: those before the provider is asked. */
  roundTripsBefore: number;
  /** Processor time of the gateway and of the table in memory, in this process. */
  cpuMs: number;
}

const USERS = ['ann', 'bob', 'cleo', 'dan', 'eve'];
const HOUR_MS = 3_600_000;
const FIRST_HOUR = 8;
const LAST_HOUR = 18;
const LARGE = '1000000.00';

export async function workingDays({ levels, callsADay, days }: DayOptions): Promise<CallCost> {
  const used = nothingUsed();
  const gateway = await openGateway({
    caps: capsOf(levels),
    key: { user: null },
    api: (engine) => metered(engine, used),
  });
  const random = seededRandom(1);
  const begun = Math.ceil(gateway.clock.now() / (24 * HOUR_MS)) * 24 * HOUR_MS;
  let calls = 0;
  let cpuMs = 0;
  let roundTripsBefore = 0;
  let readUnitsOfCollector = 0;
  let roundTripsOfCollector = 0;
  Object.assign(used, nothingUsed());
  for (let hour = 0; hour < days * 24; hour += 1) {
    for (const { at, user } of callsOfHour(begun + hour * HOUR_MS, hour % 24, callsADay, random)) {
      await moveTo(gateway, at);
      const before = process.cpuUsage();
      roundTripsBefore += await call(gateway, user, used);
      const { user: mine, system } = process.cpuUsage(before);
      cpuMs += (mine + system) / 1000;
      calls += 1;
    }
    await moveTo(gateway, begun + (hour + 1) * HOUR_MS);
    // Its reads are a scan an hour, however many calls there were; its writes are part of what calls cost.
    const { readUnits, roundTrips } = used;
    await collect(gateway);
    readUnitsOfCollector += used.readUnits - readUnits;
    roundTripsOfCollector += used.roundTrips - roundTrips;
  }
  return {
    writeUnits: used.writeUnits / calls,
    transactionUnits: used.transactionUnits / calls,
    readUnits: (used.readUnits - readUnitsOfCollector) / calls,
    roundTrips: (used.roundTrips - roundTripsOfCollector) / calls,
    roundTripsBefore: roundTripsBefore / calls,
    cpuMs: cpuMs / calls,
  };
}

function capsOf(levels: Levels) {
  const month = { window: 'month' };
  const shared = (type: 'team' | 'app' | 'feature' | 'org', id: string) =>
    userCap(LARGE, { scope: { type, id }, ...month });
  return {
    everybody: userCap(LARGE, { scope: { type: 'user', id: '*' }, ...month }),
    ...(levels >= 3 && { 'growth-month': shared('team', 'growth'), 'org-month': shared('org', 'org') }),
    ...(levels >= 5 && {
      'web-month': shared('app', 'web'),
      'summarise-month': shared('feature', 'web/summarise'),
    }),
  };
}

const BODY = JSON.stringify({
  model: 'gpt-4.1',
  max_completion_tokens: 1_000,
  messages: [{ role: 'user', content: 'Summarise the following conversation. '.repeat(40) }],
});
/** With every member of usage that the provider sends today. */
const ANSWER = JSON.stringify({
  ...{ id: 'chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT', object: 'chat.completion', created: 1741569952 },
  ...{ model: 'gpt-4.1-2025-04-14', service_tier: 'default' },
  choices: [{ index: 0, message: { role: 'assistant', content: 'Done.' }, finish_reason: 'stop' }],
  usage: {
    ...{ prompt_tokens: 412, completion_tokens: 288, total_tokens: 700 },
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      ...{ reasoning_tokens: 0, audio_tokens: 0 },
      ...{ accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
    },
  },
});

/** The round trips before the provider was asked. */
async function call(gateway: TestGateway, user: string, used: Capacity): Promise<number> {
  const { roundTrips } = used;
  let before = NaN;
  gateway.upstream.next((request) => {
    before = used.roundTrips - roundTrips;
    return plain(ANSWER)(request);
  });
  const response = await gateway.call('/v1/chat/completions', BODY, {
    'x-spendcap-user': `${user}@example.com`,
    'x-spendcap-feature': 'summarise',
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`status ${response.status}: ${text}`);
  await gateway.settled();
  gateway.upstream.sent.length = 0;
  return before;
}

function callsOfHour(
  start: number,
  hour: number,
  callsADay: number,
  random: () => number,
): { at: number; user: string }[] {
  if (hour < FIRST_HOUR || hour >= LAST_HOUR) return [];
  const share = callsADay / (LAST_HOUR - FIRST_HOUR);
  return USERS.flatMap((user) => {
    const calls = Math.floor(share) + (random() < share % 1 ? 1 : 0);
    return Array.from({ length: calls }, () => ({ at: start + Math.floor(random() * HOUR_MS), user }));
  }).sort((a, b) => a.at - b.at);
}

const moveTo = (gateway: TestGateway, at: number): Promise<void> =>
  gateway.clock.pass(Math.max(0, at - gateway.clock.now()) / 1000);

/** What the scheduled function does. */
async function collect({ table, ledger, clock, gateway }: TestGateway): Promise<void> {
  const { directory, ids } = gateway;
  const { broken } = await collectAll(
    { table, ledger, clock },
    () => ids.randomBits(nonceBits),
    () => false,
  );
  const caps = new AccountCaps({ directory, clock });
  broken.push(...(await ledger.folds.forAllKnown((account) => caps.of(account))));
  if (broken.length > 0) throw new Error(broken[0]);
}
