/** What is signed, by what, and how long a receiver may be away; the verifier is Standard Webhooks' own. */
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { ATTEMPTS_MAX, bodyOf, pauseAfter } from '../../lambdas/core/webhooks/delivery.ts';
import { parseWebhookSecrets, signatureOf } from '../../lambdas/core/webhooks/signature.ts';
import { wants } from '../../lambdas/core/webhooks/webhook.ts';

const OLD = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NEW = `whsec_${Buffer.alloc(64, 7).toString('base64')}`;
const DETAIL = { id: 'a'.repeat(64), version: 1, reason: 'Zürich – 東京 "quoted"' };
const DELIVERY = {
  ...{ webhook: 'chat', type: 'GrantRequested' as const, time: '2026-11-24T12:00:00Z', detail: DETAIL },
};

describe('a signature', () => {
  it('is that of the published example', async () => {
    // Example of the specification's reference libraries.
    const content = {
      ...{ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestampSeconds: 1614265330, body: '{"test": 2432232314}' },
    };
    expect(await signatureOf([OLD], content)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('is verified by the official library, with each of the two secrets of a change', async () => {
    const timestampSeconds = Math.floor(Date.now() / 1000);
    const body = bodyOf(DELIVERY);
    const headers = {
      'webhook-id': DETAIL.id,
      'webhook-timestamp': String(timestampSeconds),
      'webhook-signature': await signatureOf([NEW, OLD], { id: DETAIL.id, timestampSeconds, body }),
    };
    for (const secret of [OLD, NEW])
      expect(new Webhook(secret).verify(body, headers)).toEqual({
        ...{ type: 'GrantRequested', timestamp: '2026-11-24T12:00:00Z', data: DETAIL },
      });
    const other = new Webhook(`whsec_${Buffer.alloc(32, 1).toString('base64')}`);
    expect(() => other.verify(body, headers)).toThrow('No matching signature');
    expect(() => new Webhook(OLD).verify(`${body} `, headers)).toThrow('No matching signature');
  });
});

describe('secrets', () => {
  it('are one or two a subscription; an empty one, and what the secret was made with, are none', () => {
    const text = JSON.stringify({ chat: OLD, erp: `${NEW} ${OLD}`, later: '', unused: 'x' });
    expect([...parseWebhookSecrets(text)]).toEqual([
      ['chat', [OLD]],
      ['erp', [NEW, OLD]],
    ]);
  });

  it.each([
    ['no JSON', 'whsec_x', /no JSON/],
    ['no object', '[1]', /no object/],
    ['without its prefix', JSON.stringify({ chat: OLD.slice(6) }), /that of "chat"/],
    ['no Base64', JSON.stringify({ chat: 'whsec_ü' }), /that of "chat"/],
    ['too short', JSON.stringify({ chat: `whsec_${btoa('short')}` }), /24 to 64 bytes/],
    ['three', JSON.stringify({ chat: `${OLD} ${OLD} ${OLD}` }), /once or twice/],
  ])('%s: the mistake is named, and nothing of the secret', (_what, text, message) => {
    expect(() => parseWebhookSecrets(text)).toThrow(message);
    expect(() => parseWebhookSecrets(text)).not.toThrow(/MfKQ/);
  });
});

describe('attempts', () => {
  it('are nine in a day, further apart each time, and no pause is longer than a queue can wait', () => {
    const pauses = Array.from({ length: ATTEMPTS_MAX - 1 }, (_, i) => pauseAfter(i + 1)!);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses.length).toBe(8);
    const hours = pauses.reduce((sum, pause) => sum + pause, 0) / 3_600_000;
    expect(hours).toBeGreaterThan(24);
    expect(hours).toBeLessThan(25);
    expect(Math.max(...pauses)).toBeLessThan(12 * 3_600_000);
    expect(pauseAfter(ATTEMPTS_MAX)).toBeUndefined();
  });
});

describe('the policy', () => {
  const webhooks = (...given: object[]) => parsePolicy({ webhooks: given }).webhooks;

  it('says which events go where; without a list all of them', () => {
    const [all, some] = webhooks(
      { id: 'all', url: 'https://hooks.example.com/spendcap' },
      { id: 'some', url: 'http://127.0.0.1:3000/', events: ['GrantRequested'] },
    );
    expect([wants(all!, 'PricesChanged'), wants(some!, 'PricesChanged')]).toEqual([true, false]);
    expect(wants(some!, 'GrantRequested')).toBe(true);
  });

  it.each([
    ['http to another machine', { id: 'a', url: 'http://hooks.example.com/' }, /http is for this machine/],
    ['another scheme', { id: 'a', url: 'ftp://hooks.example.com/' }, /webhooks\.0\.url/],
    ['a credential', { id: 'a', url: 'https://u:p@hooks.example.com/' }, /leave the credential out/],
    [
      'an unknown event',
      { id: 'a', url: 'https://hooks.example.com/', events: ['X'] },
      /webhooks\.0\.events/,
    ],
    ['no event', { id: 'a', url: 'https://hooks.example.com/', events: [] }, /webhooks\.0\.events/],
  ])('refuses %s', (_what, webhook, message) => {
    expect(() => webhooks(webhook)).toThrow(message);
  });

  it('refuses two of one name', () => {
    const one = { id: 'a', url: 'https://hooks.example.com/' };
    expect(() => webhooks(one, one)).toThrow('"a" stands here twice');
  });
});
