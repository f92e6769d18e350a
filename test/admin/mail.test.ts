/** `mail/test` through the admin API: a mail to finance, or why there is none. */
import { expect, it } from 'vitest';
import { adminWorld } from '../support/admin-world.ts';

it('sends a mail that says who asked, and answers with it', async () => {
  const { send, mails } = adminWorld();
  const { status, body } = await send('POST', '/mail/test');
  expect(status).toBe(202);
  expect(mails).toHaveLength(1);
  const { subject, text } = mails[0]!;
  expect(body).toEqual({ to: null, subject, text });
  expect(subject).toBe('Spendcap: a test, nothing has happened');
  expect(text).toContain('Asked for by  admin\nFor           Spendcap\nAt            2026-11-24 12:00 UTC');
});

it('is another mail each time', async () => {
  const { send, mails } = adminWorld();
  await send('POST', '/mail/test');
  await send('POST', '/mail/test');
  expect(new Set(mails.map(({ id }) => id)).size).toBe(2);
});

it('says what whoever sends the mails said', async () => {
  const { send, mail } = adminWorld();
  mail.send = async () => {
    throw new Error('the topic is away');
  };
  const { status, body } = await send('POST', '/mail/test');
  expect(status).toBe(502);
  expect(body['code']).toBe('mail_not_taken');
  expect(body['detail']).toContain('the topic is away');
});
