/**
 * Who may call, and which caps stand over whom: app keys, users, caps and quarantined models, as the table holds them.
 * Calls read through a cache of thirty seconds (the stated lag of a changed cap); a change made in this process
 * is in force at once.
 *
 *   cap         CAPS#<scope type>:<scope id> / <cap id>   what a call looks up
 *               CAP#<cap id> / -                          the same cap by its id, listed by the index under CAPS
 *   key         KEY#<key id> / -                          listed under KEYS
 *   user        users.ts
 *   quarantine  QUARANTINE#<model> / -                    listed under QUARANTINES
 */
import { epochMs, type EpochMs } from '../brands.ts';
import { canonical, capFromItem, capToItems, tombstoneOf, type StoredCap } from '../caps/cap-items.ts';
import type { CapDefinition } from '../caps/cap-definition.ts';
import type { Cap } from '../caps/cap.ts';
import { CONFIGURATION_LAG, FreshCache } from './fresh-cache.ts';
import { everyItem, type CursorPage } from '../pages.ts';
import { putAtVersion, putIfAbsent } from '../ledger/expressions.ts';
import { sha256 } from '../request-ids.ts';
import { isApplied, type Clock, type Item, type ItemKey, type Table, type TransactWrite } from '../ports.ts';
import { listRecords } from './records.ts';
import { Users } from './users.ts';

const TOKEN_LENGTH = 32;

export type KeyScope = 'call' | 'delegate' | 'admin';

/** An app key as stored: the key itself is shown once and never kept. */
export interface AppKey {
  id: string;
  /** Hex SHA-256 of the whole key. */
  hash: string;
  /** Of keys made under an idempotency key, so that a repeat makes the same one. */
  salt?: string;
  app: string;
  team: string;
  scopes: KeyScope[];
  user: string | null;
  requireUser: boolean;
  createdAt: EpochMs;
}

/** Whom a call is charged to. */
export interface Attribution {
  user: string | null;
  team: string;
  app: string;
  feature: string;
}

export interface Quarantine {
  model: string;
  /** Request whose cost was above its bound. */
  requestId: string;
  at: EpochMs;
}

export class Directory {
  readonly users: Users;
  private readonly table: Table;
  private readonly clock: Clock;
  private readonly keys: FreshCache<AppKey | undefined>;
  private readonly caps: FreshCache<Cap[]>;
  private readonly quarantines: FreshCache<Quarantine | undefined>;

  constructor({ table, clock }: { table: Table; clock: Clock }) {
    this.table = table;
    this.clock = clock;
    this.users = new Users({ table, clock });
    this.keys = new FreshCache(clock, CONFIGURATION_LAG);
    this.caps = new FreshCache(clock, CONFIGURATION_LAG);
    this.quarantines = new FreshCache(clock, CONFIGURATION_LAG);
  }

  // ---- what a call asks (cached) ---------------------------------------------------------------------------

  keyById(id: string): Promise<AppKey | undefined> {
    return this.keys.get(id, () => this.getKey(id));
  }

  /**
   * The user's own team, where one is known. Their caps are looked up meanwhile: they are asked for next, and do not
   * depend on it.
   */
  teamOf(user: string): Promise<string | undefined> {
    this.capsOf(`user:${user}`).catch(() => undefined);
    return this.users.teamOf(user);
  }

  /**
   * Every cap over a call: own ones of the user and of the user's feature, those of everybody (`*`; a usd cap of the
   * user's own stands in for the ones in usd), and those that the call shares with its team, app, feature and
   * organisation.
   */
  async capsFor({ user, team, app, feature }: Attribution): Promise<Cap[]> {
    const [shared, own, everyone, ofFeature] = await Promise.all([
      Promise.all(
        [`team:${team}`, `app:${app}`, `feature:${app}/${feature}`, 'org:org'].map((scope) =>
          this.capsOf(scope),
        ),
      ),
      user === null ? [] : this.capsOf(`user:${user}`),
      user === null ? [] : this.capsOf('user:*'),
      user === null ? [] : this.capsOf(`user_feature:${user}/${feature}`),
    ]);
    const hasOwnUsd = own.some(({ metric }) => metric === 'usd');
    const ofEveryone = hasOwnUsd ? everyone.filter(({ metric }) => metric !== 'usd') : everyone;
    return [...own, ...ofEveryone, ...ofFeature, ...shared.flat()];
  }

  quarantineOf(model: string): Promise<Quarantine | undefined> {
    return this.quarantines.get(model, async () => {
      const item = await this.table.get(quarantineKey(model));
      return item && quarantineFromItem(item);
    });
  }

  private capsOf(scope: string): Promise<Cap[]> {
    return this.caps.get(scope, async () => {
      const caps: Cap[] = [];
      for await (const item of everyItem((at) => this.table.query({ partition: `CAPS#${scope}`, ...at }))) {
        if (item['deleted'] !== true) caps.push(capFromItem(item));
      }
      return caps;
    });
  }

  // ---- caps ------------------------------------------------------------------------------------------------

  async getCap(id: string): Promise<StoredCap | undefined> {
    const item = await this.table.get(capKey(id));
    return item && item['deleted'] !== true ? capFromItem(item) : undefined;
  }

  async listCaps(limit: number, cursor?: string): Promise<CursorPage<StoredCap>> {
    return listRecords(this.table, 'CAPS', { limit, cursor }, capFromItem);
  }

  /**
   * Creates or replaces the cap; level-based, so a repeat changes nothing. The account goes on when only amounts
   * change, also over a deletion. `source` tells the policy file's caps from those of the API.
   */
  async putCap(
    definition: CapDefinition,
    source: 'policy' | 'admin',
  ): Promise<{ cap: StoredCap; created: boolean }> {
    for (;;) {
      const old = await this.table.get(capKey(definition.id));
      const next = capToItems(definition, old, source);
      const created = old === undefined || old['deleted'] === true;
      if (!next.changed && !created) return { cap: capFromItem(old), created: false };
      const version = (old?.['v'] as bigint | undefined) ?? 0n;
      const left = old && capFromItem(old).scopeKey !== next.scopeKey ? [removed(old)] : [];
      const writes: TransactWrite[] = [
        { op: 'put', ...putAtVersion(next.byId, old && { v: version }) },
        { op: 'put', item: { ...next.byScope, v: version + 1n } },
        ...left.map((item) => ({ op: 'put' as const, item })),
      ];
      if (await this.change(writes, `${version} ${canonical(next.byId)}`, left)) {
        return { cap: capFromItem({ ...next.byId, v: version + 1n }), created };
      }
    }
  }

  /** False when there is none. The account's figures stay, for a cap of the same kind under the same id. */
  async deleteCap(id: string): Promise<boolean> {
    for (;;) {
      const old = await this.table.get(capKey(id));
      if (!old || old['deleted'] === true) return false;
      const version = old['v'] as bigint;
      const left = removed(old);
      const writes: TransactWrite[] = [
        { op: 'put', ...putAtVersion(tombstoneOf(old as Item & ItemKey), { v: version }) },
        { op: 'put', item: left },
      ];
      if (await this.change(writes, `${version} deleted ${id}`, [left])) return true;
    }
  }

  /**
   * Writes the cap in all its places or in none, so that the list and the callers are of one mind. A place that it
   * left is marked, and swept afterwards. False when another change came first.
   */
  private async change(writes: TransactWrite[], plan: string, left: ItemKey[]): Promise<boolean> {
    // A token may not come again with other writes, so it is made of them.
    const token = await sha256(plan);
    const outcome = await this.table.transact(writes, token.slice(0, TOKEN_LENGTH));
    this.caps.forgetAll();
    if (!isApplied(outcome)) return false;
    const condition = { condition: 'deleted = :true', values: { ':true': true } };
    // What is not swept stays marked; what came back meanwhile is not marked any more.
    for (const { pk, sk } of left) await this.table.delete({ key: { pk, sk }, ...condition });
    return true;
  }

  // ---- keys ------------------------------------------------------------------------------------------------

  async createKey(key: AppKey): Promise<'created' | 'exists'> {
    const outcome = await this.table.put(putIfAbsent(keyToItem(key)));
    this.keys.forget(key.id);
    return isApplied(outcome) ? 'created' : 'exists';
  }

  async getKey(id: string): Promise<AppKey | undefined> {
    const item = await this.table.get(keyKey(id));
    return item && keyFromItem(item);
  }

  async listKeys(limit: number, cursor?: string): Promise<CursorPage<AppKey>> {
    return listRecords(this.table, 'KEYS', { limit, cursor }, keyFromItem);
  }

  async deleteKey(id: string): Promise<boolean> {
    const outcome = await this.table.delete({ key: keyKey(id), condition: 'attribute_exists(pk)' });
    this.keys.forget(id);
    return isApplied(outcome);
  }

  // ---- quarantined models ----------------------------------------------------------------------------------

  async putQuarantine(model: string, { requestId }: { requestId: string }): Promise<void> {
    const at = BigInt(this.clock.now());
    const item = { ...quarantineKey(model), gpk: 'QUARANTINES', gsk: model, model, rq: requestId, at };
    const outcome = await this.table.put(putIfAbsent(item));
    this.quarantines.forget(model);
    isApplied(outcome);
  }

  async listQuarantines(limit: number, cursor?: string): Promise<CursorPage<Quarantine>> {
    return listRecords(this.table, 'QUARANTINES', { limit, cursor }, quarantineFromItem);
  }

  async deleteQuarantine(model: string): Promise<boolean> {
    const outcome = await this.table.delete({ key: quarantineKey(model), condition: 'attribute_exists(pk)' });
    this.quarantines.forget(model);
    return isApplied(outcome);
  }
}

/** Stands where callers look the cap up, until it is swept. */
function removed(old: Item): Item & ItemKey {
  const { scopeKey, id } = capFromItem(old);
  return { pk: `CAPS#${scopeKey}`, sk: id, deleted: true };
}

const capKey = (id: string): ItemKey => ({ pk: `CAP#${id}`, sk: '-' });
const keyKey = (id: string): ItemKey => ({ pk: `KEY#${id}`, sk: '-' });
const quarantineKey = (model: string): ItemKey => ({ pk: `QUARANTINE#${model}`, sk: '-' });

const keyToItem = (key: AppKey): Item & ItemKey => ({
  ...keyKey(key.id),
  gpk: 'KEYS',
  gsk: key.id,
  hash: key.hash,
  ...(key.salt !== undefined && { salt: key.salt }),
  app: key.app,
  team: key.team,
  scopes: key.scopes,
  user: key.user,
  requireUser: key.requireUser,
  createdAt: BigInt(key.createdAt),
});

const keyFromItem = (item: Item): AppKey => ({
  id: item['gsk'] as string,
  hash: item['hash'] as string,
  ...(item['salt'] !== undefined && { salt: item['salt'] as string }),
  app: item['app'] as string,
  team: item['team'] as string,
  scopes: item['scopes'] as KeyScope[],
  user: item['user'] as string | null,
  requireUser: item['requireUser'] as boolean,
  createdAt: epochMs(Number(item['createdAt'])),
});

const quarantineFromItem = (item: Item): Quarantine => ({
  model: item['model'] as string,
  requestId: item['rq'] as string,
  at: epochMs(Number(item['at'])),
});
