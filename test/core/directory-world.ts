/** Directories over one table in memory, and caps of alice to put into them. */
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { capFromInput, type CapDefinition, type CapInput } from '../../lambdas/core/caps/cap-definition.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import { ledgerOver, ManualClock, callOf } from '../support/worlds.ts';

export function world() {
  const clock = new ManualClock();
  const api = openMemoryEngine({ clock });
  /** A process of its own: its cache, and its view of the table. */
  const directory = (through: DynamoDbApi = api) =>
    new Directory({ ...ledgerOver({ api: through, tableName: 't' }, clock), clock });
  return { clock, api, directory, here: directory(), elsewhere: directory() };
}

const MONTH: CapInput = {
  scope: { type: 'user', id: 'alice' },
  metric: 'usd',
  window: 'month',
  limit: '20.00',
};
export const user = (id: string): Partial<CapInput> => ({ scope: { type: 'user', id } });

/** $20 a month for alice, unless told otherwise. */
export function definition(id: string, change: Partial<CapInput> = {}): CapDefinition {
  const cap = capFromInput(id, { ...MONTH, ...change });
  if ('kind' in cap) throw new Error(cap.message);
  return cap;
}
export const put = (directory: Directory, id: string, change: Partial<CapInput> = {}) =>
  directory.putCap(definition(id, change), 'admin');

/** Ids of the caps that a call meets. */
export const over = async (directory: Directory, person: string | null, feature = 'default') =>
  (await directory.capsFor(callOf(person, feature))).map(({ id }) => id).sort();
