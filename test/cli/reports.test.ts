import { afterEach, describe, expect, it } from 'vitest';
import { fakeServer, runCli, type FakeServer, type Ran } from './run-cli.ts';

let server: FakeServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function run(answers: Record<string, [number, unknown]>, args: readonly string[]): Promise<Ran> {
  server = await fakeServer(answers);
  return runCli(args, { env: { SPENDCAP_URL: server.url, SPENDCAP_ADMIN_KEY: 'adm_1' } });
}

const figures = (cost_usd: string, requests: number) => ({
  ...{ cost_usd, requests, reserved_usd: '9.00' },
  outcomes: { settled: requests },
  tokens: { input: 1000, output: 34 },
});
const span = { start: '2026-11-01T00:00:00Z', end: '2026-11-02T00:00:00Z' };
const answer = {
  items: [
    { ...span, team: 'growth', tags: { env: 'prod' }, ...figures('12.50', 40) },
    { ...span, team: 'core', tags: { env: null }, ...figures('0.0075', 1) },
  ],
  next_cursor: null,
  total: figures('12.5075', 41),
  ...{ from: '2026-11-01T00:00:00Z', to: '2026-11-03T00:00:00Z', time_zone: 'UTC' },
  as_of: '2026-11-03T00:00:00Z',
};

describe('report spend', () => {
  it('prints a line a group and period, and the total beside the data', async () => {
    const { code, stdout, stderr } = await run(
      {
        'GET /admin/v1/reports/spend?group_by=team%2Ctag%3Aenv&granularity=day&model=gpt-5&limit=100&from=2026-11-01T00%3A00%3A00Z':
          [200, answer],
      },
      [
        'report',
        'spend',
        '--by',
        'team,tag:env',
        '--every',
        'day',
        '--model',
        'gpt-5',
        '--from',
        '2026-11-01',
      ],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'Total: $12.5075 in 41 requests.\n' });
    expect(stdout).toBe(
      [
        'from                  team    tag:env  cost usd  requests  tokens',
        '2026-11-01T00:00:00Z  growth  prod        12.50        40    1034',
        '2026-11-01T00:00:00Z  core    -          0.0075         1    1034',
        '',
      ].join('\n'),
    );
  });

  it('prints what the API gave with --json', async () => {
    const path = 'GET /admin/v1/reports/spend?limit=5';
    const { stdout } = await run({ [path]: [200, answer] }, ['report', 'spend', '--limit', '5', '--json']);
    expect(JSON.parse(stdout)).toEqual(answer);
  });

  it('says where it ends before its time, and that there are more lines', async () => {
    const cut = { ...answer, next_cursor: '2', as_of: '2026-11-02T12:00:00Z' };
    const path = 'GET /admin/v1/reports/spend?group_by=team&limit=2';
    const { stderr } = await run({ [path]: [200, cut] }, ['report', 'spend', '--by', 'team', '--limit', '2']);
    expect(stderr).toContain('Only until 2026-11-02T12:00:00Z');
    expect(stderr).toContain('add --cursor 2');
  });

  it.each([
    [['--every', 'week'], '"week" is no period.'],
    [['--limit', 'all'], '"all" is no count of lines.'],
    [['--from', 'today'], '"today" is no day or instant.'],
  ])('refuses %s', async (args, said) => {
    const { code, stderr } = await run({}, ['report', 'spend', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(said);
  });
});

describe('report anomalies', () => {
  const cause = {
    user: 'bob',
    team: 'growth',
    app: 'web',
    feature: 'chat',
    model: 'gpt-5',
    cost_usd: '80.00',
  };
  const anomaly = (scope: object, causes: object[]) => ({
    ...{ id: 'a'.repeat(64), version: 1, scope, day: '2026-11-24', at: '2026-11-24T13:20:00Z' },
    ...{ spent_usd: '88.00', requests: 5, usual_usd: '10.00', causes },
  });
  const items = [
    anomaly({ type: 'user', id: 'bob' }, [cause]),
    anomaly({ type: 'team', id: 'growth' }, [cause]),
    anomaly({ type: 'org', id: 'org' }, [{ ...cause, user: null }]),
  ];
  const path = 'GET /admin/v1/reports/anomalies';

  it('prints a line each, with what it went on', async () => {
    const { code, stdout, stderr } = await run(
      {
        [`${path}?from=2026-11-01T00%3A00%3A00Z&to=2026-11-30T12%3A00%3A00Z`]: [
          200,
          { items, next_cursor: null },
        ],
      },
      ['report', 'anomalies', '--from', '2026-11-01', '--to', '2026-11-30T12:00:00Z'],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      [
        'day         who          spent usd  usual usd  noticed               most on',
        '2026-11-24  user:bob         88.00      10.00  2026-11-24T13:20:00Z  web/chat with gpt-5',
        '2026-11-24  team:growth      88.00      10.00  2026-11-24T13:20:00Z  bob: web/chat with gpt-5',
        '2026-11-24  org              88.00      10.00  2026-11-24T13:20:00Z  web/chat with gpt-5',
        '',
      ].join('\n'),
    );
  });

  it('prints what the API gave with --json, and says that there is more', async () => {
    const { stdout, stderr } = await run({ [path]: [200, { items, next_cursor: 'next' }] }, [
      'report',
      'anomalies',
      '--limit',
      '3',
      '--json',
    ]);
    expect(JSON.parse(stdout)).toEqual({ items, next_cursor: 'next' });
    expect(stderr).toContain('add --cursor next');
  });

  it.each([
    [['--limit', 'all'], '"all" is no count of days.'],
    [['--from', 'today'], '"today" is no day or instant.'],
  ])('refuses %s', async (args, said) => {
    const { code, stderr } = await run({}, ['report', 'anomalies', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(said);
  });
});

describe('feed redrive', () => {
  it('asks for the hours of the span', async () => {
    const { code, stdout, stderr } = await run({ 'POST /admin/v1/feed/redrive': [202, { hours: 24 }] }, [
      'feed',
      'redrive',
      '--from',
      '2026-11-24',
      '--to',
      '2026-11-25',
    ]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toBe('24 hours: their rows are made anew within minutes.\n');
    expect(server!.seen[0]!.body).toEqual({ from: '2026-11-24T00:00:00Z', to: '2026-11-25T00:00:00Z' });
  });
});
