/** The admin API, the approval page and the collector as functions. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createHandler as createAdminHandler } from '../../lambdas/admin/handler.ts';
import { createHandler as createApproveHandler } from '../../lambdas/approve/handler.ts';
import { ApprovalLinks } from '../../lambdas/adapters/approval-link/approval-links.ts';
import { createHandler as createCollectHandler } from '../../lambdas/collect/handler.ts';
import { leafKey, leafToItem } from '../../lambdas/core/ledger/leaf.ts';
import { TableUnavailable } from '../../lambdas/core/ports.ts';
import { contextOf, openLambdaWorld, restEvent, type LambdaWorld } from './lambda-world.ts';
import { noDeadLetters } from '../support/no-dead-letters.ts';
import { noWebhooks } from '../support/no-webhooks.ts';
import { testDesk } from '../support/grant-desk.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { testOffice } from '../support/price-office.ts';

let world: LambdaWorld;
const lines: Record<string, unknown>[] = [];
const log = (line: Record<string, unknown>): void => void lines.push(line);
beforeAll(async () => {
  world = await openLambdaWorld();
});
afterAll(() => world.close());
beforeEach(() => {
  lines.length = 0;
});

const ADMIN = 'arn:aws:iam::111122223333:user/ann';
const admin = () => {
  const { office, mail } = testOffice(world.books);
  const { grants } = testDesk(world.books);
  return createAdminHandler({
    admin: () => ({
      ...world.books,
      office,
      grants,
      mail,
      deadLetters: noDeadLetters,
      testWebhook: noWebhooks,
      ladders: ['default'],
      keyEnvironment: 'live',
      org: parsePolicy({}).org,
    }),
    log,
  });
};

describe('the admin API', () => {
  it('serves whom IAM vouches for, and logs who it was', async () => {
    const event = restEvent({ method: 'GET', path: '/admin/v1/caps', userArn: ADMIN });
    const answer = await admin()(event);
    expect(answer?.statusCode).toBe(200);
    expect(answer?.body).toContain('alice-life');
    expect(lines).toMatchObject([{ kind: 'admin', caller: ADMIN, status: 200, Calls: 1 }]);
  });

  it('refuses an event in which IAM names nobody, whatever its headers say', async () => {
    const headers = { authorization: `Bearer ${world.key}`, 'x-amzn-user-arn': ADMIN, userArn: ADMIN };
    const answer = await admin()(restEvent({ method: 'GET', path: '/admin/v1/caps', headers }));
    expect(answer?.statusCode).toBe(401);
  });

  it('makes keys for its environment', async () => {
    const event = restEvent({
      path: '/admin/v1/keys',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ app: 'web', team: 'growth', scopes: ['call'] }),
      userArn: ADMIN,
    });
    const answer = await admin()(event);
    expect(answer?.statusCode).toBe(201);
    expect(answer?.body).toContain('"sck_live_');
    expect(JSON.stringify(lines)).not.toContain('sck_live_');
  });

  it('counts each bill that is compared, and each that is not what was charged', async () => {
    const compare = (billed_usd: string) =>
      admin()(
        restEvent({
          path: '/admin/v1/reconciliations',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            ...{ provider: 'openai', from: '2026-11-01', to: '2026-11-02', tolerance_percent: '1' },
            lines: [{ day: '2026-11-01', name: 'gpt-4.1', billed_usd, tokens: null, calls: null }],
          }),
          userArn: ADMIN,
        }),
      );
    await compare('0');
    expect((await compare('0.01'))?.body).toContain('"mailed":true');
    expect(lines.filter(({ kind }) => kind === 'reconciled')).toMatchObject([
      { Service: 'admin', provider: 'openai', from: '2026-11-01', BillsDrifted: 0 },
      { Service: 'admin', BillsDrifted: 1 },
    ]);
  });

  it('answers and reports a failure of ours', async () => {
    const broken = createAdminHandler({
      admin: () => {
        throw new Error('TABLE_NAME is missing');
      },
      log,
    });
    const answer = await broken(restEvent({ method: 'GET', path: '/admin/v1/caps', userArn: ADMIN }));
    expect(answer).toMatchObject({
      statusCode: 500,
      headers: { 'content-type': 'application/problem+json' },
    });
    expect(lines.map(({ kind }) => kind)).toEqual(['failed', 'admin']);
  });
});

describe('the approval page', () => {
  const links = new ApprovalLinks({ secret: async () => 'a secret of more than thirty-two characters' });
  const page = () => {
    const { grants } = testDesk(world.books);
    return createApproveHandler({
      approvals: () => ({ ...world.books, grants, links, org: 'Example' }),
      log,
    });
  };
  const event = (method: string, token: string, form?: Record<string, string>) =>
    restEvent({
      ...{ method, path: '/approve', query: { token: [token] } },
      ...(form && {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form).toString(),
      }),
    });

  it('shows a request, and decides by a form; the token is in no log', async () => {
    const { grants } = world.gateway;
    const alice = {
      ...{ app: 'web', team: 'growth', user: 'alice', feature: 'default', keyId: 'key_x', tags: {} },
      ...{ principal: { type: 'user' as const, id: 'alice' }, idempotencyKey: undefined },
      ...{ clampAllowed: true, fallbackAllowed: true, mayBeRepeat: false },
    };
    const wish = { cap: 'alice-life', amount: '2.00', reason: 'The report is due' };
    const asked = await grants.request(alice, wish);
    if (asked.kind !== 'requested') throw new Error(asked.kind);
    const { id, answerBy } = asked.grant;
    const token = await links.sign({ grant: id, recipient: 'finance@example.com' }, answerBy);
    const handler = page();
    const shown = await handler(event('GET', token));
    expect(shown).toMatchObject({ statusCode: 200, headers: { 'cache-control': 'no-store' } });
    expect(shown?.body).toContain('alice asks for $2.00 more');
    const form = { decision: 'approve', amount: '2.00', until: '24h', not_mine: 'yes' };
    const decided = await handler(event('POST', token, form));
    // Relative, so that the stage in the path and the name of the domain stay as they are.
    expect(decided).toMatchObject({ statusCode: 303, headers: { location: `?token=${token}` } });
    expect((await handler(event('GET', token)))?.body).toContain('Approved by finance@example.com');
    expect(JSON.stringify(lines)).not.toContain(token);
  });

  it('reports a failure of ours, and says that nothing was decided', async () => {
    const broken = createApproveHandler({
      approvals: () => ({
        ...world.books,
        ...{ grants: testDesk(world.books).grants, org: 'Example' },
        links: new ApprovalLinks({ secret: () => Promise.reject(new Error('the secret is away')) }),
      }),
      log,
    });
    const answer = await broken(event('POST', 'x', { decision: 'approve' }));
    expect(answer?.statusCode).toBe(500);
    expect(answer?.body).toContain('Nothing was decided.');
    expect(lines).toMatchObject([{ kind: 'failed', Service: 'approve', Failures: 1 }]);
  });
});

describe('the collector', () => {
  it('says what it did', async () => {
    await createCollectHandler({ books: () => world.books, log })({}, contextOf());
    expect(lines).toMatchObject([
      { kind: 'collected', isComplete: true, HoldsSettled: 0, HoldsPresumedSpent: 0 },
    ]);
  });

  it('stops a minute before the end of its time, and goes on in the next run', async () => {
    const { ledger, table } = world.books;
    for (const id of ['ann', 'ben'])
      await ledger.leaves.change(leafKey({ type: 'user', id }), () => undefined);
    const collect = createCollectHandler({ books: () => world.books, log });
    await collect({}, contextOf(59_000));
    expect(lines).toMatchObject([{ leaves: 1, isComplete: false }]);
    expect((await table.get({ pk: 'COLLECTOR', sk: '-' }))?.['leaf']).toMatch(/^L#user:/);
    await collect({}, contextOf(90_000));
    expect(lines[1]).toMatchObject({ isComplete: true });
  });

  it('fails where a leaf does not balance, after the others are done', async () => {
    const { ledger, table } = world.books;
    const leaf = await ledger.leaves.change(leafKey({ type: 'user', id: 'odd' }), () => undefined);
    const odd = { ...leaf, a: { life: { k: 0n, f: 1n, s: 0n, l: 2n, r: 1n } } };
    await table.put({ item: leafToItem(odd) });
    const collect = createCollectHandler({ books: () => world.books, log });
    await expect(collect({}, contextOf())).rejects.toThrow(/^1 of \d+ leaves: L#user:odd account life/);
    expect(lines).toMatchObject([{ kind: 'collected', isComplete: true }]);
    await table.put({ item: leafToItem(leaf) });
  });

  it('fails where the table cannot be read, so that it is invoked again', async () => {
    const table = Object.assign(Object.create(world.books.table) as typeof world.books.table, {
      get: () => Promise.reject(new TableUnavailable('down')),
    });
    const collect = createCollectHandler({ books: () => ({ ...world.books, table }), log });
    await expect(collect({}, contextOf())).rejects.toThrow(TableUnavailable);
  });
});
