/** Which cache writes a body asks for. */
import type { CallShape } from '../../../core/endpoint.ts';
import { isObject, type JsonObject, type JsonValue } from '../../../core/json-document.ts';

const FIVE_MINUTES: ReadonlySet<unknown> = new Set([undefined, null, '5m']);

/** The dearest lifetime that any mark of the value names, wherever it stands; an unknown one is the longest. */
export function cacheWritesOf(
  value: JsonValue | undefined,
  mark: 'cache_control' | 'cachePoint' = 'cache_control',
): CallShape['cacheWrites'] {
  let dearest: CallShape['cacheWrites'] = 'none';
  const open: (JsonValue[] | JsonObject)[] = [];
  const look = (into: JsonValue | undefined): void => {
    if (typeof into === 'object' && into !== null) open.push(into);
  };
  look(value);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (Array.isArray(next)) {
      next.forEach(look);
      continue;
    }
    const control = next[mark];
    if (isObject(control)) {
      if (!FIVE_MINUTES.has(control['ttl'])) return '1h';
      dearest = '5m';
    }
    for (const name in next) look(next[name]);
  }
  return dearest;
}
