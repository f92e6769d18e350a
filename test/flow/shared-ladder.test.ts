/** From calls of a whole team to mails on the local server: each rung tells finance once, as soon as it is reached. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { PolicyInput } from '../../lambdas/core/policy/policy.ts';
import type { Mail } from '../../local/outbox.ts';
import { startSpendcap, type LocalSpendcap } from '../support/local-spendcap.ts';

/**
 * A body of 100 bytes, charged at its hold since its usage is missing: gpt-4.1 at $2 in and $8 out a million tokens,
 * so 100 x $0.000002 + 1,000 x $0.000008 = $0.0082.
 */
const BODY =
  '{"model":"gpt-4.1","max_tokens":1000,"messages":[{"role":"user","content":"Hi...[[sim no-usage]]"}]}';
/** Twenty such calls. */
const LIMIT = '0.164';
const RUNGS = ['50%', '80%', '95%', '100%'];

const teamCap = (id: string, team: string): NonNullable<PolicyInput['caps']>[number] => ({
  id,
  scope: { type: 'team', id: team },
  metric: 'usd',
  window: 'month',
  limit: LIMIT,
});

let spendcap: LocalSpendcap;
beforeAll(async () => {
  const caps = ['slow', 'fast'].map((team) => teamCap(`${team}-month`, team));
  spendcap = await startSpendcap({ policy: { plans: {}, org: { financeEmail: 'money@example.com' }, caps } });
});
afterAll(() => spendcap.close());

const callOf = async (key: string): Promise<Response> => {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const response = await fetch(`${spendcap.url}/v1/chat/completions`, {
    method: 'POST',
    headers,
    body: BODY,
  });
  await response.text();
  return response;
};
const mailsOf = async (team: string): Promise<Mail[]> => {
  const response = await fetch(`${spendcap.url}/outbox`, { headers: { accept: 'application/json' } });
  const { items } = (await response.json()) as { items: Mail[] };
  return items.filter(({ text }) => text.startsWith(`Team ${team} `));
};
const until = (team: string, count: number): Promise<Mail[]> =>
  vi.waitFor(
    async () => {
      const mails = await mailsOf(team);
      expect(mails).toHaveLength(count);
      return mails;
    },
    { timeout: 10_000, interval: 10 },
  );
const newPeople = (team: string, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => spendcap.newKey({ team, user: `${team}-${i}` })));
const isRung = (mail: Mail, share: string): boolean =>
  mail.subject.includes(share) || mail.text.includes(`${share} warning`);

describe('a team cap of twenty calls', () => {
  test('of five people, one after the other: a mail at 50, 80, 95 and 100 %, never two', async () => {
    const people = await newPeople('slow', 5);
    for (let call = 1; call <= 20; call += 1) {
      const response = await callOf(people[call % people.length]!);
      expect(response.status).toBe(200);
      expect(response.headers.get('x-spendcap-reserved-usd')).toBe('0.0082');
      const reached = [10, 16, 19, 20].filter((calls) => call >= calls).length;
      const mails = await until('slow', reached);
      expect(mails.every((mail, i) => isRung(mail, RUNGS[i]!))).toBe(true);
    }
    const denied = await callOf(people[0]!);
    expect(denied.status).toBe(429);
    const mails = await until('slow', 4);
    expect(mails.map(({ to, subject }) => [to, subject])).toEqual([
      ['money@example.com', 'Spendcap: team slow has used 50% of slow-month (warning at 50%)'],
      ['money@example.com', 'Spendcap: team slow has used 80% of slow-month (warning at 80%)'],
      ['money@example.com', 'Spendcap: team slow is at stage throttled, 95% of slow-month used'],
      ['money@example.com', 'Spendcap: team slow is blocked, 100% of slow-month used'],
    ]);
    expect(mails[1]!.text).toContain('Used      at least $0.1312');
  });

  test('of eight people at once: the same four mails', async () => {
    const people = await newPeople('fast', 8);
    let admitted = 0;
    const work = people.map(async (key) => {
      for (;;) {
        const response = await callOf(key);
        if (response.status === 200) admitted += 1;
        else if (response.headers.get('x-should-retry') === 'false') return;
      }
    });
    await Promise.all(work);
    expect(admitted).toBe(20);
    const mails = await until('fast', 4);
    for (const share of RUNGS)
      expect(
        mails.filter((mail) => isRung(mail, share)),
        share,
      ).not.toEqual([]);
  });
});
