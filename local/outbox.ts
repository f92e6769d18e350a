/** Mails that would have been sent, newest last. Local mode sends none; the books keep them. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import { parseRfc3339, toSortableRfc3339 } from '../lambdas/core/time.ts';
import { everyItem } from '../lambdas/core/pages.ts';
import { putIfAbsent } from '../lambdas/core/ledger/expressions.ts';
import { TableUnavailable, type Item, type Table } from '../lambdas/core/ports.ts';

export interface Mail {
  to: string;
  subject: string;
  text: string;
  /** RFC 3339. */
  at: string;
}

/** What `GET /outbox` shows of a long history. */
const MAILS_SHOWN_MAX = 500;
const PARTITION = 'OUTBOX';

export class Outbox {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** A mail of the same `id` and instant is there once, however often it is put. Throws TableUnavailable. */
  async put(id: string, { to, subject, text, at }: Mail): Promise<void> {
    const sk = `${toSortableRfc3339(parseRfc3339(at)!)}#${id}`;
    const write = await this.#table.put(putIfAbsent({ pk: PARTITION, sk, to, subject, text, at }));
    if (write.kind === 'unavailable') throw new TableUnavailable(write.reason);
  }

  /** Throws TableUnavailable. */
  async mails(): Promise<Mail[]> {
    const found: Item[] = [];
    const newestFirst = { partition: PARTITION, descending: true, limit: MAILS_SHOWN_MAX };
    for await (const item of everyItem((at) => this.#table.query({ ...newestFirst, ...at }))) {
      found.push(item);
      if (found.length >= MAILS_SHOWN_MAX) break;
    }
    return found.reverse().map(mailFromItem);
  }
}

const mailFromItem = (item: Item): Mail => ({
  to: item['to'] as string,
  subject: item['subject'] as string,
  text: item['text'] as string,
  at: item['at'] as string,
});

/** `GET /outbox`: JSON for programs that ask for it, a page for people. */
export function createOutboxApp(outbox: Outbox): Hono {
  const app = new Hono();
  app.get('/outbox', async (c) => {
    const mails = await outbox.mails();
    if (c.req.header('accept')?.includes('application/json')) return c.json({ items: mails });
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
            ${mails.length === 0 ? html`<p>None so far.</p>` : mails.map(mailSection)}
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
    <pre style="white-space: pre-wrap">${text}</pre>
  </article>`;
