/** From a cap that is reached to a call that passes, as the people at both ends live it: SDK, mail, page, window. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import type { Mail } from '../../local/outbox.ts';
import { startLocalServer, type LocalServer } from '../../local/server.ts';

const FINANCE = 'finance@example.com';
const HOUR = 3_600_000;
/** The call as it is, or not at all. */
const NO_CLAMP = { 'x-spendcap-clamp': 'never' };
const NOON = Date.UTC(2026, 10, 24, 12);

const open = (dataDirectory?: string): Promise<LocalServer> =>
  startLocalServer({
    host: '127.0.0.1',
    port: 0,
    dataDirectory,
    adminKey: 'admin-key',
    upstreams: {},
    policy: parsePolicy({ org: { name: 'Acme', financeEmail: FINANCE }, plans: {} }),
    report: () => undefined,
  });

type Json = Record<string, unknown>;

let server: LocalServer;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOON });
  server = await open();
});
beforeEach(() => {
  vi.setSystemTime(NOON);
});
afterAll(async () => {
  vi.useRealTimers();
  await server.close();
});

async function admin(method: string, path: string, body?: object) {
  const response = await fetch(`${server.url}/admin/v1${path}`, {
    method,
    headers: { authorization: 'Bearer admin-key', 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Json };
}

let people = 0;
/** Somebody with $1.00, of which a dozen calls leave less than one of them needs. */
async function person({ window = 'day', name = `person-${(people += 1)}` } = {}) {
  const scope = { type: 'user', id: name };
  await admin('PUT', `/caps/${name.split('@')[0]!}`, { scope, metric: 'usd', window, limit: '1.00' });
  const { body } = await admin('POST', '/keys', { app: 'web', team: 'growth', user: name });
  const client = new OpenAI({
    apiKey: body['key'] as string,
    baseURL: `${server.url}/v1`,
    maxRetries: 0,
    defaultHeaders: NO_CLAMP,
  });
  const call = () =>
    client.chat.completions
      .create({
        model: 'gpt-4.1',
        max_completion_tokens: 10_000,
        messages: [{ role: 'user', content: 'Think. [[sim input=10 output=9900]]' }],
      })
      .withResponse();
  const blocked = async (): Promise<{ error: InstanceType<typeof OpenAI.APIError>; told: string | null }> => {
    const error = await call().then(
      () => new Error('it passed'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof OpenAI.RateLimitError)) throw error;
    return { error, told: error.headers.get('x-spendcap-grant') };
  };
  const spend = async (): Promise<void> => {
    for (let i = 0; i < 12; i += 1) await call();
  };
  const v1 = async (path: string, body?: object) => {
    const response = await fetch(`${server.url}/v1${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${client.apiKey!}` },
      ...(body && { body: JSON.stringify(body) }),
    });
    return (await response.json()) as Record<string, unknown> & { id: string };
  };
  const ask = (amount = '2.00') =>
    v1('/grants', { cap: name.split('@')[0], amount, reason: 'The report is due' });
  const budget = async () =>
    ((await v1('/budget'))['caps'] as { effective_limit: string; settled: string }[])[0]!;
  return { name, call, blocked, spend, ask, budget, v1 };
}

async function mailAbout(id: string): Promise<{ mail: Mail; link: string }> {
  return vi.waitFor(
    async () => {
      const response = await fetch(`${server.url}/outbox`, { headers: { accept: 'application/json' } });
      const { items } = (await response.json()) as { items: Mail[] };
      const about = items.filter(({ text }) => text.includes(id));
      expect(about).toHaveLength(1);
      const links = about[0]!.text.match(/\bhttps?:\/\/\S+/g);
      expect(links).toHaveLength(1);
      return { mail: about[0]!, link: links![0] };
    },
    { timeout: 10_000, interval: 20 },
  );
}

/** As a person reads it: white space is white space. */
const read = async (link: string): Promise<string> =>
  (await (await fetch(link)).text()).replaceAll(/\s+/g, ' ');

const APPROVE = { decision: 'approve', amount: '2.00', until: 'window', not_mine: 'yes' };
const post = (link: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(link, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual', headers });

describe('asking for more', () => {
  test('a mail, a link, a decision, and the next call passes until the window rolls', async () => {
    const { name, call, blocked, spend, ask, budget } = await person();
    await spend();
    const { error, told } = await blocked();
    expect([error.code, told]).toEqual(['insufficient_quota', null]);
    expect(error.message).toContain(`ask for more at ${server.url}/v1/grants`);

    const { id } = await ask();
    const { mail, link } = await mailAbout(id);
    expect(mail).toMatchObject({ to: FINANCE, subject: `Spendcap: ${name} asks for $2.00 more on ${name}` });
    for (const line of [
      `User ${name} asks for $2.00 more under the cap "${name}".`,
      'Reason    The report is due',
      `Cap       ${name}: $1.00 a day`,
      'Settled   $0.95064',
      'Left      $0.04936',
      'Pace      $1.90 a day; at this pace $1.90 by the end of the window, above the limit',
      'Resets    2026-11-25 00:00 UTC',
      'Without a decision until 2026-11-25 00:00 UTC the request expires',
    ])
      expect(mail.text).toContain(line);

    // Scanners and people open it as often as they like.
    for (const method of ['GET', 'HEAD', 'GET']) expect((await fetch(link, { method })).status).toBe(200);
    expect((await blocked()).told).toBe(`${id}; status=requested`);
    expect(await budget()).toMatchObject({ effective_limit: '1.00' });

    expect((await post(link, APPROVE)).status).toBe(303);
    expect(await read(link)).toContain('the limit is $2.00 higher until 2026-11-25 00:00 UTC');
    const { response } = await call();
    expect(response.headers.get('x-spendcap-grant')).toBe(`${id}; status=approved`);
    expect(await budget()).toMatchObject({ limit: '1.00', effective_limit: '3.00' });
    expect((await admin(`GET`, `/grants/${id}`)).body).toMatchObject({
      decided_by: FINANCE,
      status: 'approved',
    });

    vi.setSystemTime(NOON + 12 * HOUR);
    const { response: next } = await call();
    expect(next.headers.get('x-spendcap-grant')).toBeNull();
    expect(await budget()).toMatchObject({ effective_limit: '1.00', settled: '0.07922' });
    expect((await admin('GET', '/ledger/audit')).body).toMatchObject({ balanced: true, differences: [] });
  });

  test('a denial, which the one who asked hears of, and why', async () => {
    const { blocked, spend, ask, v1, budget } = await person();
    await spend();
    const { id } = await ask();
    const { link } = await mailAbout(id);
    expect((await post(link, { decision: 'deny', reason: ' ' })).status).toBe(422);
    expect((await post(link, { decision: 'deny', reason: 'Not <b>this</b> month' })).status).toBe(303);
    expect(await (await fetch(link)).text()).toContain('Not &lt;b&gt;this&lt;/b&gt; month');
    const { error, told } = await blocked();
    expect(told).toBe(`${id}; status=denied`);
    expect(error.message).toContain(`your request for more (${id}) was denied`);
    expect(await v1(`/grants/${id}`)).toMatchObject({
      status: 'denied',
      denial_reason: 'Not <b>this</b> month',
    });
    expect(await budget()).toMatchObject({ effective_limit: '1.00' });
  });

  test('silence: from the hour on the link is over, and the next response says so', async () => {
    const { blocked, spend, ask, budget } = await person({ window: 'lifetime' });
    await spend();
    const { id } = await ask();
    const { link } = await mailAbout(id);
    vi.setSystemTime(NOON + 72 * HOUR - 1000);
    expect((await fetch(link)).status).toBe(200);
    vi.setSystemTime(NOON + 72 * HOUR);
    expect((await fetch(link)).status).toBe(410);
    expect((await post(link, { ...APPROVE, until: '24h' })).status).toBe(410);
    expect((await blocked()).told).toBe(`${id}; status=expired`);
    expect(
      (await admin('POST', `/grants/${id}/approve`, { expires_at: '2026-12-24T00:00:00Z' })).status,
    ).toBe(409);
    expect(await budget()).toMatchObject({ effective_limit: '1.00' });
    expect((await admin('GET', `/grants/${id}`)).body).toMatchObject({ status: 'expired' });
  });
});

describe('the link', () => {
  test('does not let somebody decide on what they asked for themselves', async () => {
    const { ask, budget } = await person({ name: FINANCE });
    const { id } = await ask();
    const { link } = await mailAbout(id);
    const page = await (await fetch(link)).text();
    expect(page).toContain('own request, so it is not decided by this link');
    expect(page).not.toContain('<form');
    expect((await post(link, APPROVE)).status).toBe(403);
    expect((await post(link, { decision: 'deny', reason: 'x' })).status).toBe(403);
    expect(await budget()).toMatchObject({ effective_limit: '1.00' });
  });

  test('is good for nothing once it was changed, and for its own request alone', async () => {
    const { ask, budget } = await person();
    const { link } = await mailAbout((await ask()).id);
    const [head, payload, signature] = new URL(link).searchParams.get('token')!.split('.') as [
      string,
      string,
      string,
    ];
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forged = [
      '',
      'nonsense',
      `${head}.${payload}.`,
      `${head}.${encoded({ ...claims, sub: 'eve@example.com' })}.${signature}`,
      `${head}.${encoded({ ...claims, exp: 4_000_000_000 })}.${signature}`,
      `${encoded({ alg: 'none' })}.${payload}.`,
    ];
    for (const token of forged) {
      const url = `${server.url}/approve?token=${token}`;
      expect((await fetch(url)).status).toBe(403);
      expect((await post(url, APPROVE)).status).toBe(403);
    }
    expect((await fetch(`${server.url}/approve`)).status).toBe(403);
    expect(await budget()).toMatchObject({ effective_limit: '1.00' });
  });

  test('decides once: sent again it changes nothing, and another decision is refused', async () => {
    const { ask, budget } = await person();
    const { link } = await mailAbout((await ask()).id);
    expect((await post(link, { ...APPROVE, until: '1h' })).status).toBe(303);
    vi.setSystemTime(NOON + 60_000);
    expect((await post(link, { ...APPROVE, until: '1h' })).status).toBe(303);
    const other = await post(link, { ...APPROVE, amount: '500' });
    expect(other.status).toBe(409);
    expect(await other.text()).toContain('What you sent changed nothing.');
    expect((await post(link, { decision: 'deny', reason: 'x' })).status).toBe(409);
    expect(await budget()).toMatchObject({ effective_limit: '3.00' });
  });

  test('and an administrator at the same moment: one decision', async () => {
    const { ask, budget } = await person();
    const { id } = await ask();
    const { link } = await mailAbout(id);
    const [byLink, byAdmin] = await Promise.all([
      post(link, APPROVE),
      admin('POST', `/grants/${id}/approve`, { amount: '5.00' }),
    ]);
    expect([byLink.status === 303, byAdmin.status === 200].filter(Boolean)).toHaveLength(1);
    expect(await budget()).toMatchObject({ effective_limit: byLink.status === 303 ? '3.00' : '6.00' });
  });
});

describe('the page', () => {
  test('takes what a person sends, and says what is missing', async () => {
    const { name, ask, budget } = await person();
    const { link } = await mailAbout((await ask()).id);
    const refused: [Record<string, string>, string][] = [
      [{}, 'use one of the two buttons'],
      [{ ...APPROVE, not_mine: '' }, `Confirm that you are not ${name}`],
      [
        { ...APPROVE, amount: '0' },
        'How much more: write dollars above 0, such as 5.00, and at most 10000.00.',
      ],
      [{ ...APPROVE, amount: '2,50' }, 'value="2,50"'],
      [{ ...APPROVE, until: '7d' }, 'Choose for how long.'],
    ];
    for (const [form, says] of refused) {
      const response = await post(link, form);
      expect(response.status).toBe(422);
      expect(await response.text()).toContain(says);
    }
    const elsewhere = await post(link, APPROVE, { 'sec-fetch-site': 'cross-site' });
    expect(elsewhere.status).toBe(403);
    expect(await budget()).toMatchObject({ effective_limit: '1.00' });
  });

  test('loads nothing, runs nothing, is kept and told nowhere', async () => {
    const { ask } = await person();
    const { link } = await mailAbout((await ask()).id);
    const response = await fetch(link);
    const page = await response.text();
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\son\w+=|\sstyle=|src=|href=/i);
    const style = /<style>([^]*)<\/style>/.exec(page)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    for (const [, id] of page.matchAll(/<label for="(\w+)"/g)) expect(page).toContain(`id="${id!}"`);
    expect(page).toMatch(/<html lang="en">[^]*<title>person-\d+ asks for \$2\.00 more<\/title>[^]*<main>/);
  });
});

describe('a restart', () => {
  let folder: string;
  let before: LocalServer;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spendcap-approval-'));
    before = server;
    server = await open(folder);
  });
  afterEach(async () => {
    await server.close();
    server = before;
    rmSync(folder, { recursive: true });
  });

  test('loses neither request nor link, and mails once', async () => {
    const { ask, name } = await person();
    const { id } = await ask();
    const { link } = await mailAbout(id);
    await server.close();
    server = await open(folder);
    await new Promise((resolve) => setImmediate(resolve));
    const { body } = await admin('GET', '/grants');
    expect((body['items'] as Json[]).map((grant) => grant['id'])).toEqual([id]);
    await mailAbout(id);
    expect((await post(`${server.url}/approve${new URL(link).search}`, APPROVE)).status).toBe(303);
    expect((await admin('GET', `/caps/${name}`)).body).toMatchObject({ effective_limit: '3.00' });
  });
});
