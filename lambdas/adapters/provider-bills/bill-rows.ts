/** A bill in CSV, a row at a time, so that one of any length takes the room of a row. */
import { parse, type CsvError } from 'csv-parse';
import { pipeline, type Readable } from 'node:stream';
import { UnreadableBill } from './bill.ts';

/** A line that never ends is no CSV. A row of a cost and usage report has some 10 KB at most. */
const ROW_BYTES_MAX = 1024 * 1024;

/** One row, by the names of its columns. */
export class Row {
  readonly #places: ReadonlyMap<string, number>;
  readonly #fields: readonly string[];

  constructor(places: ReadonlyMap<string, number>, fields: readonly string[]) {
    this.#places = places;
    this.#fields = fields;
  }

  /** Undefined where it is empty, or there is no such column. */
  optional(column: string): string | undefined {
    const place = this.#places.get(column);
    const text = place === undefined ? '' : this.#fields[place];
    return text === '' ? undefined : text;
  }

  text(column: string): string {
    const text = this.optional(column);
    if (text === undefined) throw new UnreadableBill(`has no ${column}`);
    return text;
  }
}

export interface BillTable {
  columns: ReadonlySet<string>;
  /** What is wrong with a row is told with its number; the first after the header is 1. */
  each: (read: (row: Row) => void) => Promise<void>;
}

export async function tableOf(source: Readable): Promise<BillTable> {
  const parser = parse({ bom: true, max_record_size: ROW_BYTES_MAX, skip_empty_lines: true });
  // What goes wrong on the way comes out of the iteration.
  pipeline(source, parser, () => undefined);
  const records = readRecords(parser);
  const header = await records.next();
  if (header.done === true) throw new UnreadableBill('is empty');
  const columns = header.value.map((name) => name.trim());
  const places = new Map(columns.map((name, place) => [name, place]));
  return {
    columns: new Set(columns),
    each: async (read) => {
      let number = 0;
      for await (const fields of records) {
        number += 1;
        try {
          read(new Row(places, fields));
        } catch (error) {
          if (error instanceof UnreadableBill) throw new UnreadableBill(`row ${number}: ${error.message}`);
          throw error;
        }
      }
    },
  };
}

async function* readRecords(parser: AsyncIterable<string[]>): AsyncGenerator<string[], undefined> {
  try {
    yield* parser;
  } catch (error) {
    const { code, message } = error as Partial<CsvError>;
    if (typeof code === 'string' && code.startsWith('CSV_'))
      throw new UnreadableBill(`is broken, or was cut off: ${message!}`);
    throw error;
  }
}
