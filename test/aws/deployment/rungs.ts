/** The upper rungs on the deployed functions: throttled and how soon, a cheaper model, refused, and a new window. */
import { epochMs } from '../../../lambdas/core/brands.ts';
import { leafKey } from '../../../lambdas/core/ledger/leaf.ts';
import { Ledger } from '../../../lambdas/core/ledger/ledger.ts';
import { usd } from '../../../lambdas/core/money.ts';
import { systemClock } from '../../../lambdas/runtime/clock.ts';
import { systemIds as ids } from '../../../lambdas/runtime/ids.ts';
import { percentilesOf } from '../../../bench/percentiles.ts';
import { chargeOf, hours, testCall, testCap } from '../../support/worlds.ts';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { same, type Caller } from './calls.ts';
import type { Deployed } from './cdk.ts';
import { onDeployedTable } from './deployed-table.ts';
import { person, until, type Person } from './people.ts';
import type { Mailbox } from './workarounds.ts';

interface Parts {
  clients: Clients;
  stacks: Deployed;
  caller: Caller;
  mails: Mailbox;
}

/** One call of $0.005025 crosses it; another one does not fit, one of the cheaper model does. */
const RUNG = { model: 'gpt-4o', limit: '0.0055', thresholds: { warn: null, throttle: 0.6, block: null } };
const CROSSINGS = 8;
const P95_MS_MAX = 5_000;
const LOOK_EVERY_MS = 20;
const MAIL_SECONDS = 20;
const QUIET_SECONDS = 3;
const AT_ONCE_MIN = 4;
const MONTH_HOURS = 32 * 24;

export async function tellRungs(story: Story, parts: Parts): Promise<void> {
  const { caller, mails } = parts;
  story.step('People climb the ladder');
  let frank: Person | undefined;
  await story.check(
    'a crossed threshold throttles soon, and finance is mailed at once of the first',
    async () => {
      const samples: number[] = [];
      for (let i = 0; i < CROSSINGS; i += 1) {
        frank = await person(caller, `frank-${i}`, RUNG);
        samples.push(await crossing(frank));
      }
      const { p50, p95 } = percentilesOf(samples);
      if (p95 > P95_MS_MAX) throw new Error(`p95 of ${CROSSINGS} crossings: ${Math.round(p95)} ms`);
      const subjects: string[] = [];
      let mail = await mails.next(MAIL_SECONDS);
      while (mail) {
        subjects.push(mail.subject);
        mail = await mails.next(QUIET_SECONDS);
      }
      // Five a minute, and one of them was alice's; the others wait for a round (test/finance/finance-desk.test.ts).
      same(subjects.length >= AT_ONCE_MIN && subjects.length <= CROSSINGS, true);
      same(new Set(subjects).size, subjects.length);
      return `${CROSSINGS} crossings: p50 ${Math.round(p50)} ms, p95 ${Math.round(p95)} ms; ${subjects.length} mails at once`;
    },
  );
  if (!frank) return;
  const { call, stopped } = frank;
  await story.check('what no longer fits goes to the cheaper model, and then to none', async () => {
    const { response } = await call();
    same(response.headers.get('x-spendcap-fallback'), 'gpt-4o-mini');
    same(response.headers.get('x-spendcap-cost-usd'), '0.0003015');
    same(response.headers.get('x-spendcap-stage'), 'throttled');
    const { code, message } = await stopped();
    same(code, 'insufficient_quota');
    return message;
  });
  await story.check('who had spent all of last month begins this one with nothing spent', async () => {
    const gina = await person(caller, 'gina', { window: 'month', limit: '0.006' });
    await spentLastMonth(parts, gina.user, '0.006');
    const { response } = await gina.call();
    same(response.headers.get('x-spendcap-stage'), 'normal');
    same(response.headers.get('x-spendcap-cap-remaining'), '0.00198');
    return '$0.00198 left';
  });
}

/** Milliseconds from the answer that crosses until the stage is seen. */
async function crossing({ call, stage }: Person): Promise<number> {
  await call();
  const crossedAt = performance.now();
  await until('throttled', stage, LOOK_EVERY_MS);
  return performance.now() - crossedAt;
}

/** Written by the code of the gateway, with its clock in the past. */
async function spentLastMonth({ clients, stacks }: Parts, user: string, amount: string): Promise<void> {
  const clock = { ...systemClock, now: () => epochMs(systemClock.now() - hours(MONTH_HOURS)) };
  const cap = testCap(`${user}-life`, 'usd', 'month', usd(amount), {
    scope: { type: 'user', id: user },
    thresholds: { warn: [], throttle: null, block: null },
  });
  const leaf = leafKey({ type: 'user', id: user });
  const spent = testCall([cap], ids, { picoUsd: usd(amount), id: `last-month-${user}` });
  await onDeployedTable({ endpoint: clients.endpoint, stacks, clock }, async (table) => {
    const ledger = new Ledger({ table, clock, ids });
    const outcome = await ledger.reserve({ ...spent, leaf, info: { ...spent.info, us: user } });
    if (outcome.kind !== 'held') throw new Error(`not held: ${outcome.kind}`);
    await ledger.finish(chargeOf(outcome.call, usd(amount)), leaf);
  });
}
