/** Somebody is stopped by a cap, asks for more, and is denied it or hears nothing, on the deployed functions. */
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { epochMs } from '../../../lambdas/core/brands.ts';
import { Directory } from '../../../lambdas/core/directory/directory.ts';
import { GrantRequests } from '../../../lambdas/core/grants/grant-requests.ts';
import { Ledger } from '../../../lambdas/core/ledger/ledger.ts';
import { parsePolicy } from '../../../lambdas/core/policy/policy.ts';
import { systemClock } from '../../../lambdas/runtime/clock.ts';
import { systemIds as ids } from '../../../lambdas/runtime/ids.ts';
import { hours } from '../../support/worlds.ts';
import { REGION } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import { scheduleOf } from '../scheduler.ts';
import type { Story } from '../story.ts';
import { same, type Caller } from './calls.ts';
import { STAGE, type Deployed } from './cdk.ts';
import { onDeployedTable } from './deployed-table.ts';
import { functionNamed } from './functions.ts';
import { executionsOf } from './machines.ts';
import { person, until, type Person } from './people.ts';
import type { Mailbox } from './workarounds.ts';

interface Parts {
  clients: Clients;
  stacks: Deployed;
  caller: Caller;
  mails: Mailbox;
}

const MAIL_SECONDS = 20;
const WAIT_HOURS = 72;
/** What is left of the time to answer when a request of three days ago is written. */
const SILENCE_LEFT_MS = 20_000;

/** `meanwhile` there is something to wait for. */
export async function tellApprovals(
  story: Story,
  parts: Parts,
  meanwhile: () => Promise<void>,
): Promise<void> {
  await tellDenial(story, parts);
  await tellSilence(story, parts, meanwhile);
  await story.check('each execution that waited has ended well', async () => {
    return until('SUCCEEDED,SUCCEEDED,SUCCEEDED', async () => {
      const executions = await executionsOf(parts.clients, 'approval');
      return executions.map(({ status }) => status).join();
    });
  });
}

async function tellDenial(story: Story, parts: Parts): Promise<void> {
  story.step('Somebody asks for more: denied');
  const dario = await person(parts.caller, 'dario');
  await story.check('the one who asked hears that, and why', async () => {
    await dario.spendAll();
    const { id, link } = await mailed(parts, await dario.ask());
    same((await post(link, { decision: 'deny', reason: 'Not this month' })).status, 303);
    const refusal = await dario.stopped();
    same(refusal.headers.get('x-spendcap-grant'), `${id}; status=denied`);
    const grant = await dario.grant(id);
    same(`${grant.status} ${grant.denial_reason}`, 'denied Not this month');
    return refusal.message;
  });
}

async function tellSilence(story: Story, parts: Parts, meanwhile: () => Promise<void>): Promise<void> {
  story.step('Somebody asked three days ago, and nobody has answered');
  const elena = await person(parts.caller, 'elena');
  let asked: Asked | undefined;
  const isMailed = await story.check('the mail is there, and its link is good to the end', async () => {
    await elena.spendAll();
    asked = await mailed(parts, await requestedBefore(parts, elena));
    same((await fetch(asked.link)).status, 200);
    return undefined;
  });
  await meanwhile();
  if (!isMailed || !asked) return;
  const { id, link } = asked;
  story.step('Their time to answer is over');
  await story.check('then the link is over, and the sweep of the schedule ends the request', async () => {
    await until('410', async () => String((await fetch(link)).status));
    const form = { decision: 'approve', amount: '0.01', until: '1h', not_mine: 'yes' };
    same((await post(link, form)).status, 410);
    // The link counts in whole seconds, and is over a little before the request is.
    await until('1', async () => String((await sweep(parts)).closed));
    same((await elena.stopped()).headers.get('x-spendcap-grant'), `${id}; status=expired`);
    same((await elena.grant(id)).status, 'expired');
    return undefined;
  });
}

/** Written by the code of the gateway, with its clock in the past. */
async function requestedBefore({ clients, stacks }: Parts, { user, keyId }: Person): Promise<string> {
  const clock = {
    ...systemClock,
    now: () => epochMs(systemClock.now() - hours(WAIT_HOURS) + SILENCE_LEFT_MS),
  };
  const asked = await onDeployedTable({ endpoint: clients.endpoint, stacks, clock }, async (table) => {
    const books = {
      table,
      ledger: new Ledger({ table, clock, ids }),
      directory: new Directory({ table, clock }),
    };
    const requests = new GrantRequests({ ...books, clock, ids, policy: parsePolicy({}) });
    return requests.request(
      {
        ...{
          keyId,
          user,
          principal: { type: 'user', id: user },
          app: 'shop',
          team: 'web',
          feature: 'default',
        },
        ...{ tags: {}, clampAllowed: true, fallbackAllowed: true },
        ...{ idempotencyKey: undefined, mayBeRepeat: false },
      },
      { cap: `${user}-cap`, amount: '0.01', reason: 'The report is due' },
    );
  });
  if (asked.kind !== 'requested') throw new Error(asked.kind);
  return asked.grant.id;
}

export interface Asked {
  id: string;
  subject: string;
  link: string;
}

/** Others of finance's mails may come in between. */
async function mailAbout(mails: Mailbox, id: string, seconds: number): ReturnType<Mailbox['next']> {
  for (;;) {
    const mail = await mails.next(seconds);
    if (!mail || mail.text.includes(id)) return mail;
  }
}

/** The API's own name leads to AWS; the emulator has it under a path. */
export async function mailed({ mails, stacks, caller }: Parts, id: string): Promise<Asked> {
  const mail = await mailAbout(mails, id, MAIL_SECONDS);
  if (!mail) throw new Error(`no mail about ${id} within ${MAIL_SECONDS} s`);
  const [link, ...others] = mail.text.match(/\bhttps?:\/\/\S+/g) ?? [];
  same(others.length, 0);
  const page = `https://${stacks.apiId}.execute-api.${REGION}.amazonaws.com/${STAGE}/approve`;
  const { origin, pathname, search } = new URL(link!);
  same(`${origin}${pathname}`, page);
  return { id, subject: mail.subject, link: `${caller.url}/approve${search}` };
}

export const post = (link: string, form: Record<string, string>): Promise<Response> =>
  fetch(link, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });

/** As the deployed schedule invokes it. */
async function sweep({ clients }: Parts): Promise<{ closed: number }> {
  const FunctionName = await functionNamed(clients, 'ApprovalsFunction');
  const { expression, input } = await scheduleOf(clients, FunctionName);
  same(expression, 'rate(1 hour)');
  const { Payload, FunctionError } = await clients.lambda.send(
    new InvokeCommand({ FunctionName, Payload: Buffer.from(input!) }),
  );
  same(FunctionError, undefined);
  return JSON.parse(Buffer.from(Payload!).toString()) as { closed: number };
}
