/** The page of mails that local mode does not send. */
import { expect, test } from 'vitest';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { createOutboxApp, Outbox } from '../../local/outbox.ts';
import { SteppedClock } from '../support/stepped-clock.ts';
import { SeededIds } from '../support/worlds.ts';

function world() {
  const clock = new SteppedClock();
  const api = openMemoryEngine({ clock });
  const outbox = new Outbox(new DynamoDbTable({ api, tableName: 'spendcap', clock, ids: new SeededIds() }));
  const app = createOutboxApp(outbox);
  const page = async (): Promise<string> => (await app.request('/outbox')).text();
  const put = (subject: string, text: string, at: string) =>
    outbox.put(subject, { to: 'finance@example.com', subject, text, at });
  return { put, page };
}

test('shows the newest first, and addresses as links', async () => {
  const { put, page } = world();
  expect(await page()).toContain('None so far.');
  await put(
    'First',
    'Decide here.\n\nhttps://llm.example.com/approve?token=a.b&c=d\n',
    '2026-11-24T12:00:00Z',
  );
  await put('Second', 'Nothing to open', '2026-11-24T12:00:01Z');
  const shown = await page();
  expect(shown.indexOf('<h2>Second</h2>')).toBeLessThan(shown.indexOf('<h2>First</h2>'));
  expect(shown.match(/<a .*?<\/a>/g)).toEqual([
    '<a href="https://llm.example.com/approve?token=a.b&amp;c=d">https://llm.example.com/approve?token=a.b&amp;c=d</a>',
  ]);
  expect(shown).toContain('To finance@example.com · 2026-11-24 12:00 UTC');
});

test('what stands in a mail is no markup', async () => {
  const { put, page } = world();
  await put('<b>Subject</b>', '<script>https://x.example/"onclick="</script>', '2026-11-24T12:00:00Z');
  const shown = await page();
  expect(shown).toContain('&lt;b&gt;Subject&lt;/b&gt;');
  expect(shown).toContain('&lt;script&gt;<a href="https://x.example/">');
  expect(shown).not.toContain('<script>');
  expect(shown).not.toContain('"onclick');
});
