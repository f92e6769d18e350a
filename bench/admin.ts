/** The admin API, as far as the benchmark needs it. */
import { usd } from '../lambdas/core/money.ts';
import type { Gateway } from './processes.ts';

export class Admin {
  readonly #gateway: Gateway;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  /** A key that names its user in each call, or with `user` one that is that user's. */
  async createKey(user?: string): Promise<string> {
    const kind = user === undefined ? { scopes: ['call', 'delegate'] } : { scopes: ['call'], user };
    const { key } = await this.ask<{ key: string }>('POST', '/keys', {
      app: 'bench',
      team: 'bench',
      ...kind,
    });
    return key;
  }

  /** Without the rung `throttle` the last twentieth of it can be spent as fast as the rest. */
  async putUserCap(user: string, limit: string, thresholds: object): Promise<void> {
    const cap = { metric: 'usd', window: 'month', limit, thresholds };
    await this.ask('PUT', `/caps/${user}`, { scope: { type: 'user', id: user }, ...cap });
  }

  /** What was set aside and what was charged for all calls that were admitted since. */
  async reservedAndCost(since: Date): Promise<{ reserved: bigint; cost: bigint }> {
    const sum = { reserved: 0n, cost: 0n };
    for await (const { reserved_usd, cost_usd } of this.charges(since)) {
      sum.reserved += usd(reserved_usd);
      sum.cost += usd(cost_usd);
    }
    return sum;
  }

  /** Every charge of the calls that were admitted since; by default in the last hour. */
  async *charges(since = new Date(Date.now() - 3_600_000)): AsyncGenerator<UsageItem> {
    let cursor = '';
    do {
      const path = `/usage?limit=1000&from=${since.toISOString()}${cursor}`;
      const page = await this.ask<UsagePage>('GET', path);
      yield* page.items;
      cursor = page.next_cursor === null ? '' : `&cursor=${encodeURIComponent(page.next_cursor)}`;
    } while (cursor !== '');
  }

  /** Throws unless every account adds up: figures of a gateway that loses count are worth nothing. */
  async checkBooks(): Promise<void> {
    const audit = await this.ask<{ balanced: boolean }>('GET', '/ledger/audit');
    if (!audit.balanced) throw new Error(`the books do not balance: ${JSON.stringify(audit)}`);
  }

  /** Throws where the answer is no success. */
  async ask<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.#gateway.url}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#gateway.adminKey}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }
}

interface UsageItem {
  user: string;
  /** As the call named them in its headers. */
  tags: Record<string, string>;
  reserved_usd: string;
  cost_usd: string;
}

interface UsagePage {
  items: UsageItem[];
  next_cursor: string | null;
}
