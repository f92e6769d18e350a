/** One point of the benchmark: so many calls a second for so many seconds, and what came of it. */
import { arrivalsAt, type Rate } from './arrivals.ts';
import type { Call } from './calls.ts';
import type { Load, Recording, Run } from './load.ts';
import { minus, percentilesOf, type Percentiles } from './percentiles.ts';
import { cpuMsOf, memoryOf, type Memory, type Program } from './processes.ts';

/** What is measured, and by what. */
export interface Bench {
  load: Load;
  gateway: Program;
  provider: Program;
  random: () => number;
}

export interface Point {
  rate: Rate;
  gateway: Percentiles;
  direct: Percentiles;
  added: Percentiles;
  /** The same until the first byte of the answer's body. */
  firstByte: { direct: Percentiles; added: Percentiles };
  /** Answered per second while calls were due. */
  achievedPerSecond: number;
  /** Processor time for one call through the gateway; what others take is for those straight to the provider, too. */
  cpuMsPerCall: Record<'gateway' | 'provider' | 'generator', number | undefined>;
  memory: Memory | undefined;
  /** How late the generator sent, in milliseconds. */
  lateness: Percentiles;
  /** Why the gateway did not hold this rate. Empty: it did. */
  faults: string[];
}

export interface Trial extends Rate {
  /** Whether the rate is held is all that is asked: stops as soon as it certainly is not. */
  endsEarly?: boolean;
}

export async function measure(bench: Bench, trial: Trial, call: () => Call): Promise<Point> {
  const { endsEarly = false, ...rate } = trial;
  const arrivals = arrivalsAt(rate, call, bench.random);
  const slowMax = endsEarly ? Math.ceil(SLOW_SHARE_MAX * rate.perSecond * rate.seconds) : undefined;
  const cpuBefore = cpuOf(bench);
  const run = await bench.load.run(arrivals, slowMax);
  const cpuAfter = cpuOf(bench);

  const gateway = percentilesOf(run.gateway.latenciesMs);
  const direct = percentilesOf(run.direct.latenciesMs);
  const firstByteDirect = percentilesOf(run.direct.firstByteMs);
  const perCall = (who: keyof typeof cpuBefore): number | undefined => {
    const [before, after] = [cpuBefore[who], cpuAfter[who]];
    return before === undefined || after === undefined ? undefined : (after - before) / run.gateway.offered;
  };
  const point = {
    rate,
    gateway,
    direct,
    added: minus(gateway, direct),
    firstByte: {
      direct: firstByteDirect,
      added: minus(percentilesOf(run.gateway.firstByteMs), firstByteDirect),
    },
    achievedPerSecond: achieved(run.gateway, rate, gateway),
    cpuMsPerCall: {
      gateway: perCall('gateway'),
      provider: perCall('provider'),
      generator: perCall('generator'),
    },
    memory: memoryOf(bench.gateway.pid),
    lateness: percentilesOf(run.latenessMs),
  };
  return { ...point, faults: faultsOf(point, run) };
}

function cpuOf({
  gateway,
  provider,
}: Bench): Record<'gateway' | 'provider' | 'generator', number | undefined> {
  const { user, system } = process.cpuUsage();
  return {
    gateway: cpuMsOf(gateway.pid),
    provider: cpuMsOf(provider.pid),
    generator: (user + system) / 1000,
  };
}

/** The last calls may take until the usual latency after the last moment: they were due until then. */
function achieved({ endedAtMs }: Recording, { seconds }: Rate, { p50 }: Percentiles): number {
  const endMs = seconds * 1000 + p50;
  return endedAtMs.filter((at) => at <= endMs).length / seconds;
}

/** Twice of what the p99 allows: the direct calls may be slow, too. */
const SLOW_SHARE_MAX = 0.02;
const ACHIEVED_MIN = 0.99;
const ADDED_P99_MS_MAX = 100;
/** Calls in flight, end against beginning: some difference is chance. */
const BACKLOG_FACTOR_MAX = 1.5;
const BACKLOG_SLACK = 10;

/** What "held" means. */
function faultsOf({ rate, added, achievedPerSecond }: Omit<Point, 'faults'>, run: Run): string[] {
  const faults = [...run.gateway.errors, ...run.direct.errors].map(([error, count]) => `${count} x ${error}`);
  if (run.gaveUp !== undefined) return [...faults, run.gaveUp];
  if (achievedPerSecond < ACHIEVED_MIN * rate.perSecond)
    faults.push(`answered ${achievedPerSecond.toFixed(1)} a second`);
  if (added.p99 > ADDED_P99_MS_MAX) faults.push(`p99 + ${added.p99.toFixed(0)} ms`);
  const quarter = Math.floor(run.inFlight.length / 4);
  const before = mean(run.inFlight.slice(quarter, 2 * quarter));
  const after = mean(run.inFlight.slice(3 * quarter));
  if (after > before * BACKLOG_FACTOR_MAX + BACKLOG_SLACK)
    faults.push(`backlog grew from ${before.toFixed(0)} to ${after.toFixed(0)}`);
  return faults;
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
