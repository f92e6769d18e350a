/** `npm run bench -- --only ledger`: what a call asks of the table, and what a crowd meets under one cap. */
import { percentilesOf } from '../percentiles.ts';
import { plain, type Result } from '../results.ts';
import { crowd } from './crowd.ts';
import { scenariosFor } from './crowd-scenarios.ts';
import { LEVELS, workingDays, type Levels } from './working-days.ts';

/** Quiet people for a fortnight, busy ones for three days, agents for one: the draws of the first day weigh less and less. */
const PACES = [
  { callsADay: 5, days: 14 },
  { callsADay: 200, days: 3 },
  { callsADay: 2_000, days: 1 },
];
const CROWD = 1_000;
/** For busy people under five caps, without the unit of the index. */
const WRITE_UNITS_TARGET = 3.5 + 1;
const POOL_UNITS_TARGET = 0.1;

export async function measureLedger(say: (line: string) => void): Promise<Result[]> {
  const results: Result[] = [];
  const add = (...rows: Result[]): void => {
    results.push(...rows);
    for (const { name, value, unit } of rows) say(`${name}: ${value} ${unit}`);
  };
  for (const pace of PACES) for (const levels of LEVELS) add(...(await callResults(pace, levels)));
  for (const { name, options } of scenariosFor(CROWD)) add(...crowdResults(name, await crowd(options)));
  return results;
}

async function callResults(pace: (typeof PACES)[number], levels: Levels): Promise<Result[]> {
  const cost = await workingDays({ ...pace, levels });
  const isBusy = pace.callsADay >= 200;
  const name = `ledger, ${pace.callsADay} calls a day under ${levels} ${levels === 1 ? 'cap' : 'caps'}`;
  return [
    {
      ...plain(`${name}, written`, cost.writeUnits, 'write units/call'),
      target: isBusy ? WRITE_UNITS_TARGET : null,
    },
    ...(levels === 1
      ? []
      : [
          {
            ...plain(`${name}, of it for pools`, cost.transactionUnits, 'write units/call'),
            target: isBusy ? POOL_UNITS_TARGET : null,
          },
        ]),
    plain(`${name}, read`, cost.readUnits, 'read units/call'),
    plain(`${name}, waits for the table`, cost.roundTrips, '/call'),
    plain(`${name}, of them before the provider is asked`, cost.roundTripsBefore, '/call'),
    plain(`${name}, processor time`, cost.cpuMs, 'ms/call'),
  ];
}

function crowdResults(scenario: string, found: Awaited<ReturnType<typeof crowd>>): Result[] {
  const name = `ledger, crowd, ${scenario}`;
  const answered = percentilesOf(found.answeredInMs);
  const calls = found.admitted + found.denied;
  return [
    plain(`${name}, admitted`, found.admitted, 'calls'),
    plain(`${name}, denied`, found.denied, 'calls'),
    plain(`${name}, of them while there was money`, found.falselyDenied, 'calls'),
    plain(`${name}, told that the ledger is unreachable`, found.unavailable.length, 'answers'),
    plain(`${name}, told to wait`, found.toldToWait / calls, '/call'),
    plain(`${name}, an answer takes, p99`, answered.p99, 'ms'),
    plain(`${name}, all are through after`, Math.max(found.lastAdmittedMs, found.lastDeniedMs) / 1000, 's'),
  ];
}
