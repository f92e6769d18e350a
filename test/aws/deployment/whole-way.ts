/**
 * One user the whole way up and down, with the official SDK against the deployed stacks: normal, warned, throttled, a cheaper
 * model, blocked, asks, approved, more than the limit, and a new window. What each answer says, what finance is mailed, what
 * stands in the books. The gateway's clock is moved; all else has its own. The same as test/e2e/story.test.ts, deployed.
 */
import { HOUR, MINUTE } from '../../../lambdas/core/time.ts';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { mailed, post, type Asked } from './approvals.ts';
import { same, type Caller } from './calls.ts';
import type { Deployed } from './cdk.ts';
import type { Finance } from './finance.ts';
import { executionsOf } from './machines.ts';
import { withMovedClock, type MovedClock } from './moved-clock.ts';
import { person, until, type Person } from './people.ts';
import { STEEP } from './policy.ts';
import { quietMonth } from './quiet-month.ts';
import type { Mailbox } from './workarounds.ts';

interface Parts {
  clients: Clients;
  finance: Finance;
  stacks: Deployed;
  caller: Caller;
  mails: Mailbox;
}

/** Three calls of gpt-4o, $0.005025 each, reach the rung `throttle`; two of gpt-4o-mini, $0.0003015 each, the end. */
const CLIMB = {
  ...{ model: 'gpt-4o', limit: '0.0159', ladder: STEEP },
  thresholds: { warn: [0.5], throttle: 0.9, block: 0.975 },
};
const FINANCE = 'finance@example.com';
const MONTH = 32 * 24 * HOUR;

/** What the bus has told of it, as `linesOf` writes it. */
export const CLIMBED = {
  cap: 'erin-cap',
  lines: [
    'CapReached 0.015678',
    'CapThresholdCrossed block 0.975 0.015678',
    'CapThresholdCrossed throttle 0.9 0.015075',
    'CapThresholdCrossed warn 0.5 0.01005',
    'CapThresholdCrossed warn 0.5 0.015678',
    'GrantApproved',
    'GrantRequested 0.015678',
    'StageChanged blocked warned 0.015678',
    'StageChanged normal warned 0.01005',
    'StageChanged throttled blocked 0.015678',
    'StageChanged warned normal 0.00',
    'StageChanged warned throttled 0.015075',
  ],
};

export async function tellWholeWay(story: Story, parts: Parts): Promise<void> {
  story.step(
    'One user goes the whole way: up the ladder, beyond the limit by a grant, and into a new window',
  );
  await withMovedClock(parts.clients, 'Proxy', async (clock) => {
    const erin = await person(parts.caller, 'erin', { ...CLIMB, ...quietMonth(Date.now()) });
    const isUp = await up(story, { erin, clock });
    const asked = isUp && (await ask(story, parts, erin));
    if (asked) await beyond(story, parts, { erin, clock, asked });
  });
}

interface Climb {
  erin: Person;
  clock: MovedClock;
}

async function up(story: Story, { erin, clock }: Climb): Promise<boolean> {
  await story.check('normal, until a call crosses half of the cap: its own answer says warned', async () => {
    same(await answerOf(erin), 'normal, $0.005025, $0.010875 left');
    const crossing = await answerOf(erin);
    same(crossing, 'warned, $0.005025, $0.00585 left');
    return crossing;
  });
  // Of a minute that has just begun, so that none ends between two calls.
  const minute = MINUTE - (Date.now() % MINUTE);
  await story.check('throttled: to the cheaper model, and once a minute', async () => {
    clock.ahead(minute);
    await erin.call();
    await until('throttled', erin.stage);
    const cheaper = await answerOf(erin);
    same(cheaper, 'throttled, $0.0003015, $0.0005235 left, gpt-4o-mini');
    const tooSoon = await erin.stopped();
    same(`${tooSoon.code} ${reasonOf(tooSoon)}`, 'rate_limit_exceeded throttled');
    same(Number(tooSoon.headers.get('retry-after')) > 0, true);
    return cheaper;
  });
  return story.check('blocked: refused for good, and what would still fit too', async () => {
    clock.ahead(minute + MINUTE);
    same(await answerOf(erin), 'blocked, $0.0003015, $0.000222 left, gpt-4o-mini');
    await until('blocked', erin.stage);
    const denied = await erin.stopped();
    same(`${denied.code} ${reasonOf(denied)}`, 'insufficient_quota cap_reached');
    same(denied.headers.get('x-should-retry'), 'false');
    const small = await erin.stopped({ model: 'gpt-4o-mini', outputTokens: 100 });
    same(`${small.code} ${reasonOf(small)}`, 'insufficient_quota blocked');
    return small.message;
  });
}

async function ask(story: Story, parts: Parts, erin: Person): Promise<Asked | undefined> {
  let asked: Asked | undefined;
  await story.check(
    'finance was mailed each rung once, and then who asks for more, with one link',
    async () => {
      const subjects: string[] = [];
      for (let i = 0; i < 4; i += 1) subjects.push((await parts.finance.next()).subject);
      same(subjects.sort().join('\n'), RUNG_MAILS.join('\n'));
      asked = await mailed(parts, await erin.ask());
      same(asked.subject, `Spendcap: erin asks for $0.01 more on ${erin.cap}`);
      return `${subjects.length + 1} mails`;
    },
  );
  if (!asked) return undefined;
  const { id, link } = asked;
  const isUnchanged = await story.check(
    'to open the link shows the request, and changes nothing',
    async () => {
      for (const method of ['GET', 'HEAD', 'GET']) same((await fetch(link, { method })).status, 200);
      const page = await (await fetch(link)).text();
      for (const words of ['erin asks for $0.01 more', 'The report is due', 'name="not_mine"'])
        if (!page.includes(words)) throw new Error(`the page does not say ${words}`);
      same((await fetch(`${link}x`)).status, 403);
      same((await erin.stopped()).headers.get('x-spendcap-grant'), `${id}; status=requested`);
      return `${page.length} characters`;
    },
  );
  return isUnchanged ? asked : undefined;
}

/** One of the application that called first, whose last call crossed two thresholds. */
const RUNG_MAILS = [
  'Spendcap: alice has used 82.2% of alice-month (warning at 80%)',
  'Spendcap: erin has used 63.2% of erin-cap (warning at 50%)',
  'Spendcap: erin is at stage throttled, 94.8% of erin-cap used',
  'Spendcap: erin is blocked, 98.6% of erin-cap used',
];

async function beyond(
  story: Story,
  parts: Parts,
  { erin, clock, asked: { id, link } }: Climb & { asked: Asked },
): Promise<void> {
  const form = { decision: 'approve', amount: '0.01', until: 'window', not_mine: 'yes' };
  await story.check('its form approves', async () => {
    const decided = await post(link, form);
    same(decided.status, 303);
    same(decided.headers.get('location'), new URL(link).search);
    return form.amount;
  });
  // What was spent is more than half of the raised limit, too; told of before the next call, so that its amount is known.
  await story.check('half of the raised limit is mailed once more', async () => {
    const { subject } = await parts.finance.next();
    same(subject, 'Spendcap: erin has used 60.5% of erin-cap (warning at 50%)');
    return subject;
  });
  await story.check('each crossing had one execution, which ended well', async () => {
    // Two of the application that called first.
    const ended = Array.from({ length: 6 }, () => 'SUCCEEDED').join();
    await until(ended, async () =>
      (await executionsOf(parts.clients, 'escalation')).map(({ status }) => status).join(),
    );
    const names = (await executionsOf(parts.clients, 'escalation')).map(({ name }) => name!);
    same(names.filter((name) => name.length > 80).length, 0);
    return `${names.length} executions`;
  });
  await story.check('the next call passes, says so and is beyond the limit', async () => {
    same(await answerOf(erin), `warned, $0.005025, $0.005197 left, ${id}; status=approved`);
    const shown = await (await fetch(link)).text();
    if (!shown.includes(`Approved by ${FINANCE}`)) throw new Error('the page does not say who approved');
    return budgetOf(erin, '$0.020703 of $0.0259, warned');
  });
  await story.check('sent again it changes nothing, and another decision is refused', async () => {
    same((await post(link, form)).status, 303);
    same((await post(link, { ...form, amount: '500' })).status, 409);
    same((await post(link, { decision: 'deny', reason: 'No' })).status, 409);
    return budgetOf(erin, '$0.020703 of $0.0259, warned');
  });
  await story.check('nothing else is mailed', async () => {
    await parts.finance.quiet();
    return 'no mail';
  });
  await story.check('the next month begins with nothing spent, and without the grant', async () => {
    clock.ahead(MONTH);
    same(await answerOf(erin), 'normal, $0.005025, $0.010875 left');
    return budgetOf(erin, '$0.005025 of $0.0159, normal');
  });
  await story.check('so it stands in the books, a charge a call', async () => {
    const { caller } = parts;
    same((await chargesOf(caller, erin.user, Date.now())).join('\n'), CHARGES.join('\n'));
    same((await chargesOf(caller, erin.user, Date.now() + MONTH)).join('\n'), AS_ASKED);
    return `${CHARGES.length + 1} charges`;
  });
}

const AS_ASKED = 'gpt-4o, settled 0.005025';
const BY_ANOTHER = 'gpt-4o, by gpt-4o-mini, settled 0.0003015';
const CHARGES = [AS_ASKED, AS_ASKED, AS_ASKED, BY_ANOTHER, BY_ANOTHER, AS_ASKED];

/** Stage, cost, what is left, and where there is one the other model and the grant. */
async function answerOf({ call, cap }: Person): Promise<string> {
  const { response } = await call();
  const header = (name: string): string | null => response.headers.get(`x-spendcap-${name}`);
  same(header('cap'), cap);
  return [
    ...[header('stage'), `$${header('cost-usd')}`, `$${header('cap-remaining')} left`],
    ...[header('fallback'), header('grant')].filter((told) => told !== null),
  ].join(', ');
}

const reasonOf = ({ error }: { error: unknown }): string =>
  (error as { limit: { reason: string } }).limit.reason;

async function budgetOf({ budget }: Person, expected: string): Promise<string> {
  const { settled, effective_limit: limit, stage } = await budget();
  same(`$${settled} of $${limit}, ${stage}`, expected);
  return expected;
}

/** Of an hour before and after, oldest first. */
async function chargesOf({ admin }: Caller, user: string, at: number): Promise<string[]> {
  type Charge = Record<'model_requested' | 'fallback' | 'outcome' | 'cost_usd', string | null>;
  const [from, to] = [at - HOUR, at + HOUR].map((ms) => new Date(ms).toISOString());
  const { items } = await admin.ask<{ items: Charge[] }>('GET', `/usage?user=${user}&from=${from}&to=${to}`);
  return items
    .map((charge) =>
      [
        charge.model_requested,
        ...(charge.fallback === null ? [] : [`by ${charge.fallback}`]),
        `${charge.outcome} ${charge.cost_usd}`,
      ].join(', '),
    )
    .reverse();
}
