/**
 * The engine on disk. Operations that arrive in one turn of the event loop share one transaction of SQLite, thus
 * one fsync, and are answered after it: an answered write survives the death of the process. Within it each is on
 * its own, in order of arrival: a refused one undoes nothing of the others.
 */
import { join } from 'node:path';
import type { Clock } from '../../../core/ports.ts';
import type { DynamoDbApi } from '../dynamodb-api.ts';
import { Engine } from './engine.ts';
import { EngineError } from './errors.ts';
import { claimDirectory } from './single-opener.ts';
import { SqliteStore } from './sqlite-store.ts';

const FILE = 'spendcap.db';

/** Throws DirectoryInUse where another live process has the directory open. */
export function openSqliteEngine({
  directory,
  clock,
}: {
  directory: string;
  clock: Clock;
}): DynamoDbApi & { close(): void } {
  const file = join(directory, FILE);
  const claim = claimDirectory(directory, `${file}.lock`);
  let store: SqliteStore;
  try {
    store = new SqliteStore(file);
    claim.confirm();
  } catch (error) {
    claim.release();
    throw error;
  }
  const engine = new Engine(store, clock);
  const group = new GroupCommit(store, engine);
  return {
    updateItem: (input) => group.run(() => engine.updateItem(input)),
    putItem: (input) => group.run(() => engine.putItem(input)),
    deleteItem: (input) => group.run(() => engine.deleteItem(input)),
    getItem: (input) => group.run(() => engine.getItem(input)),
    query: (input) => group.run(() => engine.query(input)),
    scan: (input) => group.run(() => engine.scan(input)),
    transactWriteItems: (input) => group.run(() => engine.transactWriteItems(input)),
    close: () => {
      group.close();
      store.close();
      claim.release();
    },
  };
}

interface Waiting {
  /** Performs the operation and returns what answers it, to be called once it is durable. */
  perform: () => () => void;
  fail: (error: Error) => void;
}

class GroupCommit {
  readonly #store: SqliteStore;
  readonly #engine: Engine;
  #waiting: Waiting[] = [];
  #closed = false;

  constructor(store: SqliteStore, engine: Engine) {
    this.#store = store;
    this.#engine = engine;
  }

  run<T>(operation: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(lost('The store is closed', undefined));
        return;
      }
      const perform = (): (() => void) => {
        try {
          const output = operation();
          return () => resolve(output);
        } catch (error) {
          // A refusal has written nothing. Anything else comes from SQLite and condemns the whole group.
          if (!(error instanceof EngineError)) throw error;
          return () => reject(error);
        }
      };
      this.#waiting.push({ perform, fail: reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#flush());
    });
  }

  /** Performs what waits; from then on every operation fails. */
  close(): void {
    this.#flush();
    this.#closed = true;
  }

  #flush(): void {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    const answers: (() => void)[] = [];
    const tokens = this.#engine.tokensGiven;
    try {
      this.#store.commit(() => {
        for (const { perform } of group) answers.push(perform());
      });
    } catch (error) {
      // A full disk, or a commit of which nobody knows whether it reached the disk.
      this.#engine.forgetTokensAfter(tokens);
      for (const { fail } of group) fail(lost(String(error), error));
      return;
    }
    for (const answer of answers) answer();
  }
}

const lost = (message: string, cause: unknown): EngineError =>
  new EngineError('InternalServerError', message, { cause });
