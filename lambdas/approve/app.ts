/**
 * What the link in an approver's mail opens. To look changes nothing, however often scanners and people do; the decision
 * is a form's POST. The link is who you are: it was mailed to one address, and decides in its name.
 */
import { createHash } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ApprovalLink, ApprovalLinks } from '../adapters/approval-link/approval-links.ts';
import { parseInMetric } from '../core/caps/amounts.ts';
import type { Directory } from '../core/directory/directory.ts';
import type { Decided, GrantDesk, Verdict } from '../core/grants/grant-desk.ts';
import type { GrantRecord } from '../core/grants/grant.ts';
import { reasonSchema } from '../core/grants/grant-view.ts';
import { amountHint, amountMax } from '../core/grants/limits.ts';
import { outlookOf } from '../core/grants/outlook.ts';
import { isRequester, type Approver } from '../core/grants/same-person.ts';
import type { Ledger } from '../core/ledger/ledger.ts';
import type { Clock } from '../core/ports.ts';
import { choicesFor } from './choices.ts';
import { plainPage, requestPage, type Filled } from './page.ts';
import { STYLE } from './style.ts';

export interface ApproveDeps {
  grants: GrantDesk;
  ledger: Ledger;
  directory: Directory;
  clock: Clock;
  links: ApprovalLinks;
  /** Name of the organisation. */
  org: string;
  /** Told what is our own fault. */
  report(reason: string): void;
}

export const APPROVE_PATH = '/approve';

const HEADERS = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex',
  'cache-control': 'no-store',
};

type Status = 200 | 403 | 404 | 405 | 409 | 410 | 415 | 422 | 500;

export function createApproveApp(deps: ApproveDeps): Hono {
  const app = new Hono();
  const page = (c: Context, body: ReturnType<typeof plainPage>, status: Status) =>
    c.html(body, status, HEADERS);

  app.onError((error, c) => {
    if (!(error instanceof HTTPException)) deps.report(`${error.name}: ${error.message}`);
    return page(c, plainPage('This did not work', 'Nothing was decided. Try again in a moment.'), 500);
  });
  app.get(APPROVE_PATH, async (c) => {
    const opened = await open(deps, c.req.query('token'));
    if ('status' in opened) return page(c, plainPage(opened.title, opened.text), opened.status);
    return page(c, await show(deps, opened), 200);
  });
  app.post(APPROVE_PATH, async (c) => {
    const opened = await open(deps, c.req.query('token'));
    if ('status' in opened) return page(c, plainPage(opened.title, opened.text), opened.status);
    const site = c.req.header('sec-fetch-site') ?? 'same-origin';
    if (site !== 'same-origin' && site !== 'none')
      return page(
        c,
        await show(deps, opened, { problem: 'This form was sent from another site. Nothing was decided.' }),
        403,
      );
    const form = new URLSearchParams(await c.req.text());
    const given = verdictOf(opened.grant, form, deps.clock.now());
    if ('problem' in given) return page(c, await show(deps, opened, given), 422);
    const decided = await deps.grants.decide(opened.grant.id, opened.approver, given);
    if (decided.kind === 'done' || isSentTwice(decided, opened.approver, given))
      return c.redirect(`?${new URL(c.req.url).searchParams.toString()}`, 303);
    const { status, problem } = refusal(decided);
    return page(
      c,
      await show(deps, { ...opened, ...('grant' in decided && { grant: decided.grant }) }, { problem }),
      status,
    );
  });
  app.notFound((c) => page(c, plainPage('Nothing is here', 'Open the link as it stands in the mail.'), 404));
  return app;
}

/** A second click: the end that was chosen counts from another instant, and nothing else differs. */
function isSentTwice(decided: Decided, { name }: Approver, verdict: Verdict): boolean {
  if (decided.kind !== 'decided_before') return false;
  const { decision } = decided.grant;
  return decision?.kind === 'approved'
    ? verdict.kind === 'approved' && decision.by === name && decision.amount === verdict.amount
    : false;
}

interface Opened {
  link: ApprovalLink;
  grant: GrantRecord;
  approver: Approver;
}

async function open(
  { links, clock, grants }: ApproveDeps,
  token: string | undefined,
): Promise<Opened | { status: Status; title: string; text: string }> {
  const read = await links.read(token ?? '', clock.now());
  if (read.kind === 'expired')
    return {
      status: 410,
      title: 'This link is over',
      text: 'The time to decide has passed, so the request has been decided or has expired. It can be asked for again.',
    };
  const grant = read.kind === 'valid' ? await grants.records.get(read.link.grant) : undefined;
  if (read.kind === 'forged' || !grant)
    return {
      status: 403,
      title: 'This link is not whole',
      text: 'Open it again from the mail, all of it. Nothing was decided.',
    };
  return { link: read.link, grant, approver: { name: read.link.recipient, keyId: undefined } };
}

async function show(
  { ledger, directory, clock, org }: ApproveDeps,
  { link, grant, approver }: Opened,
  more: { problem?: string; filled?: Filled } = {},
): Promise<ReturnType<typeof plainPage>> {
  const now = clock.now();
  const cap = await directory.getCap(grant.cap);
  const isSame = cap?.account === grant.account;
  const outlook = isSame ? await outlookOf(ledger, grant, cap, now) : undefined;
  const mayDecide = !isRequester(approver, grant);
  return requestPage({ org, grant, outlook, recipient: link.recipient, mayDecide, now, ...more });
}

function verdictOf(
  grant: GrantRecord,
  form: URLSearchParams,
  now: ReturnType<Clock['now']>,
): Verdict | { problem: string; filled: Filled } {
  const [amountText, until, denial] = ['amount', 'until', 'reason'].map(
    (name) => form.get(name) ?? undefined,
  );
  const problem = (text: string) => ({ problem: text, filled: { amount: amountText, until, denial } });
  switch (form.get('decision')) {
    case 'deny': {
      const reason = reasonSchema.safeParse(denial);
      return reason.success
        ? { kind: 'denied', reason: reason.data }
        : problem('Say why, in 500 characters at most.');
    }
    case 'approve': {
      if (form.get('not_mine') !== 'yes')
        return problem(`Confirm that you are not ${grant.principal.id}: whoever asks does not approve.`);
      const amount = parseInMetric(grant.metric, amountText?.trim() ?? '');
      if (amount === undefined || amount <= 0n || amount > amountMax(grant.metric))
        return problem(`How much more: ${amountHint(grant.metric)}.`);
      const choice = choicesFor(grant, now).find(({ value }) => value === until);
      return choice
        ? { kind: 'approved', amount, expiresAt: choice.expiresAt }
        : problem('Choose for how long.');
    }
    case null:
    default:
      return problem('Nothing was decided: use one of the two buttons.');
  }
}

function refusal(decided: Exclude<Decided, { kind: 'done' }>): { status: Status; problem: string } {
  switch (decided.kind) {
    case 'own_request':
      return {
        status: 403,
        problem: 'You asked for this yourself: somebody else has to decide. Nothing was decided.',
      };
    case 'decided_before':
      return {
        status: 409,
        problem: 'This was decided before, or its time is over. What you sent changed nothing.',
      };
    case 'cap_gone':
      return { status: 409, problem: 'The cap is gone, so there is nothing to raise. You can still deny.' };
    case 'unknown':
      return { status: 404, problem: 'There is no such request.' };
  }
}
