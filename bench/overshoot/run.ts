/** The run itself: the real server as a process of its own, the provider here, so that it outlives the kill. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startSimulatedProvider, type SimulatedProvider } from '../../local/simulated-provider/server.ts';
import { seededRandom } from '../arrivals.ts';
import { startGatewayOn, type Gateway } from '../processes.ts';
import { ownCap, readAudit, readCharges, readFigures, setUp } from './books.ts';
import { Callers } from './callers.ts';
import { truthOf } from './provider-truth.ts';
import type { Findings } from './verdict.ts';

export interface RunOptions {
  users: number;
  concurrency: number;
  /** Picodollars. */
  teamLimit: bigint;
  say: (line: string) => void;
}

const SEED = 1;
/** The server is killed as soon as the provider has billed so much of the team's cap, and streams are open. */
const KILL_AT_PERCENT = 45n;
const LOOK_EVERY_MS = 40;
const TIME_MS_MAX = 50_000;

export async function runOvershoot({ users, concurrency, teamLimit, say }: RunOptions): Promise<Findings> {
  const folder = mkdtempSync(join(tmpdir(), 'spendcap-overshoot-'));
  const provider = await startSimulatedProvider({});
  try {
    const begunAt = performance.now();
    say(
      `${users} users with caps of their own under one of $${shown(teamLimit)}, ${concurrency} calls at a time`,
    );
    const names = Array.from({ length: users }, (_, i) => `user-${String(i + 1).padStart(2, '0')}`);
    const start = (): Promise<Gateway> => startGatewayOn(join(folder, 'books'), provider.url);
    let gateway = await start();
    const key = await setUp(gateway, { teamLimit, ownLimits: ownLimitsOf(names, teamLimit) });
    const callers = new Callers({ users: names, url: gateway.url, key, random: seededRandom(SEED) });
    const calling = callers.run(concurrency);
    const hasEnded = endOf(calling);
    const deadline = begunAt + TIME_MS_MAX;

    await until(() => isKillDue(provider, callers, teamLimit) || hasEnded(), deadline);
    const killedAt = performance.now();
    callers.serverIsGone();
    await gateway.kill();
    say(`killed with SIGKILL when $${shown(truthOf(provider).picoUsd)} were billed`);
    gateway = await start();
    callers.serverIsBack(gateway.url);
    const restartMs = performance.now() - killedAt;
    say(`restarted on the same books after ${Math.round(restartMs)} ms`);

    const isOver = (): boolean => callers.usersRefused === users && truthOf(provider).open === 0;
    await until(() => isOver() || hasEnded(), deadline);
    const { usersRefused } = callers;
    callers.stop();
    await calling;
    await provider.idle();

    const charges = await readCharges(gateway);
    const figures = await readFigures(gateway, names, charges);
    const audit = await readAudit(gateway);
    await gateway.stop();
    const truth = truthOf(provider);
    const billed = (cap: string): bigint => {
      const user = names.find((name) => ownCap(name) === cap);
      return user === undefined ? truth.picoUsd : (truth.picoUsdByUser.get(user) ?? 0n);
    };
    return {
      caps: figures.map((of) => ({ ...of, provider: billed(of.cap) })),
      calls: callers.ends,
      admitted: truth.requests,
      repeated: truth.repeated,
      charges,
      bills: truth.picoUsdByCall,
      kills: 1,
      audit,
      longestPauseMs: callers.longestPauseMs,
      restartMs,
      seconds: (performance.now() - begunAt) / 1000,
      users,
      concurrency,
      usersRefused,
    };
  } finally {
    await provider.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Each fourth user's cap is small, and used up before the kill; the others' together are more than the team's. */
function ownLimitsOf(users: readonly string[], teamLimit: bigint): Map<string, bigint> {
  const share = teamLimit / BigInt(users.length);
  return new Map(users.map((user, i) => [user, i % 4 === 3 ? (share * 3n) / 10n : share * 2n]));
}

function isKillDue(provider: SimulatedProvider, { streamsOpen }: Callers, teamLimit: bigint): boolean {
  return streamsOpen > 0 && truthOf(provider).picoUsd * 100n >= teamLimit * KILL_AT_PERCENT;
}

async function until(isSo: () => boolean, deadline: number): Promise<void> {
  while (!isSo() && performance.now() < deadline) await wait(LOOK_EVERY_MS);
}

function endOf(work: Promise<void>): () => boolean {
  let hasEnded = false;
  void work.finally(() => (hasEnded = true));
  return () => hasEnded;
}

/** Rounded down to cents. */
const shown = (picoUsd: bigint): string => {
  const digits = String(picoUsd / 10_000_000_000n).padStart(3, '0');
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
};
