/** Which cache writes a body asks for. */
import type { CallShape } from '../../../core/endpoint.ts';
import { isObject, type JsonValue } from '../../../core/json-document.ts';

const FIVE_MINUTES: ReadonlySet<unknown> = new Set([undefined, null, '5m']);

/** The dearest lifetime that any `cache_control` of the value names, wherever it stands; an unknown one is the longest. */
export function cacheWritesOf(value: JsonValue | undefined): CallShape['cacheWrites'] {
  let dearest: CallShape['cacheWrites'] = 'none';
  const open: (JsonValue | undefined)[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (Array.isArray(next)) {
      for (const element of next) open.push(element);
    } else if (isObject(next)) {
      const control = next['cache_control'];
      if (isObject(control)) {
        if (!FIVE_MINUTES.has(control['ttl'])) return '1h';
        dearest = '5m';
      }
      for (const member of Object.values(next)) open.push(member);
    }
  }
  return dearest;
}
