/** A grant desk over the table of a test; what executions are told is kept. */
import type { Directory } from '../../lambdas/core/directory/directory.ts';
import { GrantDesk } from '../../lambdas/core/grants/grant-desk.ts';
import type { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import type { Clock, Table } from '../../lambdas/core/ports.ts';

export function testDesk(books: { table: Table; ledger: Ledger; directory: Directory; clock: Clock }) {
  const ended: { token: string; output: Record<string, string> }[] = [];
  const waiting = {
    end: async (token: string, output: Record<string, string>) => void ended.push({ token, output }),
  };
  return { grants: new GrantDesk({ ...books, waiting }), ended, waiting };
}
