/**
 * What happens in a seed, drawn before it begins: who calls, under which caps, when, and what the provider makes
 * of it. Each seed draws its own mixture (swarm testing), so that rare neighbours meet: limits run dry, and half
 * to nine tenths of the calls come within a second or two of a window's boundary.
 */
import type { Metric } from '../../lambdas/core/caps/cap.ts';
import { parseWindow, windowKeyAt, resetsAt, type Window } from '../../lambdas/core/caps/windows.ts';
import { epochMs } from '../../lambdas/core/brands.ts';
import { firstLeafOf, leafKey } from '../../lambdas/core/ledger/leaf.ts';
import type { Caller, NewCap } from './configuration.ts';
import { drawFaultRates, type FaultRates } from './faults.ts';
import { Random } from './random.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface PlannedCall {
  number: number;
  at: number;
  caller: Caller;
  feature: string;
  /** What it asks for; with a floor, it may be lowered to what the money left can pay. */
  wanted: { usd: bigint; tokens: bigint };
  floor: bigint | undefined;
  /** Hash of what it says; undefined for a call without an idempotency key. */
  bodyHash: string | undefined;
  provider: ProviderAnswer;
}

/** What the provider does once the call is forwarded. */
export interface ProviderAnswer {
  durationMs: number;
  /** `nothing`: it failed and bills nothing. `unknown`: nobody learns what it billed. */
  ending: 'usage' | 'nothing' | 'unknown';
  /** Share of the hold that it bills; above 1 it breaks its documented bound. */
  usdShare: number;
  tokensShare: number;
}

export interface Plan {
  start: number;
  /** Calls begin until then, and faults stop. */
  end: number;
  rates: FaultRates;
  /** A process of a function takes one call at a time, a server all at once. */
  host: 'function' | 'server';
  processesMax: number;
  callers: Caller[];
  caps: NewCap[];
  /** Not in force at first. */
  laterCaps: NewCap[];
  calls: PlannedCall[];
  boundaries: number[];
  outages: { from: number; to: number }[];
  habits: Habits;
  /** Calls a minute that a throttled caller may begin. */
  ratePerMinute: number;
}

/** Shares of the admitted calls. */
export interface Habits {
  /** Given back before they are forwarded. */
  givenBack: number;
  /** Their process stands still before it charges them. */
  stalled: number;
  /** Settled from elsewhere once more. */
  settledTwice: number;
}

export const TEAMS = ['growth', 'search'];
export const FEATURES = ['summarise', 'chat'];

type Horizon = 'minutes' | 'hours' | 'days';
const WINDOWS: Record<Horizon, string[]> = {
  minutes: ['minute', 'minute', 'hour', 'day', 'month', 'lifetime', 'rolling_1h', 'rolling_2h'],
  hours: ['hour', 'hour', 'day', 'month', 'lifetime', 'rolling_1h', 'rolling_2h', 'rolling_3h'],
  days: ['day', 'day', 'week', 'month', 'lifetime', 'rolling_1d', 'rolling_2d', 'rolling_24h'],
};
const LENGTH_MS: Record<Horizon, [number, number]> = {
  minutes: [3 * MINUTE, 8 * MINUTE],
  hours: [3 * HOUR, 6 * HOUR],
  days: [2 * DAY, 3 * DAY],
};
/** A month, a day and an hour begin here. */
const TURNS_OF_TIME = [
  Date.UTC(2026, 11, 1),
  Date.UTC(2026, 10, 30),
  Date.UTC(2026, 10, 25),
  Date.UTC(2026, 10, 25, 15),
];

export function drawPlan(seed: number): Plan {
  const random = new Random(seed, 'plan');
  const horizon = random.pick<Horizon>(['minutes', 'minutes', 'hours', 'hours', 'days']);
  const length = random.between(...LENGTH_MS[horizon]);
  const start = Math.floor(random.pick(TURNS_OF_TIME) - length * random.between(0.2, 0.8));
  const end = start + length;
  const shape = random.chance(0.05) ? 'crowd' : random.chance(0.08) ? 'wide' : 'small';
  const isCrowd = shape === 'crowd';
  const isShared = shape === 'wide' || (shape === 'small' && random.chance(0.6));
  const callers = callersOf({ crowd: 1, wide: 12, small: random.whole(1, 5) }[shape], isShared);
  const rungs = new Random(seed, 'rungs');
  const caps = withRungs(drawCaps(random, { callers, horizon, shape, isShared }), rungs);
  const boundaries = boundariesOf(caps, start, end);
  const times = arrivals(random, { start, end, boundaries });
  const styles = drawStyles(random, isCrowd);
  const callsCount = isCrowd ? 110 : random.whole(40, 56);
  const calls = Array.from({ length: callsCount }, (_, number) =>
    drawCall(random, {
      number,
      at: isCrowd ? start + random.between(0, 20 * MINUTE) : times(),
      callers,
      styles,
    }),
  );
  return {
    start,
    end,
    rates: drawFaultRates(random),
    host: random.pick(['function', 'server']),
    processesMax: random.whole(2, 6),
    callers,
    caps,
    laterCaps: callers
      .filter(({ user }) => user !== null && random.chance(0.2))
      .map((caller, i) =>
        drawCap(random, `later-${i}`, 'usd', random.pick(WINDOWS[horizon]), [80, 300], caller),
      ),
    calls,
    boundaries,
    outages: random.chance(0.15) ? [outageIn(random, start, end)] : [],
    habits: { givenBack: 0.05, stalled: 0.03, settledTwice: 0.1 },
    ratePerMinute: rungs.whole(1, 3),
  };
}

/** The app itself is among them, with two leaves, where there are caps that leaves share: it has no others. */
function callersOf(count: number, isShared: boolean): Caller[] {
  return Array.from({ length: count }, (_, i) => {
    if (isShared && (i === 3 || i === 4))
      return { leaf: leafKey({ type: 'app', id: 'web' }, i - 3), user: null };
    const user = `user-${i}`;
    return { leaf: leafKey({ type: 'user', id: user }), user };
  });
}

/** One user with very many calls open; more users under one cap than one call looks at; or a few of each. */
type Shape = 'crowd' | 'wide' | 'small';

function drawCaps(
  random: Random,
  {
    callers,
    horizon,
    shape,
    isShared,
  }: { callers: Caller[]; horizon: Horizon; shape: Shape; isShared: boolean },
): NewCap[] {
  if (shape === 'crowd')
    return callers.map((caller) => drawCap(random, 'wide', 'usd', 'month', [1500, 4000], caller));
  const caps = isShared ? sharedCaps(random, callers.length, horizon) : [];
  if (caps.length > 0 && random.chance(0.4)) return caps;
  const rolling = WINDOWS[horizon].filter((name) => name.startsWith('rolling'));
  const isForEach = random.chance(0.3);
  const users = callers.filter(({ user }) => user !== null);
  users.forEach((caller, i) => {
    const cap = (metric: Metric, window: string, limits: [number, number], feature?: string): void => {
      const id = `${i}-${metric}-${window}${feature === undefined ? '' : `-${feature}`}`;
      caps.push(drawCap(random, id, metric, window, limits, caller, feature));
    };
    if (!isForEach) cap('usd', random.pick(WINDOWS[horizon]), [100, 350]);
    if (random.chance(0.5)) cap('usd', random.pick(rolling), [100, 350]);
    if (random.chance(0.3)) cap('usd', 'lifetime', [150, 600]);
    if (random.chance(0.4)) cap('tokens', 'minute', [600, 3000]);
    if (random.chance(0.4)) cap('requests', 'minute', [2, 6]);
    if (random.chance(0.3)) cap('requests', random.pick(rolling), [4, 20]);
    if (random.chance(0.3)) cap('usd', random.pick(WINDOWS[horizon]), [60, 250], random.pick(FEATURES));
    if (random.chance(0.5)) cap('concurrent', '', [1, 4]);
  });
  if (isForEach) {
    const forEach = drawCap(
      random,
      'default-user',
      'usd',
      random.pick(WINDOWS[horizon]),
      [100, 350],
      callers[0],
    );
    caps.push({ ...forEach, covers: new Set(users.map(({ leaf }) => leaf.pk)) });
  }
  return [...new Map(caps.map((cap) => [cap.id, cap])).values()];
}

/** A stage that many calls are made at, and not only the last ones of a window. */
function withRungs(caps: NewCap[], rungs: Random): NewCap[] {
  if (rungs.chance(0.5)) return caps;
  return caps.map((cap) => {
    const throttle = rungs.whole(100, 900);
    return { ...cap, thresholds: { ...cap.thresholds, warn: [50, Math.floor(throttle / 2)], throttle } };
  });
}

/** Money only, a day or longer. */
function sharedCaps(random: Random, users: number, horizon: Horizon): NewCap[] {
  const windows = WINDOWS[horizon].filter((name) => !/^(minute|hour|rolling)/.test(name));
  const cap = (id: string, share: number, team: string | undefined, feature?: string): NewCap => {
    const limits: [number, number] = [80, 80 + Math.floor(200 * users * share)];
    const drawn = drawCap(random, id, 'usd', random.pick(windows), limits, undefined, feature);
    return { ...drawn, team };
  };
  return [
    ...(random.chance(0.5) ? [cap('org', 1, undefined)] : []),
    ...(random.chance(0.3) ? [cap('org-life', 1.2, undefined)] : []),
    ...(random.chance(0.3) ? [cap('feature', 0.5, undefined, random.pick(FEATURES))] : []),
    ...TEAMS.map((team) => cap(`team-${team}`, 0.6, team)),
  ];
}

function drawCap(
  random: Random,
  id: string,
  metric: Metric,
  window: string,
  limits: [number, number],
  caller: Caller | undefined,
  feature?: string,
): NewCap {
  const isMoney = metric === 'usd';
  return {
    id,
    metric,
    window:
      metric === 'concurrent'
        ? { kind: 'lifetime' }
        : parseWindow(window, { timeZone: 'UTC', anchorDay: 1 })!,
    limit: BigInt(random.whole(...limits)),
    overage: isMoney && random.chance(0.2) ? BigInt(random.whole(1, 60)) : 0n,
    thresholds: {
      warn: [500, 800],
      throttle: 950,
      block: metric !== 'concurrent' && random.chance(0.2) ? random.whole(300, 950) : 1000,
    },
    covers: caller && new Set([caller.leaf.pk]),
    team: undefined,
    feature,
  };
}

/** Instants at which an account rolls. */
function boundariesOf(caps: readonly NewCap[], start: number, end: number): number[] {
  const found = new Set<number>();
  for (const { window } of caps) {
    let at = start;
    for (let i = 0; i < 12; i += 1) {
      const next = nextBoundary(window, at);
      if (next === undefined || next >= end) break;
      found.add(next);
      at = next;
    }
  }
  return [...found];
}

function nextBoundary(window: Window, at: number): number | undefined {
  if (window.kind === 'rolling') return Number(windowKeyAt(window, epochMs(at))) * 1000 + window.bucketMs;
  return resetsAt(window, epochMs(at)) ?? undefined;
}

function arrivals(
  random: Random,
  { start, end, boundaries }: { start: number; end: number; boundaries: number[] },
): () => number {
  const nearBoundary = boundaries.length > 0 ? random.pick([0, 0.5, 0.9]) : 0;
  const inBurst = random.pick([0, 0, 0.7]);
  const bursts = Array.from({ length: 4 }, () => random.between(start, end));
  const episodes = Array.from({ length: random.whole(2, 5) }, () => random.between(start, end));
  const within = (at: number): number => Math.min(end, Math.max(start, at));
  return () => {
    if (random.chance(inBurst)) {
      const after = random.chance(0.3) ? random.between(0, 20 * SECOND) : 0;
      return within(random.pick(bursts) + random.between(-100, 100) + after);
    }
    if (random.chance(nearBoundary)) return within(random.pick(boundaries) + random.between(-1500, 1500));
    return within(random.pick(episodes) + random.between(-MINUTE, 2 * MINUTE));
  };
}

interface Styles {
  idempotent: number;
  clamped: number;
  overrun: number;
  long: number;
}

const drawStyles = (random: Random, isCrowd: boolean): Styles => ({
  idempotent: random.pick([0.2, 0.5]),
  clamped: random.pick([0, 0.3]),
  overrun: random.pick([0, 0, 0, 0.05]),
  long: isCrowd ? 0.9 : random.pick([0, 0.1]),
});

function drawCall(
  random: Random,
  { number, at, callers, styles }: { number: number; at: number; callers: Caller[]; styles: Styles },
): PlannedCall {
  const usd = random.whole(5, 55);
  const call = {
    number,
    at,
    caller: random.pick(callers),
    feature: random.pick(FEATURES),
    wanted: { usd: BigInt(usd), tokens: BigInt(random.whole(50, 950)) },
    floor: random.chance(styles.clamped) ? BigInt(Math.ceil(usd / 4)) : undefined,
    bodyHash: random.chance(styles.idempotent) ? `body-${number}` : undefined,
    provider: {
      durationMs: random.chance(styles.long)
        ? random.between(MINUTE, 14 * MINUTE)
        : random.chance(0.1)
          ? random.between(10 * SECOND, 25 * SECOND)
          : random.between(300, 6 * SECOND),
      ending: random.chance(0.1) ? random.pick(['nothing', 'unknown']) : 'usage',
      usdShare: random.chance(styles.overrun)
        ? random.between(1, 1.6)
        : random.chance(0.1)
          ? 0
          : random.unit(),
      tokensShare: random.unit(),
    },
  } satisfies PlannedCall;
  // As the product has it: a call with a key is held on its caller's first leaf, where its repeats find it.
  const leaf = call.bodyHash === undefined ? call.caller.leaf : firstLeafOf(call.caller.leaf);
  return { ...call, caller: { ...call.caller, leaf } };
}

function outageIn(random: Random, start: number, end: number): { from: number; to: number } {
  const from = random.between(start, end);
  return { from, to: from + random.between(2 * SECOND, 60 * SECOND) };
}
