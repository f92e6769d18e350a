/** Decisions: one a request, whatever dies in between and however many people decide at once. */
import { describe, expect, it, vi } from 'vitest';
import { epochMs } from '../../lambdas/core/brands.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import type { Approver } from '../../lambdas/core/grants/same-person.ts';
import type { Verdict } from '../../lambdas/core/grants/grant-desk.ts';
import { capFromInput } from '../../lambdas/core/caps/cap-definition.ts';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import { usd } from '../../lambdas/core/money.ts';
import { TableUnavailable } from '../../lambdas/core/ports.ts';
import { openGateway, userCap } from '../support/gateways.ts';
import { testDesk } from '../support/grant-desk.ts';

const ANN: Approver = { name: 'ann@example.com', keyId: undefined };
const BEN: Approver = { name: 'arn:aws:sts::111122223333:assumed-role/Finance/ben', keyId: undefined };
const DOWN = new TableUnavailable('down');

async function world(window = 'day') {
  const gateway = await openGateway({ caps: { cap: userCap('10', { window }) } });
  const { table, ledger, clock } = gateway;
  const directory = new Directory({ table, clock });
  const { grants, ended } = testDesk({ table, ledger, directory, clock });
  const ask = async (): Promise<string> => {
    const body = JSON.stringify({ cap: 'cap', amount: '5', reason: 'More' });
    return ((await (await gateway.call('/v1/grants', body)).json()) as { id: string }).id;
  };
  const approval = (amount = '5', hours = 3): Verdict => ({
    kind: 'approved',
    amount: usd(amount),
    expiresAt: epochMs(clock.now() + hours * 3_600_000),
  });
  const state = async (id: string) => (await grants.records.get(id))!.state;
  const budget = async () => {
    const { caps } = (await (await gateway.get('/v1/budget')).json()) as {
      caps: { effective_limit: string }[];
    };
    return caps[0]!.effective_limit;
  };
  return { ...gateway, directory, grants, ended, ask, approval, state, budget };
}

describe('a decision', () => {
  it('is one, however many decide at the same moment', async () => {
    const { grants, ask, approval, budget } = await world();
    const id = await ask();
    const outcomes = await Promise.all([
      grants.decide(id, ANN, approval('5')),
      grants.decide(id, BEN, approval('7')),
      grants.decide(id, ANN, { kind: 'denied', reason: 'No' }),
    ]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['decided_before', 'decided_before', 'done']);
    const { decision } = (await grants.records.get(id))!;
    const limits: Record<string, string> = { [ANN.name]: '15.00', [BEN.name]: '17.00' };
    const expected = decision!.kind === 'approved' ? limits[decision!.by] : '10.00';
    expect(await budget()).toBe(expected);
  });

  it('may be repeated by who made it, and changed by nobody', async () => {
    const { grants, ask, approval, budget } = await world();
    const id = await ask();
    const verdict = approval();
    for (let i = 0; i < 3; i += 1) expect((await grants.decide(id, ANN, verdict)).kind).toBe('done');
    expect((await grants.decide(id, ANN, approval('6'))).kind).toBe('decided_before');
    expect((await grants.decide(id, BEN, verdict)).kind).toBe('decided_before');
    expect((await grants.decide(id, ANN, { kind: 'denied', reason: 'No' })).kind).toBe('decided_before');
    expect(await budget()).toBe('15.00');
  });

  it.each(['rolling_24h', 'lifetime', 'month', 'hour'])('raises a cap of the window %s', async (window) => {
    const { grants, ask, approval, budget, clock } = await world(window);
    const id = await ask();
    await clock.pass(1800);
    await grants.decide(id, ANN, approval());
    expect(await budget()).toBe('15.00');
  });

  it('finds a rolling cap in a later bucket, and ends at its own time', async () => {
    const { grants, ask, approval, budget, clock } = await world('rolling_24h');
    const id = await ask();
    await clock.pass(5 * 3600);
    await grants.decide(id, ANN, approval('5', 2));
    expect(await budget()).toBe('15.00');
    await clock.pass(2 * 3600);
    expect(await budget()).toBe('10.00');
  });

  it('is not made where the cap is another one by now', async () => {
    const { grants, ask, approval, directory, state } = await world();
    const id = await ask();
    const month = capFromInput('cap', userCap('10', { window: 'month' }));
    if ('kind' in month) throw new Error(month.message);
    await directory.putCap(month, 'admin');
    expect((await grants.decide(id, ANN, approval())).kind).toBe('cap_gone');
    expect(await state(id)).toBe('requested');
    expect((await grants.decide(id, ANN, { kind: 'denied', reason: 'Gone' })).kind).toBe('done');
  });

  it('is nobody’s on what was never asked', async () => {
    const { grants, approval } = await world();
    expect((await grants.decide('grant_none', ANN, approval())).kind).toBe('unknown');
  });
});

describe('who asked', () => {
  it.each([
    ['alice', undefined],
    ['Alice', undefined],
    ['alice@example.com', undefined],
    ['arn:aws:iam::111122223333:user/alice', undefined],
    ['arn:aws:sts::111122223333:assumed-role/Admin/alice@example.com', undefined],
    ['somebody', 'own'],
  ])('does not decide, as %s with the key %s', async (name, key) => {
    const { grants, ask, approval, state } = await world();
    const id = await ask();
    const keyId = key && (await grants.records.get(id))!.keyId;
    for (const verdict of [approval(), { kind: 'denied' as const, reason: 'No' }])
      expect((await grants.decide(id, { name, keyId }, verdict)).kind).toBe('own_request');
    expect(await state(id)).toBe('requested');
  });
});

describe('what is cut off', () => {
  it('before the limit is raised, goes on with a repeat; until then it is only asked for', async () => {
    const { grants, ledger, ask, approval, state, budget, get } = await world();
    const id = await ask();
    const verdict = approval();
    vi.spyOn(ledger, 'grant').mockRejectedValueOnce(DOWN);
    await expect(grants.decide(id, ANN, verdict)).rejects.toThrow(DOWN);
    expect([await state(id), await budget()]).toEqual(['decided', '10.00']);
    expect(await (await get(`/v1/grants/${id}`)).json()).toMatchObject({
      status: 'requested',
      decided_by: null,
    });
    expect((await grants.decide(id, BEN, { kind: 'denied', reason: 'No' })).kind).toBe('decided_before');
    expect([await state(id), await budget()]).toEqual(['approved', '15.00']);
  });

  it.each(['the limit is raised', 'who asked is told', 'the record is closed'])(
    'before %s, goes on with the next sweep',
    async (step) => {
      const { grants, ledger, ask, approval, state, budget, get } = await world();
      const id = await ask();
      if (step === 'the limit is raised') vi.spyOn(ledger, 'grant').mockRejectedValueOnce(DOWN);
      if (step === 'who asked is told') {
        const change = ledger.leaves.change.bind(ledger.leaves);
        vi.spyOn(ledger.leaves, 'change').mockImplementationOnce(change).mockRejectedValueOnce(DOWN);
      }
      if (step === 'the record is closed') {
        const change = grants.records.change.bind(grants.records);
        vi.spyOn(grants.records, 'change').mockImplementationOnce(change).mockRejectedValueOnce(DOWN);
      }
      await expect(grants.decide(id, ANN, approval())).rejects.toThrow(DOWN);
      expect(await state(id)).toBe('decided');
      expect(await grants.sweep()).toBe(1);
      expect([await state(id), await budget()]).toEqual(['approved', '15.00']);
      expect(await grants.sweep()).toBe(0);
      expect(await (await get(`/v1/grants/${id}`)).json()).toMatchObject({ status: 'approved' });
    },
  );

  it('comes too late for a window that is over, and raises nothing', async () => {
    const { grants, ledger, ask, approval, state, budget, clock } = await world();
    const id = await ask();
    vi.spyOn(ledger, 'grant').mockRejectedValueOnce(DOWN);
    await expect(grants.decide(id, ANN, approval('5', 30))).rejects.toThrow(DOWN);
    await clock.pass(13 * 3600);
    await grants.sweep();
    expect([await state(id), await budget()]).toEqual(['approved', '10.00']);
  });
});

describe('silence', () => {
  it('is swept into the record, and ends what waits for it', async () => {
    const { grants, ask, clock, state, ended } = await world();
    const id = await ask();
    const grant = (await grants.records.get(id))!;
    await grants.records.change(grant, { ...grant, taskToken: 'token' });
    expect(await grants.sweep()).toBe(0);
    await clock.pass(12 * 3600);
    expect(await grants.sweep()).toBe(1);
    expect(await state(id)).toBe('expired');
    expect(ended).toEqual([{ token: 'token', output: { status: 'expired' } }]);
    expect((await grants.records.list('expired', 10)).items.map((one) => one.id)).toEqual([id]);
  });

  it('does not overwrite what was asked for since', async () => {
    const { grants, ask, clock, ledger } = await world('lifetime');
    await ask();
    await clock.pass(72 * 3600);
    const second = await ask();
    await grants.sweep();
    const leaf = await ledger.leaves.read(leafKey({ type: 'user', id: 'alice' }));
    expect(leaf!.n).toMatchObject({ cap: { i: second, s: 'requested' } });
    expect((await grants.records.list('requested', 10)).items.map(({ id }) => id)).toEqual([second]);
  });
});
