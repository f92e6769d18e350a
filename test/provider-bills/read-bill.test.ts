/** Bills, read exactly: every export from its example, and what is broken, cut off, too large or something else. */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, test } from 'vitest';
import { UnreadableBill, type Bill } from '../../lambdas/adapters/provider-bills/bill.ts';
import { readBill, type BillProvider } from '../../lambdas/adapters/provider-bills/read-bill.ts';
import { readFileSync } from 'node:fs';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { formatUsd } from '../../lambdas/core/money.ts';

const path = (name: string): string => new URL(`documents/${name}`, import.meta.url).pathname;
const text = (name: string): string => readFileSync(path(name), 'utf8');
const fromFile = (provider: BillProvider, name: string) => readBill(provider, createReadStream(path(name)));
const fromText = (provider: BillProvider, content: string | Uint8Array) =>
  readBill(provider, Readable.from([Buffer.from(content)]));

/** `day name: usd, input + output tokens, calls`, with a dash for what the bill does not say. */
const linesOf = (bill: Bill): string[] =>
  bill
    .lines()
    .map(
      ({ day, name, usd, tokens, calls }) =>
        `${day} ${name ?? '*'}: ${usd === null ? '-' : `$${formatUsd(picoUsd(usd))}`}, ${tokens ? `${tokens.input} + ${tokens.output}` : '-'}, ${calls ?? '-'}`,
    );

test.each<[BillProvider, string, string[]]>([
  [
    'openai',
    'openai-costs.json',
    [
      '2026-11-01 gpt-5-mini-2025-08-07: $0.10081155, 240180 + 20000, -',
      '2026-11-01 web search tool calls: $0.02, -, -',
    ],
  ],
  [
    'openai',
    'openai-usage.json',
    ['2026-11-01 gpt-5-mini-2025-08-07: -, 1000 + 500, 5', '2026-11-01 text-embedding-3-small: -, 16 + 0, 2'],
  ],
  ['openai', 'openai-costs.csv', ['2026-11-01 gpt-5-mini-2025-08-07: $0.50383598, 15343 + 250000, -']],
  ['openai', 'openai-usage.csv', ['2026-11-01 gpt-5-mini-2025-08-07: -, 1000 + 500, 5']],
  [
    'anthropic',
    'anthropic-costs.json',
    ['2026-11-01 Web Search Usage: $0.02, -, -', '2026-11-01 claude-haiku-4-5-20251001: $1.2428912, -, -'],
  ],
  ['anthropic', 'anthropic-usage.json', ['2026-11-01 claude-haiku-4-5-20251001: -, 3201 + 502, -']],
  [
    'anthropic',
    'anthropic-costs.csv',
    ['2026-11-01 Claude Haiku 4.5: $0.07, -, -', '2026-11-02 Claude Opus 5: $18.71, -, -'],
  ],
  ['anthropic', 'anthropic-usage.csv', ['2026-11-01 claude-haiku-4-5-20251001: -, 104023 + 5000, -']],
  [
    'aws',
    'aws-cur2.csv',
    [
      '2026-11-01 Claude Haiku 4.5: $0.001234, -, -',
      '2026-11-01 NovaPro: $0.0032, 2000 + 500, -',
      '2026-11-02 Claude4.6Sonnet: $0.4455, 1500000 + 0, -',
    ],
  ],
  ['aws', 'aws-focus.csv', ['2026-11-01 Claude Haiku 4.5: $0.0055, 0 + 1100, -']],
])('%s: %s', async (provider, name, lines) => {
  expect(linesOf(await fromFile(provider, name))).toEqual(lines);
});

describe('a bill', () => {
  it('has the days that cost nothing, too', async () => {
    expect([...(await fromFile('openai', 'openai-costs.json')).days]).toEqual(['2026-11-01', '2026-11-02']);
    expect([...(await fromFile('openai', 'openai-costs.csv')).days]).toEqual(['2026-10-31', '2026-11-01']);
  });

  it('says what it left out, and that pages follow', async () => {
    expect([...(await fromFile('openai', 'openai-usage.json')).notes].sort()).toEqual([
      'more pages follow, which are not here',
      'organization.usage.vector_stores.result is not compared: it has neither tokens nor calls of a model',
    ]);
    expect([...(await fromFile('aws', 'aws-cur2.csv')).notes]).toEqual([
      'lines of the kind Tax are not compared',
    ]);
  });

  it('that is not broken down by model is one line a day', async () => {
    // The example of OpenAI's reference, word for word.
    const bill = await fromText(
      'openai',
      '{"object": "page", "data": [{"object": "bucket", "start_time": 1730419200, "end_time": 1730505600, "results": [{"object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"}, "line_item": null, "project_id": null}]}], "has_more": false, "next_page": null}',
    );
    expect(linesOf(bill)).toEqual(['2024-11-01 *: $0.06, -, -']);
  });

  it('of cents a row tells how much the rounding may hide', async () => {
    const [haiku, opus] = (await fromFile('anthropic', 'anthropic-costs.csv')).lines();
    expect([haiku, opus].map((line) => formatUsd(line!.rounding))).toEqual(['0.01', '0.005']);
    const [exact] = (await fromFile('anthropic', 'anthropic-costs.json')).lines();
    expect(exact!.rounding).toBe(0n);
  });

  it('may be several pages in one file, packed, and begin with a byte order mark', async () => {
    const page = text('anthropic-usage.json');
    expect(linesOf(await fromText('anthropic', `[${page},${page}]`))).toEqual([
      '2026-11-01 claude-haiku-4-5-20251001: -, 6402 + 1004, -',
    ]);
    for (const name of ['openai-costs.csv', 'openai-costs.json']) {
      const plain = linesOf(await fromFile('openai', name));
      expect(linesOf(await fromText('openai', gzipSync(text(name))))).toEqual(plain);
      expect(linesOf(await fromText('openai', `\uFEFF${text(name)}`))).toEqual(plain);
    }
  });

  it('keeps every digit of a sum', async () => {
    const amounts = Array.from({ length: 1000 }, () => '0.1');
    const results = amounts.map(
      (value) => `{"object": "organization.costs.result", "amount": {"value": ${value}, "currency": "usd"}}`,
    );
    const bill = await fromText(
      'openai',
      `{"data": [{"start_time": 1793491200, "end_time": 1793577600, "results": [${results.join(',')}]}]}`,
    );
    expect(bill.lines()[0]!.usd).toBe(100_000_000_000_000n);
  });

  it('of a hundred thousand rows takes the room of one', async () => {
    const header = text('anthropic-costs.csv').split('\n')[0]!;
    const row =
      '2026-11-01,Claude Haiku 4.5,Default,k,message,≤ 200k,output,0.01,0.01,token,global,,a,active\n';
    const block = Buffer.from(row.repeat(1000));
    function* blocks(): Generator<Buffer> {
      yield Buffer.from(`${header}\n`);
      for (let i = 0; i < 100; i += 1) yield block;
    }
    const bill = await readBill('anthropic', Readable.from(blocks()));
    expect(linesOf(bill)).toEqual(['2026-11-01 Claude Haiku 4.5: $1000.00, -, -']);
  }, 60_000);
});

describe('refused, and told why, is', () => {
  const costs = text('openai-costs.json');
  const table = text('anthropic-costs.csv');
  const aws = text('aws-cur2.csv');
  it.each<[string, BillProvider, string | Uint8Array, RegExp]>([
    ['nothing', 'openai', '', /^is empty$/],
    ['nothing, packed', 'openai', gzipSync(''), /^is empty$/],
    ['a page that was cut off', 'openai', costs.slice(0, 700), /^is not whole JSON/],
    ['a table that was cut off in a row', 'anthropic', table.slice(0, -20), /^is broken, or was cut off/],
    [
      'a table that was cut off in a quoted field',
      'anthropic',
      table.slice(0, -70),
      /^is broken, or was cut/,
    ],
    [
      'a packed table that was cut off',
      'anthropic',
      gzipSync(table).subarray(0, 150),
      /^is broken, or was cut/,
    ],
    ['a ZIP archive', 'anthropic', 'PK\u0003\u0004', /^is a ZIP archive/],
    ['a page of a site', 'openai', '<!doctype html>\n<html></html>\n', /^is no export of OpenAI/],
    ['an error of the API', 'openai', '{"error": {"message": "no"}}', /^is no answer of a cost or usage API/],
    ['the bill of somebody else, as JSON', 'anthropic', costs, /^has a bucket without starting_at/],
    ['the bill of somebody else, as CSV', 'openai', table, /^is no export of OpenAI/],
    ['JSON of AWS', 'aws', '{"ResultsByTime": []}', /^is JSON, and AWS exports CSV$/],
    ['a report without a cost', 'aws', 'a,b\n1,2\n', /^is no export of AWS/],
    ['another currency', 'openai', costs.replace('"usd"', '"eur"'), /^is in "eur", and not in US dollars$/],
    ['another currency in a row', 'aws', aws.replace(',USD,', ',CNY,'), /^row 1: is in "CNY"/],
    [
      'an amount in words',
      'anthropic',
      table.replace(',0.05,', ',a little,'),
      /^row 1: cost_usd is no number: "a little"$/,
    ],
    ['no amount', 'anthropic', table.replace(',0.02,', ',,'), /^row 2: has no cost_usd$/],
    [
      'a day that does not exist',
      'anthropic',
      table.replace('2026-11-02', '2026-11-31'),
      /^row 3: usage_date_utc is no day/,
    ],
    [
      'a week in one',
      'openai',
      costs.replace('1793577600', '1794096000'),
      /^has a span of time that is no part of one UTC day/,
    ],
    [
      'an hour of two days',
      'anthropic',
      text('anthropic-usage.json').replace('T10:00:00Z', 'T09:00:00+12:00'),
      /no part of one UTC day/,
    ],
    ['half a token', 'openai', costs.replace('240000.0', '240000.5'), /^quantity is no count: "240000.5"$/],
    [
      'fewer tokens than none',
      'openai',
      text('openai-usage.json').replace('1000', '-1000'),
      /^input_tokens is no count/,
    ],
    [
      'a result of neither kind',
      'openai',
      costs.replace('organization.costs.result', 'list'),
      /^has a result that is neither/,
    ],
    [
      'a product that is no JSON',
      'aws',
      aws.replace('{""product_name"":""Amazon Bedrock""}', 'Bedrock'),
      /^row 1: has a product that is no JSON$/,
    ],
    [
      'a line without end',
      'anthropic',
      `${table}"${'x'.repeat(3 * 1024 * 1024)}`,
      /^is broken, or was cut off/,
    ],
    ['bytes that are no text', 'openai', Buffer.from([0x7b, 0xff, 0xfe]), /^is no text in UTF-8$/],
    ['no day', 'openai', '{"data": []}', /^has no day$/],
  ])('%s', async (_, provider, content, message) => {
    await expect(fromText(provider, content)).rejects.toThrow(UnreadableBill);
    await expect(fromText(provider, content)).rejects.toThrow(message);
  });

  it('more days and models than anybody has', async () => {
    const header = table.split('\n')[0]!;
    const rows = Array.from({ length: 20_001 }, (_, i) => `2026-11-01,m${i},,,,,output,0.01,,,,,,`);
    await expect(fromText('anthropic', [header, ...rows].join('\n'))).rejects.toThrow(/more than 20000 days/);
  });

  it('a document that is too large', async () => {
    function* blocks(): Generator<Buffer> {
      yield Buffer.from('[');
      for (let i = 0; i < 65; i += 1) yield Buffer.alloc(1024 * 1024, ' ');
    }
    await expect(readBill('openai', Readable.from(blocks()))).rejects.toThrow(/has more than 67108864 bytes/);
  });

  it('a file that is not there, with the reason of the system', async () => {
    await expect(fromFile('openai', 'none.json')).rejects.toThrow(/ENOENT/);
  });
});
