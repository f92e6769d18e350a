/** Reads a bill of a provider, whichever of its exports it is: JSON of the API or CSV, packed by gzip or not. */
import { once } from 'node:events';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { readAnthropicDocument } from './anthropic-documents.ts';
import { readAnthropicTable } from './anthropic-table.ts';
import { readAwsTable } from './aws-table.ts';
import { UnreadableBill, type Bill } from './bill.ts';
import { tableOf, type BillTable } from './bill-rows.ts';
import { readOpenAiDocument } from './openai-documents.ts';
import { readOpenAiTable } from './openai-table.ts';

export const BILL_PROVIDERS = ['openai', 'anthropic', 'aws'] as const;
export type BillProvider = (typeof BILL_PROVIDERS)[number];

interface Readers {
  document: (text: string) => Bill;
  table: (table: BillTable) => Promise<Bill>;
}

const READERS: Record<BillProvider, Readers> = {
  openai: { document: readOpenAiDocument, table: readOpenAiTable },
  anthropic: { document: readAnthropicDocument, table: readAnthropicTable },
  aws: {
    document: () => {
      throw new UnreadableBill('is JSON, and AWS exports CSV');
    },
    table: readAwsTable,
  },
};

/** Documents are read as a whole; pages of APIs have some kilobytes a day. */
const DOCUMENT_BYTES_MAX = 64 * 1024 * 1024;

/** Throws UnreadableBill, and what `source` ends with. */
export async function readBill(provider: BillProvider, source: Readable): Promise<Bill> {
  try {
    const plain = await unpacked(source);
    const start = (await peek(plain)).toString('utf8').trimStart();
    const { document, table } = READERS[provider];
    const bill = /^\uFEFF?[[{]/.test(start)
      ? document(await textOf(plain))
      : await table(await tableOf(plain));
    if (bill.days.size === 0) throw new UnreadableBill('has no day');
    return bill;
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
      throw new UnreadableBill(`is broken, or was cut off: ${error.message}`);
    throw error;
  } finally {
    source.destroy();
  }
}

async function unpacked(source: Readable): Promise<Readable> {
  const start = await peek(source);
  if (start[0] === 0x50 && start[1] === 0x4b)
    throw new UnreadableBill('is a ZIP archive: unpack it, and give the file that is in it');
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  // What goes wrong on the way comes out of what is read last.
  return isGzip ? pipeline(source, createGunzip(), () => undefined) : source;
}

/** The beginning, which stays there to be read. */
async function peek(source: Readable): Promise<Buffer> {
  await once(source, 'readable');
  const start = source.read() as Buffer | null;
  if (start === null) return Buffer.alloc(0);
  source.unshift(start);
  return start;
}

async function textOf(source: Readable): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const pieces: string[] = [];
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > DOCUMENT_BYTES_MAX)
      throw new UnreadableBill(`has more than ${DOCUMENT_BYTES_MAX} bytes: ask the API for fewer days`);
    pieces.push(decode(decoder, chunk));
  }
  pieces.push(decode(decoder));
  return pieces.join('');
}

function decode(decoder: TextDecoder, chunk?: Buffer): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch {
    throw new UnreadableBill('is no text in UTF-8');
  }
}
