/** Posting to real peers on loopback, and to addresses that nobody should be able to post to. */
import { afterEach, describe, expect, it } from 'vitest';
import { createPost } from '../../lambdas/adapters/webhooks/post.ts';
import { lookupWithin, mayReach } from '../../lambdas/adapters/webhooks/reachable.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const MESSAGE = { headers: { 'webhook-id': 'x' }, body: '{"reason": "Zürich"}' };
let receiver: WebhookReceiver | undefined;
afterEach(async () => {
  await receiver?.close();
  receiver = undefined;
});

describe('a post', () => {
  it('arrives as it was made', async () => {
    receiver = await startReceiver([202]);
    const post = createPost({ reach: 'public_and_loopback' });
    expect(await post(`${receiver.url}/spendcap?team=a`, MESSAGE)).toEqual({ kind: 'answered', status: 202 });
    expect(receiver.received).toMatchObject([
      { method: 'POST', path: '/spendcap?team=a', body: MESSAGE.body, headers: { 'user-agent': 'spendcap' } },
    ]);
  });

  it('finds a name', async () => {
    receiver = await startReceiver([202]);
    const { port } = new URL(receiver.url);
    const post = createPost({ reach: 'public_and_loopback' });
    expect(await post(`http://localhost:${port}/`, MESSAGE)).toEqual({ kind: 'answered', status: 202 });
  });

  it('follows no redirect', async () => {
    receiver = await startReceiver([307]);
    const post = createPost({ reach: 'public_and_loopback' });
    expect(await post(receiver.url, MESSAGE)).toEqual({ kind: 'answered', status: 307 });
    expect(receiver.received).toHaveLength(1);
  });

  it('ends where nobody answers', async () => {
    receiver = await startReceiver(['hang']);
    const post = createPost({ reach: 'public_and_loopback', timeoutMs: 100 });
    expect(await post(receiver.url, MESSAGE)).toEqual({ kind: 'failed', reason: 'no answer within 0.1 s' });
  });

  it('ends when it is told to', async () => {
    receiver = await startReceiver(['hang']);
    const stop = new AbortController();
    const outcome = createPost({ reach: 'public_and_loopback', stop: stop.signal })(receiver.url, MESSAGE);
    stop.abort();
    expect((await outcome).kind).toBe('failed');
  });

  it('says what kept it from connecting', async () => {
    receiver = await startReceiver();
    const { url } = receiver;
    await receiver.close();
    receiver = undefined;
    const outcome = await createPost({ reach: 'public_and_loopback' })(url, MESSAGE);
    expect(outcome).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  it('reaches this machine by no name and no number where it may not', async () => {
    receiver = await startReceiver();
    const post = createPost({ reach: 'public' });
    const { port } = new URL(receiver.url);
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0.0.0.0'])
      expect(await post(`http://${host}:${port}/`, MESSAGE), host).toMatchObject({
        kind: 'failed',
        reason: expect.stringMatching(/is no public address$/) as string,
      });
    expect(receiver.received).toEqual([]);
  });
});

describe('a name', () => {
  const resolve = (reach: Parameters<typeof lookupWithin>[0], all: boolean) =>
    new Promise((done) => {
      lookupWithin(reach)('localhost', { all, family: 4 }, (...answer) => done(answer));
    });

  it('is answered as it is asked: with all of its addresses, or with one', async () => {
    expect(await resolve('public_and_loopback', true)).toEqual([null, [{ address: '127.0.0.1', family: 4 }]]);
    expect(await resolve('public_and_loopback', false)).toEqual([null, '127.0.0.1', 4]);
    expect(await resolve('public', true)).toEqual([expect.objectContaining({ name: 'OutOfReach' }), []]);
  });
});

describe('an address', () => {
  it.each([
    ...[
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
    ],
    ...[
      '224.0.0.1',
      '255.255.255.255',
      '192.0.2.1',
      '198.18.0.1',
      '::',
      'fe80::1',
      'fc00::1',
      'fd00:ec2::254',
    ],
    ...['::ffff:10.0.0.1', '64:ff9b::a00:1', '2002:a00:1::', '2001:db8::1', 'ff02::1', 'no address'],
  ])('%s is inside, for everybody', (address) => {
    expect(mayReach(address, 'public_and_loopback')).toBe(false);
  });

  it.each(['127.0.0.1', '127.9.9.9', '::1'])('%s is this machine', (address) => {
    expect([mayReach(address, 'public'), mayReach(address, 'public_and_loopback')]).toEqual([false, true]);
  });

  it.each([
    ...['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '100.128.0.1', '223.255.255.254'],
    ...['2606:4700:4700::1111', '2001:4860:4860::8888'],
  ])('%s is public', (address) => {
    expect(mayReach(address, 'public')).toBe(true);
  });
});
