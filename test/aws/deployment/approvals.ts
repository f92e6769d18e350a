/** Somebody is stopped by a cap and asks for more: the mail, its link and the page, on the deployed functions. */
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { ListExecutionsCommand, ListStateMachinesCommand } from '@aws-sdk/client-sfn';
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
import { person, until, type Person } from './people.ts';
import type { Mailbox } from './workarounds.ts';

interface Parts {
  clients: Clients;
  stacks: Deployed;
  caller: Caller;
  mails: Mailbox;
}

const FINANCE = 'finance@example.com';
const MAIL_SECONDS = 20;
const QUIET_SECONDS = 3;
const WAIT_HOURS = 72;
/** What is left of the time to answer when a request of three days ago is written. */
const SILENCE_LEFT_MS = 20_000;

export async function tellApprovals(story: Story, parts: Parts): Promise<void> {
  await tellApproval(story, parts);
  await tellDenial(story, parts);
  await tellSilence(story, parts);
  await story.check('each execution that waited has ended well', async () => {
    const { machines } = parts.clients;
    const { stateMachines = [] } = await machines.send(new ListStateMachinesCommand({}));
    const { stateMachineArn } = stateMachines.find(({ name }) => name === `spendcap-${STAGE}-approval`)!;
    return until('SUCCEEDED,SUCCEEDED,SUCCEEDED', async () => {
      const { executions = [] } = await machines.send(new ListExecutionsCommand({ stateMachineArn }));
      return executions.map(({ status }) => status).join();
    });
  });
}

async function tellApproval(story: Story, parts: Parts): Promise<void> {
  story.step('A cap stops somebody, who asks for more: approved');
  const carla = await person(parts.caller, 'carla');
  let asked: Asked | undefined;
  const isMailed = await story.check('finance is mailed once, with one link to the page', async () => {
    await carla.spendAll();
    asked = await mailed(parts, await carla.ask());
    same(await mailAbout(parts.mails, asked.id, QUIET_SECONDS), undefined);
    return asked.subject;
  });
  if (!isMailed || !asked) return;
  const { id, link } = asked;
  await story.check('to open the link shows the request, and changes nothing', async () => {
    for (const method of ['GET', 'HEAD', 'GET']) same((await fetch(link, { method })).status, 200);
    const page = await (await fetch(link)).text();
    for (const words of ['carla asks for $0.01 more', 'The report is due', 'name="not_mine"'])
      if (!page.includes(words)) throw new Error(`the page does not say ${words}`);
    same((await fetch(`${link}x`)).status, 403);
    same((await carla.stopped()).headers.get('x-spendcap-grant'), `${id}; status=requested`);
    return `${page.length} characters`;
  });
  await story.check('its form approves, and the next call passes and says so', async () => {
    const form = { decision: 'approve', amount: '0.01', until: '1h', not_mine: 'yes' };
    const decided = await post(link, form);
    same(decided.status, 303);
    same(decided.headers.get('location'), new URL(link).search);
    const { response } = await carla.call();
    same(response.headers.get('x-spendcap-grant'), `${id}; status=approved`);
    const shown = await (await fetch(link)).text();
    if (!shown.includes(`Approved by ${FINANCE}`)) throw new Error('the page does not say who approved');
    return carla.limit();
  });
  await story.check('sent again it changes nothing, and another decision is refused', async () => {
    const form = { decision: 'approve', amount: '0.01', until: '1h', not_mine: 'yes' };
    same((await post(link, form)).status, 303);
    same((await post(link, { ...form, amount: '500' })).status, 409);
    same((await post(link, { decision: 'deny', reason: 'No' })).status, 409);
    return carla.limit();
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

async function tellSilence(story: Story, parts: Parts): Promise<void> {
  story.step('Somebody asked three days ago, and nobody has answered');
  const elena = await person(parts.caller, 'elena');
  let asked: Asked | undefined;
  const isMailed = await story.check('the mail is there, and its link is good to the end', async () => {
    await elena.spendAll();
    asked = await mailed(parts, await requestedBefore(parts, elena));
    same((await fetch(asked.link)).status, 200);
    return undefined;
  });
  if (!isMailed || !asked) return;
  const { id, link } = asked;
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
      { cap: `${user}-life`, amount: '0.01', reason: 'The report is due' },
    );
  });
  if (asked.kind !== 'requested') throw new Error(asked.kind);
  return asked.grant.id;
}

interface Asked {
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
async function mailed({ mails, stacks, caller }: Parts, id: string): Promise<Asked> {
  const mail = await mailAbout(mails, id, MAIL_SECONDS);
  if (!mail) throw new Error(`no mail about ${id} within ${MAIL_SECONDS} s`);
  const [link, ...others] = mail.text.match(/\bhttps?:\/\/\S+/g) ?? [];
  same(others.length, 0);
  const page = `https://${stacks.apiId}.execute-api.${REGION}.amazonaws.com/${STAGE}/approve`;
  const { origin, pathname, search } = new URL(link!);
  same(`${origin}${pathname}`, page);
  return { id, subject: mail.subject, link: `${caller.url}/approve${search}` };
}

const post = (link: string, form: Record<string, string>): Promise<Response> =>
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
