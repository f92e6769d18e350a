/** The admin API as an operator's script uses it; every answer that is no success fails the test. */
export interface CapFigures {
  id: string;
  limit: string;
  effective_limit: string;
  settled: string;
  reserved: string;
}

export interface Audit {
  balanced: boolean;
  accounts: number;
  open_holds: number;
  in_motion: number;
  differences: unknown[];
}

export interface UsageItem {
  request_id: string;
  user: string;
  tags: Record<string, string>;
  cost_usd: string;
  reserved_usd: string;
  outcome: string;
}

export interface AppKey {
  id: string;
  key: string;
}

export interface Admin {
  putCap(id: string, cap: object): Promise<void>;
  cap(id: string): Promise<CapFigures>;
  createKey(key: object): Promise<AppKey>;
  keyIds(): Promise<string[]>;
  audit(): Promise<Audit>;
  /** Every charge from an instant on. */
  usage(from: string): Promise<UsageItem[]>;
}

export function adminOf({ url, adminKey }: { url: string; adminKey: string }): Admin {
  async function ask<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${url}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }
  async function allOf<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const at: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await ask<{ items: T[]; next_cursor: string | null }>('GET', `${path}limit=1000${at}`);
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return items;
  }
  return {
    putCap: (id, cap) => ask('PUT', `/caps/${id}`, cap),
    cap: (id) => ask('GET', `/caps/${id}`),
    createKey: (key) => ask('POST', '/keys', key),
    keyIds: async () => (await allOf<AppKey>('/keys?')).map(({ id }) => id),
    audit: () => ask('GET', '/ledger/audit'),
    usage: (from) => allOf(`/usage?from=${encodeURIComponent(from)}&`),
  };
}

/** Exact dollars in picodollars, read here by itself, so that the product's reader is not its own witness. */
export function pico(decimal: string): bigint {
  const [whole, fraction = ''] = decimal.split('.');
  return BigInt(whole! + fraction.padEnd(12, '0'));
}
