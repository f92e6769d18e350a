/** Items in one SQLite file: keys in columns, the item as DynamoDB's JSON text, so that 38 digits stay text. */
import sqlite, { type Database, type Statement } from 'node-sqlite3-wasm';
import type { StoredItem } from './attribute-values.ts';
import { indexKeysOf, type ItemStore, type Key, type Range } from './store.ts';

/** Keys compare as UTF-8 bytes, SQLite's default. The lock must be exclusive before WAL, or WAL is refused. */
const SETUP = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS item (
    pk TEXT NOT NULL, sk TEXT NOT NULL, gpk TEXT, gsk TEXT, body TEXT NOT NULL, PRIMARY KEY (pk, sk)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS by_time ON item (gpk, gsk, pk, sk) WHERE gpk IS NOT NULL AND gsk IS NOT NULL;
`;

export class SqliteStore implements ItemStore {
  readonly #db: Database;
  readonly #statements = new Map<string, Statement>();

  constructor(file: string) {
    this.#db = new sqlite.Database(file);
    try {
      this.#db.exec(SETUP);
      const mode = this.#db.get('PRAGMA journal_mode')?.['journal_mode'];
      if (mode !== 'wal') throw new Error('SQLite did not take journal_mode WAL');
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Runs `work` in one transaction: durable when this returns, undone when it throws. */
  commit(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  get({ pk, sk }: Key): StoredItem | undefined {
    const row = this.#prepared('SELECT body FROM item WHERE pk = ? AND sk = ?').get([pk, sk]);
    return row ? itemOf(row) : undefined;
  }

  put({ pk, sk }: Key, item: StoredItem): void {
    const keys = indexKeysOf(item);
    this.#prepared('INSERT OR REPLACE INTO item (pk, sk, gpk, gsk, body) VALUES (?, ?, ?, ?, ?)').run([
      pk,
      sk,
      keys?.gpk ?? null,
      keys?.gsk ?? null,
      JSON.stringify(item),
    ]);
  }

  delete({ pk, sk }: Key): void {
    this.#prepared('DELETE FROM item WHERE pk = ? AND sk = ?').run([pk, sk]);
  }

  read(range: Range, limit: number): StoredItem[] {
    const { sql, values } = selectOf(range, limit);
    return this.#prepared(sql).all(values).map(itemOf);
  }

  close(): void {
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    this.#db.close();
  }

  #prepared(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** One of a few dozen texts, so that prepared statements are reused. */
function selectOf(range: Range, limit: number): { sql: string; values: (string | number)[] } {
  const table = range.of === 'table';
  const [partition, sort, position] = table ? ['pk', 'sk', 'pk, sk'] : ['gpk', 'gsk', 'gsk, pk, sk'];
  const where: string[] = table ? [] : ['gpk IS NOT NULL', 'gsk IS NOT NULL'];
  const values: (string | number)[] = [];
  const add = (condition: string, ...more: string[]): void => {
    where.push(condition);
    values.push(...more);
  };
  if (range.partition !== undefined) add(`${partition} = ?`, range.partition);
  if (range.lower) add(`${sort} ${range.lower.inclusive ? '>=' : '>'} ?`, range.lower.text);
  if (range.upper) add(`${sort} ${range.upper.inclusive ? '<=' : '<'} ?`, range.upper.text);
  if (range.after) {
    const { pk, sk, gsk } = range.after;
    const comparator = range.descending ? '<' : '>';
    if (table) add(`(pk, sk) ${comparator} (?, ?)`, pk, sk);
    else add(`(gsk, pk, sk) ${comparator} (?, ?, ?)`, gsk, pk, sk);
  }
  values.push(limit);
  const filter = where.length > 0 ? ` WHERE ${where.join(' AND ')}` : '';
  const order = position.replaceAll(/\w+/g, (column) => `${column}${range.descending ? ' DESC' : ''}`);
  return { sql: `SELECT body FROM item${filter} ORDER BY ${order} LIMIT ?`, values };
}

const itemOf = (row: Record<string, unknown>): StoredItem => JSON.parse(String(row['body'])) as StoredItem;
