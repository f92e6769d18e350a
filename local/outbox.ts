/** Mails that would have been sent, newest last. Local mode sends none; the books keep them. */
import { Hono } from 'hono';
import { html, raw } from 'hono/html';
import { STYLE } from '../lambdas/approve/style.ts';
import { instantWords } from '../lambdas/core/mail-words.ts';
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
    return c.html(outboxPage(mails));
  });
  return app;
}

/** Newest first, since that is what somebody comes for. */
const outboxPage = (mails: readonly Mail[]) =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Spendcap: mails</title>
        ${raw(`<style>${STYLE}${MAIL_STYLE}</style>`)}
      </head>
      <body>
        <header>
          <h1>Mails</h1>
          <p>Local Spendcap sends no mail. What it would have sent is here, the newest first.</p>
        </header>
        ${mails.length === 0 ? html`<main><p>None so far.</p></main>` : mails.toReversed().map(mailSection)}
      </body>
    </html>`;

const mailSection = ({ to, subject, text, at }: Mail) =>
  html`<main>
    <h2>${subject}</h2>
    <p class="org">To ${to} · ${instantWords(parseRfc3339(at)!)}</p>
    <pre>
${text.split(ADDRESS).map((part, i) => (i % 2 === 1 ? html`<a href="${part}">${part}</a>` : part))}</pre>
  </main>`;

/** A text that is split by it has the addresses at its odd places. */
const ADDRESS = /(https?:\/\/[^\s<>"]+)/;

const MAIL_STYLE = `
header,main{max-width:46rem;margin:0 auto 1.5rem}
header{color:var(--soft)}header h1{color:var(--ink);margin:0}header p{margin:.25rem 0 0}
main h2{margin:0 0 .25rem}.org{margin:0}
pre{margin:1rem 0 0;padding:1rem 0 0;border-top:1px solid var(--line);white-space:pre-wrap;overflow-wrap:anywhere;font:.875rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
a{color:var(--accent)}
`;
