/**
 * SIGKILL at any moment of a call: the money of every call that the provider billed is set aside or charged, within
 * the limit; nothing is charged twice; what was answered is charged exactly; the books balance after each of the
 * kills, and a day later every hold that they left is resolved once.
 *
 * The provider is a process of its own, so its log is the truth. All kills hit one data directory. The seed decides
 * calls, moments and delays; what the machine does in between it cannot decide, so a replay is a likeness.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, onTestFailed, test } from 'vitest';
import { openSqliteEngine } from '../../lambdas/adapters/table/local/sqlite-engine.ts';
import { epochMs, holdId } from '../../lambdas/core/brands.ts';
import { auditLedger } from '../../lambdas/core/ledger/audit.ts';
import type { Charge } from '../../lambdas/core/ledger/charge.ts';
import { collectAll, leavesOf } from '../../lambdas/core/ledger/collect.ts';
import type { Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { nonceBits } from '../../lambdas/core/ledger/stamp.ts';
import { listCharges } from '../../lambdas/core/ledger/usage.ts';
import { DAY } from '../../lambdas/core/time.ts';
import { systemClock } from '../../lambdas/runtime/clock.ts';
import { systemIds } from '../../lambdas/runtime/ids.ts';
import { hours, ledgerOver, SeededIds } from '../support/worlds.ts';
import { adminOf, pico, type Admin } from './admin.ts';
import {
  billsOfCalls,
  expectChargedOnce,
  expectCovered,
  grouped,
  nameOfEnd,
  truthOf,
  type Caps,
} from './books.ts';
import { Callers, Dice, randomCall, type Call, type Moment } from './callers.ts';
import {
  endAll,
  startProvider,
  startServer,
  temporaryFolder,
  upstreamsAt,
  type Environment,
} from './process.ts';
import { readBills } from './provider-log.ts';

const KILLS = 50;
const CALLERS = 8;
const DELAY_MS_MAX = 250;
const MOMENTS: readonly Moment[] = ['sent', 'answered', 'chunk', 'complete'];
/** Where callers are refused again and again, other moments may not come. */
const SENT_MAX = 300;

const seed = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
const REPLAY = `KILL_SEED=${seed} npx vitest run test/e2e/kill.test.ts`;

/** A window that does not end while the test runs, nor in the day after. */
const MONTH = { metric: 'usd', window: 'month', anchor_day: ((new Date().getUTCDate() + 14) % 28) + 1 };
const CAPS: Caps = {
  ada: { 'ada-usd': { ...MONTH, limit: '20.00' } },
  bob: {
    'bob-usd': { ...MONTH, limit: '20.00' },
    'bob-tokens': { metric: 'tokens', window: 'lifetime', limit: '40000' },
  },
  cyd: {
    'cyd-usd': { ...MONTH, limit: '20.00' },
    'cyd-requests': { metric: 'requests', window: 'minute', limit: '40' },
  },
  dan: {
    'dan-usd': { ...MONTH, limit: '20.00' },
    'dan-concurrent': { metric: 'concurrent', limit: '20' },
  },
  eve: { 'eve-usd': { ...MONTH, limit: '0.04' } },
  fay: { 'fay-usd': { ...MONTH, limit: '20.00' } },
  gus: { 'gus-usd': { ...MONTH, limit: '20.00' } },
};
const STORING = { id: 'web', team: 'growth', storeAnswers: { retentionHours: 1 } };
const USERS = Object.keys(CAPS);

const folder = temporaryFolder('kill');
const directory = `${folder.path}/books`;
const policyFile = `${folder.path}/policy.json`;
const log = `${folder.path}/bills.jsonl`;
afterAll(async () => {
  await endAll();
  folder.remove();
});

describe(`${KILLS} kills (replay: ${REPLAY})`, () => {
  const calls: Call[] = [];

  test(
    'leave books in which every bill is covered, once, within the limit',
    { timeout: 600_000 },
    async () => {
      onTestFailed(() => void process.stderr.write(`Replay with: ${REPLAY}\n`));
      const provider = await startProvider(log);
      writeFileSync(policyFile, JSON.stringify({ apps: [STORING] }));
      const environment: Environment = {
        ...upstreamsAt(provider.url),
        SPENDCAP_DATA_DIR: directory,
        SPENDCAP_CONFIG: policyFile,
      };
      const key = await setUp(environment);
      const startedAfterMs: number[] = [];
      let before: Call[] = [];

      for (let kill = 1; kill <= KILLS; kill += 1) {
        const server = await startServer(environment);
        startedAfterMs.push(server.startedAfterMs);
        await checkBooks(adminOf(server), calls, before);
        const callers = new Callers({ url: server.url, key });
        await retry(callers, before);

        const dice = diceOf(kill, 0);
        const delayMs = dice.below(DELAY_MS_MAX);
        const reached = Promise.race([
          callers.until(dice.oneOf(MOMENTS), 1 + dice.below(8)),
          callers.until('sent', SENT_MAX),
        ]);
        let made = 0;
        const next = (): Call => {
          made += 1;
          const ofCall = diceOf(kill, made);
          return randomCall(ofCall, ofCall.oneOf(USERS), `${kill}-${made}`);
        };
        const gone = Promise.all(Array.from({ length: CALLERS }, () => callers.callUntilGone(next)));
        await reached;
        await wait(delayMs); // the moment itself; nothing else here waits for time to pass
        server.kill();
        expect(await server.ended).toMatchObject({ code: null, signal: 'SIGKILL', stderr: '' });
        await gone;
        before = callers.calls;
        calls.push(...before);
      }

      const last = await startServer(environment);
      await checkBooks(adminOf(last), calls, calls);
      last.terminate();
      expect((await last.ended).code).toBe(0);
      await provider.stop();
      const ends: Record<string, number> = {};
      for (const end of calls.flatMap(({ attempts }) => attempts.map(nameOfEnd)))
        ends[end] = (ends[end] ?? 0) + 1;
      process.stdout.write(
        `kill: seed ${seed}, ${KILLS} kills, ${calls.length} calls, ${JSON.stringify(ends)}, ` +
          `started after ${Math.round(startedAfterMs.sort((a, b) => a - b)[KILLS / 2]!)} ms (median)\n`,
      );
      expect(Object.keys(ends).sort()).toEqual([
        'complete',
        'cut',
        'failed',
        'repeated',
        'throttled or denied',
      ]);
      expect(ends['cut']).toBeGreaterThan(KILLS);
      expect(ends['complete']).toBeGreaterThan(KILLS);
    },
  );

  test('a day later each open hold is resolved once, and then nothing is left to do', async () => {
    onTestFailed(() => void process.stderr.write(`Replay with: ${REPLAY}\n`));
    const clock = {
      ...systemClock,
      now: () => epochMs(systemClock.now() + hours(25)),
    };
    const api = openSqliteEngine({ directory, clock });
    try {
      const { table, ledger } = ledgerOver({ api, tableName: 'spendcap' }, clock, systemIds);
      const leaves = async (): Promise<Leaf[]> => {
        const found: Leaf[] = [];
        for await (const at of leavesOf(table)) found.push((await ledger.leaves.read(at))!);
        return found;
      };
      const charges = async (): Promise<Charge[]> => {
        const span = { from: epochMs(clock.now() - 2 * DAY), to: clock.now() };
        return (await listCharges(table, { ...span, user: undefined, limit: 100_000, cursor: undefined }))
          .charges;
      };
      const collect = () => collectAll({ table, ledger, clock }, () => systemIds.randomBits(nonceBits));

      const held = (await leaves()).flatMap(({ h }) => Object.entries(h));
      const before = new Map((await charges()).map((charge) => [charge.id, charge]));
      const standing = held.filter(([id]) => before.has(holdId(id)));
      process.stdout.write(`kill: ${held.length} holds left, ${standing.length} of them with a charge\n`);
      expect(held.length).toBeGreaterThan(KILLS / 2);

      expect(await collect()).toMatchObject({
        settled: standing.length,
        presumed: held.length - standing.length,
      });
      const after = await charges();
      expect(await collect()).toMatchObject({ settled: 0, presumed: 0 });
      expect(await charges()).toEqual(after);
      expect(await auditLedger(table)).toMatchObject({
        balanced: true,
        open_holds: 0,
        in_motion: 0,
        differences: [],
      });

      expect(after.length).toBe(before.size + held.length - standing.length);
      for (const [id, hold] of held) {
        const ofHold = after.filter((charge) => charge.id === id);
        expect(ofHold).toHaveLength(1);
        if (before.has(holdId(id))) expect(ofHold[0]).toEqual(before.get(holdId(id)));
        else
          expect(ofHold[0]).toMatchObject({
            at: hold.at,
            outcome: 'presumed_spent',
            used: { u: hold.i.pu, t: hold.i.tk },
          });
      }
      checkSettled(after, calls, await leaves());
    } finally {
      api.close();
    }
  });
});

/** The n-th call of a kill is the same in every run with this seed, whoever makes it. */
const diceOf = (kill: number, call: number): Dice =>
  new Dice(new SeededIds(seed * 1_000_000 + kill * 1_000 + call));

/** Caps, and a key that may name the user of each call: all of it is in the books from the first kill on. */
async function setUp(environment: Environment): Promise<string> {
  const server = await startServer(environment);
  const admin = adminOf(server);
  for (const [user, caps] of Object.entries(CAPS)) {
    for (const [id, cap] of Object.entries(caps))
      await admin.putCap(id, { scope: { type: 'user', id: user }, ...cap });
  }
  const { key } = await admin.createKey({ app: 'web', team: 'growth', scopes: ['call', 'delegate'] });
  server.terminate();
  expect((await server.ended).code).toBe(0);
  return key;
}

/** The bills are read first: whatever is billed later was held before. */
async function checkBooks(admin: Admin, calls: readonly Call[], latest: readonly Call[]): Promise<void> {
  const bills = billsOfCalls(readBills(log), calls);
  await expectCovered(admin, CAPS, bills);
  expect(await admin.audit()).toMatchObject({ balanced: true, in_motion: 0, differences: [] });
  const usage = await admin.usage(latest[0]?.madeAt ?? new Date().toISOString());
  expect(new Set(usage.map(({ request_id }) => request_id)).size).toBe(usage.length);
  const charges = usage.map(({ tags, outcome, cost_usd }) => ({
    tag: tags['call']!,
    outcome,
    picoUsd: pico(cost_usd),
  }));
  expectChargedOnce(latest, bills, charges);
}

/** A client that repeats its call with its idempotency key after the crash: the provider's log must not show it twice. */
async function retry(callers: Callers, latest: readonly Call[]): Promise<void> {
  const keyed = latest.filter(({ idempotencyKey }) => idempotencyKey !== undefined);
  const endedAs = (end: string) => keyed.filter(({ attempts }) => nameOfEnd(attempts[0]!) === end);
  const cut = endedAs('cut')
    .slice(0, 2)
    .map(async (call) => {
      const { status, text } = await callers.attempt(call);
      if (status === 409) expect(text).toMatch(/"(in_flight|already_charged)"/);
      else expect([200, 429, 500]).toContain(status);
    });
  const complete = endedAs('complete')
    .slice(0, 1)
    .map(async (call) => {
      // It was stored before it was charged, so whoever saw its end gets it again.
      const { status, text } = await callers.attempt(call);
      expect({ status, text }).toEqual({ status: 200, text: call.attempts[0]!.text });
    });
  await Promise.all([...cut, ...complete]);
}

/** Nothing is held any more: provider's truth <= settled <= limit. */
function checkSettled(charges: readonly Charge[], calls: readonly Call[], leaves: readonly Leaf[]): void {
  const bills = billsOfCalls(readBills(log), calls);
  const charged = charges.map(({ info, outcome, used }) => ({
    tag: info.tg!['call']!,
    outcome,
    picoUsd: used.u,
  }));
  expectChargedOnce(calls, bills, charged);
  const tagsCharged = new Set(charged.filter(({ outcome }) => outcome !== 'voided').map(({ tag }) => tag));
  expect(bills.filter(({ tag }) => !tagsCharged.has(tag))).toEqual([]);
  for (const [user, caps] of Object.entries(CAPS)) {
    const { a: accounts } = leaves.find(({ pk }) => pk === `L#user:${user}`)!;
    const own = bills.filter(({ call }) => call.user === user);
    for (const [id, { metric }] of Object.entries(caps)) {
      const { f, s, l } = accounts[id]!;
      expect(f + s, id).toBe(l);
      expect(s, id).toBeLessThanOrEqual(l);
      const truth = truthOf(metric, own);
      const settled = metric === 'usd' ? s : pico(s.toString());
      if (truth !== undefined) expect(settled, id).toBeGreaterThanOrEqual(truth);
    }
  }
  const minutes = grouped(
    charges.filter(({ info, outcome }) => info.us === 'cyd' && outcome !== 'voided'),
    ({ info }) => info.ts / 60_000n,
  );
  for (const ofMinute of minutes.values())
    expect(ofMinute.length).toBeLessThanOrEqual(Number(CAPS['cyd']!['cyd-requests']!.limit));
}
