/**
 * Users whose team is known. A user comes into being when first named by a key, a cap or a call; what stands here is
 * only what nobody could tell from those: the team that their calls are charged to.
 *
 *   user   USER#<id> / -   listed by the index under USERS
 */
import { putIfAbsent } from '../ledger/expressions.ts';
import type { CursorPage } from '../pages.ts';
import { isApplied, type Clock, type Item, type ItemKey, type Table } from '../ports.ts';
import { CONFIGURATION_LAG, FreshCache } from './fresh-cache.ts';
import { listRecords } from './records.ts';

export interface User {
  id: string;
  team: string;
  /** Tells the policy file's users from those of the API. */
  source: 'policy' | 'admin';
}

export class Users {
  private readonly table: Table;
  private readonly known: FreshCache<User | undefined>;

  constructor({ table, clock }: { table: Table; clock: Clock }) {
    this.table = table;
    this.known = new FreshCache(clock, CONFIGURATION_LAG);
  }

  /** As of at most thirty seconds ago; undefined for users of no team of their own. */
  async teamOf(id: string): Promise<string | undefined> {
    return (await this.known.get(id, () => this.get(id)))?.team;
  }

  async get(id: string): Promise<User | undefined> {
    const item = await this.table.get(keyOf(id));
    return item && userFromItem(item);
  }

  async list(limit: number, cursor?: string): Promise<CursorPage<User>> {
    return listRecords(this.table, 'USERS', { limit, cursor }, userFromItem);
  }

  /** Level-based, so a repeat changes nothing. Calls in flight settle where they were held; the next ones move. */
  async put(user: User): Promise<'created' | 'changed'> {
    const item = userToItem(user);
    for (;;) {
      const first = await this.table.put(putIfAbsent(item));
      this.known.forget(user.id);
      if (isApplied(first)) return 'created';
      const over = await this.table.put({ item, condition: 'attribute_exists(pk)' });
      this.known.forget(user.id);
      if (isApplied(over)) return 'changed';
    }
  }

  /** False when there is none. Calls of the user are charged to the team of the key from then on. */
  async delete(id: string): Promise<boolean> {
    const outcome = await this.table.delete({ key: keyOf(id), condition: 'attribute_exists(pk)' });
    this.known.forget(id);
    return isApplied(outcome);
  }
}

const keyOf = (id: string): ItemKey => ({ pk: `USER#${id}`, sk: '-' });

const userToItem = ({ id, team, source }: User): Item & ItemKey => ({
  ...keyOf(id),
  gpk: 'USERS',
  gsk: id,
  team,
  source,
});

const userFromItem = (item: Item): User => ({
  id: item['gsk'] as string,
  team: item['team'] as string,
  source: item['source'] as User['source'],
});
