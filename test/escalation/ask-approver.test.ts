/** Asking the approver: one mail a request, whatever is repeated, and none that comes too late. */
import { describe, expect, it } from 'vitest';
import { ApprovalLinks } from '../../lambdas/adapters/approval-link/approval-links.ts';
import { createAskApprover } from '../../lambdas/ask-approver/ask-approver.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import { grantEvent } from '../../lambdas/core/grants/grant-events.ts';
import type { Mail } from '../../lambdas/core/ports.ts';
import { openGateway, userCap } from '../support/gateways.ts';
import { testDesk } from '../support/grant-desk.ts';

const FINANCE = 'finance@example.com';

async function world({ mailFails = 0 } = {}) {
  const gateway = await openGateway({ caps: { cap: userCap('10', { window: 'lifetime' }) } });
  const { table, ledger, clock } = gateway;
  const directory = new Directory({ table, clock });
  const { grants, ended, waiting } = testDesk({ table, ledger, directory, clock });
  const links = new ApprovalLinks({ secret: async () => 'a secret of more than thirty-two characters' });
  const mails: Mail[] = [];
  const started: string[] = [];
  let failures = mailFails;
  const run = createAskApprover({
    ...{ grants, ledger, directory, clock, links, waiting, approver: FINANCE },
    url: () => 'https://llm.example.com/prod',
    mail: {
      send: async (mail) => {
        if (failures-- > 0) throw new Error('the topic is away');
        mails.push(mail);
      },
    },
    start: async (name) => void started.push(name),
  });
  const body = JSON.stringify({ cap: 'cap', amount: '5', reason: 'More' });
  const { id } = (await (await gateway.call('/v1/grants', body)).json()) as { id: string };
  const ask = (task_token: string) => run({ action: 'ask', grant: id, task_token });
  return { id, clock, grants, ended, links, mails, started, run, ask };
}

describe('a request', () => {
  it('starts an execution under the event’s id', async () => {
    const { id, grants, run, started } = await world();
    const event = (await grantEvent(undefined, (await grants.records.get(id))!))!;
    const fromRule = { version: '0', source: 'spendcap', 'detail-type': event.type, detail: event.detail };
    expect(await run(fromRule)).toEqual({ started: event.detail.id });
    expect(started).toEqual([event.detail.id]);
  });

  it('is mailed once, with a link to the page that decides in the approver’s name', async () => {
    const { id, clock, links, mails, ended, ask } = await world();
    expect(await ask('token-1')).toEqual({ asked: true });
    expect(await ask('token-2')).toEqual({ asked: true });
    expect(mails).toHaveLength(1);
    const [, token] = /https:\/\/llm\.example\.com\/prod\/approve\?token=(\S+)/.exec(mails[0]!.text)!;
    expect(await links.read(token!, clock.now())).toEqual({
      kind: 'valid',
      link: { grant: id, recipient: FINANCE },
    });
    expect(ended).toEqual([]);
  });

  it('lets the newest execution go on that waits for it', async () => {
    const { id, grants, ended, ask } = await world();
    await ask('token-1');
    await ask('token-2');
    await grants.decide(id, { name: FINANCE, keyId: undefined }, { kind: 'denied', reason: 'No' });
    expect(ended).toEqual([{ token: 'token-2', output: { status: 'denied' } }]);
  });

  it('is mailed by the repeat where the first try failed', async () => {
    const { mails, ask } = await world({ mailFails: 1 });
    await expect(ask('token-1')).rejects.toThrow('the topic is away');
    expect(await ask('token-2')).toEqual({ asked: true });
    expect(mails).toHaveLength(1);
  });

  it('is over, and nobody is mailed, where its time has passed before anybody was asked', async () => {
    const { id, clock, grants, mails, ended, ask } = await world();
    await clock.pass(72 * 3600);
    expect(await ask('token-1')).toEqual({ asked: false });
    expect(mails).toEqual([]);
    expect(ended).toEqual([{ token: 'token-1', output: { status: 'expired' } }]);
    expect((await grants.records.get(id))?.state).toBe('expired');
  });

  it('that is decided already ends the wait at once', async () => {
    const { id, grants, mails, ended, ask } = await world();
    await grants.decide(id, { name: 'ann', keyId: undefined }, { kind: 'denied', reason: 'No' });
    expect(await ask('token-1')).toEqual({ asked: false });
    expect([mails, ended]).toEqual([[], [{ token: 'token-1', output: { status: 'denied' } }]]);
  });
});

describe('the sweep', () => {
  it('ends what nobody answered, and lets its execution go on', async () => {
    const { id, clock, grants, ended, run, ask } = await world();
    await ask('token-1');
    expect(await run({ action: 'sweep' })).toEqual({ closed: 0 });
    await clock.pass(72 * 3600);
    expect(await run({ action: 'sweep' })).toEqual({ closed: 1 });
    expect(ended).toEqual([{ token: 'token-1', output: { status: 'expired' } }]);
    expect(await run({ action: 'close', grant: id })).toEqual({ status: 'expired' });
    expect((await grants.records.get(id))?.state).toBe('expired');
  });
});

it('what it does not know is refused', async () => {
  const { run } = await world();
  await expect(run({ action: 'approve' })).rejects.toThrow();
});
