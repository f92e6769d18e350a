/** Everything that is measured of the gateway over one store, in the order in which it is measured. */
import { Admin } from './admin.ts';
import { seededRandom } from './arrivals.ts';
import { typicalCalls, type Call } from './calls.ts';
import { findHighestRate } from './highest-rate.ts';
import { Load } from './load.ts';
import { measure, type Bench, type Point, type Trial } from './point.ts';
import { forgetRequests, startGateway, startProvider, type Gateway, type Store } from './processes.ts';
import { cpuResults, latencyResults, memoryResults, plain, withTargets, type Result } from './results.ts';
import { SCENARIO, shareSpentAtFirstDenial } from './usable-cap.ts';

export interface StoreOptions {
  store: Store;
  /** How long the highest rate has to be held. */
  seconds: number;
  /** Calls a second, instead of looking for the highest rate. */
  perSecond: number | undefined;
  profileFolder: string | undefined;
  /** Also the figures that do not depend on the store: what is set aside, and what it keeps from being spent. */
  withHolds: boolean;
  say: (line: string) => void;
}

const USERS = 1_000;
const SEED = 1;
const WARM_UP_PER_SECOND = 200;
/** One user has 64 calls in flight at most; this many a second are about 20. */
const ONE_USER_PER_SECOND_MAX = 300;

export async function resultsOf({
  store,
  seconds,
  perSecond,
  profileFolder,
  withHolds,
  say,
}: StoreOptions): Promise<Result[]> {
  const provider = await startProvider();
  const gateway = await startGateway({ store, providerUrl: provider.url, profileFolder });
  const load = new Load({ gateway: gateway.url, direct: provider.url });
  const random = seededRandom(SEED);
  const bench: Bench = { load, gateway, provider, random };
  const admin = new Admin(gateway);
  const key = await admin.createKey();
  const point = async (name: string, trial: Trial, call: () => Call): Promise<Point> => {
    const found = await measure(bench, trial, call);
    await forgetRequests(provider);
    say(`${store}, ${name}: ${asLine(found)}`);
    return found;
  };

  // Every user's first call opens their account; the program runs warm after it.
  const calls = typicalCalls(key, { users: USERS, stream: false }, random);
  let user = 0;
  const warmUp = { perSecond: WARM_UP_PER_SECOND, seconds: USERS / WARM_UP_PER_SECOND };
  await point('warm-up', warmUp, () => calls(user++ % USERS));

  const highest =
    perSecond === undefined
      ? await findHighestRate(seconds, (trial) => point('search', trial, calls))
      : await point('given rate', { perSecond, seconds }, calls);

  const half = { perSecond: Math.round(highest.rate.perSecond / 2), seconds: Math.ceil(seconds / 2) };
  const since = new Date();
  const atHalf = await point('half of it', half, calls);
  const holds = withHolds ? await holdResults(gateway, since) : [];

  const streamed = typicalCalls(key, { users: USERS, stream: true }, random);
  const streams = await point('streams', { ...half, seconds: Math.ceil(seconds / 3) }, streamed);

  const ofOne = typicalCalls(key, { users: 1, stream: false }, random);
  const oneRate = {
    perSecond: Math.min(half.perSecond, ONE_USER_PER_SECOND_MAX),
    seconds: Math.ceil(seconds / 3),
  };
  const oneUser = await point('one user', oneRate, ofOne);

  await admin.checkBooks();
  await load.close();
  await gateway.stop();
  await provider.stop();

  for (const { faults } of [atHalf, streams, oneUser])
    if (faults.length > 0) say(`${store}: NOT HELD at half of the highest rate: ${faults.join(', ')}`);
  const highestName = perSecond === undefined ? `highest rate held for ${seconds} s` : 'given rate';
  const halfName = `${store}, at half of it`;
  return [
    plain(`${store}, ${highestName}`, highest.rate.perSecond, 'calls/s'),
    ...latencyResults(`${store}, at that rate`, highest),
    ...cpuResults(`${store}, at that rate`, highest),
    ...memoryResults(`${store}, at that rate`, highest),
    ...withTargets(latencyResults(halfName, atHalf)),
    ...cpuResults(halfName, atHalf),
    ...latencyResults(`${halfName}, streams, first byte`, streams.firstByte),
    ...latencyResults(`${halfName}, streams, whole`, streams),
    ...latencyResults(`${store}, one user at ${oneRate.perSecond} calls/s`, oneUser),
    ...holds,
  ];
}

async function holdResults(gateway: Gateway, since: Date): Promise<Result[]> {
  const { reserved, cost } = await new Admin(gateway).reservedAndCost(since);
  const spent = await shareSpentAtFirstDenial(gateway);
  return [
    plain('reserved / actual, typical mix', Number((reserved * 100n) / cost) / 100, ''),
    plain(`spent before the first denial (${SCENARIO})`, spent * 100, '% of cap'),
  ];
}

function asLine({ rate, added, direct, achievedPerSecond, cpuMsPerCall, lateness, faults }: Point): string {
  const three = (of: { p50: number; p95: number; p99: number }): string =>
    [of.p50, of.p95, of.p99].map((ms) => ms.toFixed(1)).join(' / ');
  const cpu = Object.entries(cpuMsPerCall).map(([who, ms]) => `${who} ${ms?.toFixed(2) ?? '?'}`);
  return [
    `${rate.perSecond}/s for ${rate.seconds} s: answered ${achievedPerSecond.toFixed(1)}/s`,
    `added ${three(added)} ms (direct ${three(direct)})`,
    `CPU ms a call: ${cpu.join(', ')}`,
    `generator late ${lateness.p99.toFixed(1)} ms (p99)`,
    faults.length === 0 ? 'held' : `NOT HELD: ${faults.join(', ')}`,
  ].join('; ');
}
