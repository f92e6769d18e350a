/** Mails that would have been sent, newest last. Local mode sends none. */
import { Hono } from 'hono';
import { html } from 'hono/html';

export interface Mail {
  to: string;
  subject: string;
  text: string;
  /** RFC 3339. */
  at: string;
}

export interface Outbox {
  mails: Mail[];
}

/** `GET /outbox`: JSON for programs that ask for it, a page for people. */
export function createOutboxApp(outbox: Outbox): Hono {
  const app = new Hono();
  app.get('/outbox', (c) => {
    if (c.req.header('accept')?.includes('application/json')) return c.json({ items: outbox.mails });
    return c.html(
      html`<!doctype html>
        <html lang="en">
          <head>
            <meta charset="utf-8" />
            <title>Spendcap: mails</title>
          </head>
          <body>
            <h1>Mails</h1>
            <p>Local Spendcap sends no mail. What it would have sent is here.</p>
            ${outbox.mails.length === 0 ? html`<p>None so far.</p>` : outbox.mails.map(mailSection)}
          </body>
        </html>`,
    );
  });
  return app;
}

const mailSection = ({ to, subject, text, at }: Mail) =>
  html`<article>
    <h2>${subject}</h2>
    <p>To ${to}, ${at}</p>
    <pre>${text}</pre>
  </article>`;
