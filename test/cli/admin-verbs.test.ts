import { afterEach, describe, expect, it } from 'vitest';
import { fakeServer, runCli, type FakeServer, type Ran } from './run-cli.ts';

let server: FakeServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function run(
  answers: Record<string, [status: number, body: unknown]>,
  args: readonly string[],
): Promise<Ran> {
  server = await fakeServer(answers);
  return runCli(args, { env: { SPENDCAP_URL: server.url, SPENDCAP_ADMIN_KEY: 'adm_1' } });
}

const ALICE_MONTH = {
  id: 'alice-month',
  scope: { type: 'user', id: 'alice' },
  metric: 'usd',
  window: 'month',
  limit: '20.00',
  overage: '0.00',
  time_zone: 'UTC',
  anchor_day: 1,
  thresholds: { warn: [0.5, 0.8], throttle: 0.95, block: 1 },
  ladder: 'default',
};
const NO_CAPS: Record<string, [number, unknown]> = {
  'GET /admin/v1/caps': [200, { items: [], next_cursor: null }],
};

describe('cap set', () => {
  it('puts the cap under an id made from scope and window', async () => {
    const { code, stdout, stderr } = await run(
      { ...NO_CAPS, 'PUT /admin/v1/caps/alice-month': [201, ALICE_MONTH] },
      ['cap', 'set', 'user:alice', '--monthly', '20usd'],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'Cap alice-month is set.\n' });
    expect(stdout).toBe(
      [
        'id           scope       metric  window  limit  overage  time zone',
        'alice-month  user:alice  usd     month   20.00     0.00  UTC',
        '',
      ].join('\n'),
    );
    expect(server!.seen.at(-1)).toEqual({
      method: 'PUT',
      path: '/admin/v1/caps/alice-month',
      authorization: 'Bearer adm_1',
      body: { scope: { type: 'user', id: 'alice' }, metric: 'usd', window: 'month', limit: '20.00' },
    });
  });

  it('takes several limits and every option', async () => {
    const { code } = await run(
      {
        ...NO_CAPS,
        'PUT /admin/v1/caps/team-growth-week': [201, ALICE_MONTH],
        'PUT /admin/v1/caps/team-growth-rolling_24h': [201, ALICE_MONTH],
      },
      [
        'cap',
        'set',
        'team:growth',
        '--weekly',
        '500usd',
        '--rolling',
        '24h=90.5usd',
        '--overage',
        '5usd',
        '--warn',
        '0.5,0.8',
      ].concat([
        '--throttle',
        '0.9',
        '--block',
        'off',
        '--ladder',
        'careful',
        '--time-zone',
        'Europe/Berlin',
        '--anchor-day',
        '1',
        '--json',
      ]),
    );
    expect(code).toBe(0);
    const extras = {
      overage: '5.00',
      thresholds: { warn: [0.5, 0.8], throttle: 0.9, block: null },
      ladder: 'careful',
      time_zone: 'Europe/Berlin',
      anchor_day: 1,
    };
    const scope = { type: 'team', id: 'growth' };
    expect(server!.seen.filter(({ method }) => method === 'PUT').map(({ body }) => body)).toEqual([
      { scope, metric: 'usd', window: 'week', limit: '500.00', ...extras },
      { scope, metric: 'usd', window: 'rolling_24h', limit: '90.50', ...extras },
    ]);
  });

  it('never changes a cap of another scope that happens to have the derived id', async () => {
    const other = { ...ALICE_MONTH, id: 'team-web-month', scope: { type: 'user', id: 'team-web' } };
    const { code, stderr } = await run(
      { 'GET /admin/v1/caps': [200, { items: [other], next_cursor: null }] },
      ['cap', 'set', 'team:web', '--monthly', '20usd'],
    );
    expect(code).toBe(1);
    expect(stderr).toBe(
      'spendcap: The cap team-web-month exists already, for user:team-web.\nName yours with --id.\n',
    );
    expect(server!.seen.map(({ method }) => method)).toEqual(['GET']);
  });

  it('says why the server refused', async () => {
    const { code, stdout, stderr } = await run(
      {
        'PUT /admin/v1/caps/web-minute': [
          422,
          {
            title: 'This cap cannot be held strictly',
            detail: 'Caps of an app are in usd and a day or longer.',
            code: 'cap_not_supported',
          },
        ],
      },
      ['cap', 'set', 'app:web', '--minute', '60requests', '--id', 'web-minute'],
    );
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: 'spendcap: This cap cannot be held strictly: Caps of an app are in usd and a day or longer.\n',
    });
  });
});

describe('cap get, list and delete', () => {
  it('get asks for one user’s account and prints a line a member', async () => {
    const { code, stdout } = await run(
      {
        'GET /admin/v1/caps/default-user?user=bob': [
          200,
          { ...ALICE_MONTH, settled: '3.10', remaining: '16.90' },
        ],
      },
      ['cap', 'get', 'default-user', '--user', 'bob'],
    );
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(0, 5)).toEqual([
      'id          alice-month',
      'scope       user:alice',
      'metric      usd',
      'window      month',
      'limit       20.00',
    ]);
  });

  it('show is the same, and says what the figures of a shared cap are', async () => {
    const cap = { ...ALICE_MONTH, id: 'team-growth-month', scope: { type: 'team', id: 'growth' } };
    const figures = { settled: '410.00', reserved: '12.00', remaining: '78.00' };
    const { code, stdout, stderr } = await run(
      { 'GET /admin/v1/caps/team-growth-month': [200, { ...cap, ...figures }] },
      ['cap', 'show', 'team-growth-month'],
    );
    expect(code).toBe(0);
    expect(stdout).toContain('scope       team:growth\n');
    expect(stdout).toContain('settled     410.00\n');
    expect(stderr).toMatch(/^Shared: "settled" and "remaining" are never more than is true/);
  });

  it('list reads every page; --json has the shape of the API', async () => {
    const { code, stdout } = await run(
      {
        'GET /admin/v1/caps': [200, { items: [ALICE_MONTH], next_cursor: 'c2' }],
        'GET /admin/v1/caps?cursor=c2': [200, { items: [{ ...ALICE_MONTH, id: 'b' }], next_cursor: null }],
      },
      ['cap', 'list', '--json'],
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      items: [ALICE_MONTH, { ...ALICE_MONTH, id: 'b' }],
      next_cursor: null,
    });
  });

  it('delete wants to be confirmed, and nothing is asked where nobody can answer', async () => {
    const { code, stdout, stderr } = await run({}, ['cap', 'delete', 'alice-month']);
    expect({ code, stdout, stderr }).toEqual({
      code: 4,
      stdout: '',
      stderr:
        'spendcap: Delete the cap alice-month? Nobody was there to confirm it.\nAdd --yes to go on without a question.\n',
    });
    expect(server!.seen).toEqual([]);
  });

  it('delete --yes deletes', async () => {
    const { code, stderr } = await run({ 'DELETE /admin/v1/caps/alice-month': [204, undefined] }, [
      'cap',
      'delete',
      'alice-month',
      '--yes',
      '--no-input',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'Cap alice-month is deleted.\n' });
  });
});

describe('key', () => {
  it('create prints the key alone on stdout', async () => {
    const { code, stdout, stderr } = await run(
      { 'POST /admin/v1/keys': [201, { id: 'key_1', key: 'sck_test_1_secret', app: 'web' }] },
      ['key', 'create', '--app', 'web', '--team', 'growth', '--scope', 'call,delegate', '--require-user'],
    );
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'sck_test_1_secret\n',
      stderr: 'Key key_1 for web is created. Keep it now: it is not shown again.\n',
    });
    expect(server!.seen[0]!.body).toEqual({
      app: 'web',
      team: 'growth',
      scopes: ['call', 'delegate'],
      user: null,
      require_user: true,
    });
  });

  it('list prints no secrets, and control characters of others stay out of the terminal', async () => {
    const key = {
      id: 'key_1',
      app: 'we\u001b[2Jb',
      team: 'growth',
      scopes: ['call'],
      user: null,
      require_user: false,
    };
    const { stdout } = await run({ 'GET /admin/v1/keys': [200, { items: [key], next_cursor: null }] }, [
      'key',
      'list',
    ]);
    expect(stdout.split('\n')[1]).toBe('key_1  we\ufffd[2Jb  growth  call    -     no             -');
  });

  it('delete --yes deletes', async () => {
    const { code } = await run({ 'DELETE /admin/v1/keys/key_1': [204, undefined] }, [
      'key',
      'delete',
      'key_1',
      '--yes',
    ]);
    expect(code).toBe(0);
  });
});

describe('user', () => {
  const ALICE = { id: 'alice', team: 'growth' };

  it('set puts the user into the team', async () => {
    const { code, stdout, stderr } = await run({ 'PUT /admin/v1/users/alice': [201, ALICE] }, [
      'user',
      'set',
      'alice',
      '--team',
      'growth',
    ]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'user   team\nalice  growth\n',
      stderr: 'User alice is in the team growth.\n',
    });
    expect(server!.seen[0]!.body).toEqual({ team: 'growth' });
  });

  it.each(['show', 'get'])('%s prints the team, also of a user written as caps write them', async (verb) => {
    const answer = { 'GET /admin/v1/users/alice': [200, ALICE] as [number, unknown] };
    const { stdout } = await run(answer, ['user', verb, 'user:alice']);
    expect(stdout).toBe('id    alice\nteam  growth\n');
  });

  it('list and delete', async () => {
    const listed = await run({ 'GET /admin/v1/users': [200, { items: [ALICE], next_cursor: null }] }, [
      'user',
      'list',
      '--json',
    ]);
    expect(JSON.parse(listed.stdout)).toEqual({ items: [ALICE], next_cursor: null });
    await server!.close();
    const gone = { 'DELETE /admin/v1/users/alice': [204, undefined] as [number, unknown] };
    const { code, stderr } = await run(gone, ['user', 'delete', 'alice', '--yes']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'User alice has no team of their own any more.\n' });
  });
});

describe('usage show', () => {
  const charge = {
    request_id: 'req_1',
    at: '2026-11-24T10:00:00.000Z',
    user: 'alice',
    app: 'web',
    feature: 'default',
    model: 'gpt-4o',
    tokens: { input: 12, output: 3, cache_read: 0 },
    cost_usd: '0.00006',
    outcome: 'settled',
    reason: null,
  };

  it('says why a call was presumed spent', async () => {
    const items = [{ ...charge, outcome: 'presumed_spent', reason: 'the stream broke' }];
    const { stdout } = await run({ 'GET /admin/v1/usage': [200, { items, next_cursor: null }] }, [
      'usage',
      'show',
    ]);
    expect(stdout).toContain('presumed_spent: the stream broke');
  });

  it('prints a row a charge; days become instants', async () => {
    const { code, stdout, stderr } = await run(
      {
        'GET /admin/v1/usage?user=alice&from=2026-11-01T00%3A00%3A00Z': [
          200,
          { items: [charge], next_cursor: 'more' },
        ],
      },
      ['usage', 'show', '--user', 'alice', '--from', '2026-11-01', '--limit', '1'],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'There are more: add --cursor more\n' });
    expect(stdout).toBe(
      [
        'at                        user   app  feature  model   tokens              cost usd  outcome  request',
        '2026-11-24T10:00:00.000Z  alice  web  default  gpt-4o  input 12, output 3   0.00006  settled  req_1',
        '',
      ].join('\n'),
    );
  });

  it('refuses what is no day', async () => {
    const { code, stderr } = await run({}, ['usage', 'show', '--from', 'yesterday']);
    expect(code).toBe(2);
    expect(stderr).toContain('"yesterday" is no day or instant.');
  });
});

describe('ledger audit', () => {
  it('is silent on stderr and exits 0 when the books balance', async () => {
    const { code, stdout, stderr } = await run(
      {
        'GET /admin/v1/ledger/audit': [200, { balanced: true, accounts: 12, open_holds: 0, differences: [] }],
      },
      ['ledger', 'audit'],
    );
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'balanced: 12 accounts, 0 calls in flight\n',
      stderr: '',
    });
  });

  it('exits 1 when they do not', async () => {
    const { code, stdout, stderr } = await run(
      {
        'GET /admin/v1/ledger/audit': [
          200,
          {
            balanced: false,
            accounts: 12,
            open_holds: 1,
            differences: ['leaf L#user:alice: l is 5, f + s + held is 4'],
          },
        ],
      },
      ['ledger', 'audit'],
    );
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: 'not balanced: 12 accounts, 1 calls in flight\nleaf L#user:alice: l is 5, f + s + held is 4\n',
      stderr: 'spendcap: The books do not balance.\n',
    });
  });
});

describe('a server that is not there, or is another', () => {
  it('exits 3 and says how to start one', async () => {
    const gone = await fakeServer({});
    await gone.close();
    const port = new URL(gone.url).port;
    const { code, stderr } = await runCli(['cap', 'list', '--url', gone.url]);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: `spendcap: No Spendcap answers at http://127.0.0.1:${port} (connect ECONNREFUSED 127.0.0.1:${port}).\nStart a local one with \`npm start\`, or name another with --url or SPENDCAP_URL.\n`,
    });
  });

  it('exits 3 when what answers speaks no JSON', async () => {
    const { code, stderr } = await run({ 'GET /admin/v1/caps': [200, '<html>hello</html>'] }, [
      'cap',
      'list',
    ]);
    expect(code).toBe(3);
    expect(stderr).toContain('(status 200) is not a Spendcap admin API.');
  });

  it('exits 1 without a key, and says where to find one', async () => {
    server = await fakeServer({
      'GET /admin/v1/caps': [401, { title: 'Unauthorized', detail: 'An admin key is needed.' }],
    });
    const { code, stderr } = await runCli(['cap', 'list', '--url', server.url]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'spendcap: Unauthorized: An admin key is needed.\nSet SPENDCAP_ADMIN_KEY to the admin key; a local server prints it when it starts.\n',
    });
  });

  it('exits 2 for an address that is none', async () => {
    const { code, stderr } = await runCli(['cap', 'list', '--url', 'localhost:8787/path']);
    expect(code).toBe(2);
    expect(stderr).toContain('is not one of a server.');
  });
});

describe('grant', () => {
  const GRANT = {
    id: 'grant_1',
    status: 'requested',
    cap: 'alice-month',
    scope: { type: 'user', id: 'alice' },
    metric: 'usd',
    requested_by: { type: 'user', id: 'alice' },
    amount: '5.00',
    amount_approved: '2.00',
    ends_at: '2026-12-01T00:00:00Z',
    reason: 'Quarter end',
    answer_by: '2026-11-27T12:00:00Z',
    decided_by: null,
  };
  const BUDGET = { user: 'alice', caps: [{ id: 'alice-month', metric: 'usd' }] };

  it('lists those that wait, and says so where none does', async () => {
    const { stdout } = await run(
      { 'GET /admin/v1/grants?status=requested': [200, { items: [GRANT], next_cursor: null }] },
      ['grant', 'list'],
    );
    expect(stdout).toContain('grant_1  user:alice  alice-month    5.00  usd     2026-11-27T12:00:00Z  -');
    const none = await run(
      { 'GET /admin/v1/grants?status=denied': [200, { items: [], next_cursor: null }] },
      ['grant', 'list', '--status', 'denied'],
    );
    expect(none).toMatchObject({ code: 0, stdout: '', stderr: 'None is denied.\n' });
  });

  it('approves as asked for, or another amount in the unit of the cap until another day', async () => {
    const answers: Record<string, [number, unknown]> = {
      'GET /admin/v1/grants/grant_1': [200, GRANT],
      'POST /admin/v1/grants/grant_1/approve': [200, GRANT],
    };
    await run(answers, ['grant', 'approve', 'grant_1']);
    expect(server!.seen.at(-1)!.body).toEqual({});
    await server!.close();
    const { stderr } = await run(answers, [
      'grant',
      'approve',
      'grant_1',
      '--amount',
      '2usd',
      '--until',
      '2026-12-01',
    ]);
    expect(stderr).toBe('grant_1 is approved: 2.00 more until 2026-12-01T00:00:00Z.\n');
    expect(server!.seen.at(-1)!.body).toEqual({ amount: '2.00', expires_at: '2026-12-01T00:00:00Z' });
    await server!.close();
    const tokens = await run(answers, ['grant', 'approve', 'grant_1', '--amount', '2tokens']);
    expect(tokens).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('The cap counts usd') as unknown,
    });
    expect(server!.seen.map(({ method }) => method)).toEqual(['GET']);
  });

  it('denies with a reason, and shows what is refused', async () => {
    const own = {
      type: 'about:blank',
      title: 'T',
      status: 403,
      code: 'own_request',
      detail: 'Somebody else has to.',
    };
    const { code, stderr } = await run({ 'POST /admin/v1/grants/grant_1/deny': [403, own] }, [
      'grant',
      'deny',
      'grant_1',
      '--reason',
      'No',
    ]);
    expect({ code, stderr: stderr.split('\n')[0] }).toEqual({
      code: 1,
      stderr: 'spendcap: T: Somebody else has to.',
    });
    expect(server!.seen.at(-1)!.body).toEqual({ reason: 'No' });
  });

  it('asks with the key that one calls with, for a cap that covers its user', async () => {
    const answers: Record<string, [number, unknown]> = {
      'GET /v1/budget': [200, BUDGET],
      'POST /v1/grants': [202, GRANT],
    };
    server = await fakeServer(answers);
    const env = { SPENDCAP_URL: server.url, SPENDCAP_KEY: 'sck_1' };
    const args = ['grant', 'request', 'alice-month', '5usd', '--reason', 'Quarter end'];
    const { code, stdout } = await runCli(args, { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^id +grant_1\nstatus +requested\n[^]*\nrequested_by +user:alice\n/);
    expect(server.seen.at(-1)).toEqual({
      method: 'POST',
      path: '/v1/grants',
      authorization: 'Bearer sck_1',
      body: { cap: 'alice-month', amount: '5.00', reason: 'Quarter end' },
    });
    const other = await runCli(['grant', 'request', 'team', '5usd', '--reason', 'x'], { env });
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('These do: alice-month.') as unknown,
    });
    const nobody = await runCli(args, { env: { SPENDCAP_URL: server.url } });
    expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining('Set SPENDCAP_KEY') as unknown });
  });
});
