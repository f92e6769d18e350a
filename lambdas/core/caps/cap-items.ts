/** Caps as the table holds them, and what a change of one means for its account. */
import { capId } from '../brands.ts';
import type { CapDefinition } from './cap-definition.ts';
import type { Cap, Metric, ScopeType, Thresholds } from './cap.ts';
import type { Item, ItemKey } from '../ports.ts';
import { parseWindow, windowName } from './windows.ts';

export interface StoredCap extends Cap {
  zone: CapDefinition['zone'];
  source: 'policy' | 'admin';
  scopeKey: string;
}

/** Items of the next state; `changed` is false when it is what stands there already. */
export function capToItems(
  cap: CapDefinition,
  old: Item | undefined,
  source: 'policy' | 'admin',
): { byId: Item & ItemKey; byScope: Item & ItemKey; scopeKey: string; changed: boolean } {
  const identity = identityOf(cap);
  const isSameAccount = old?.['identity'] === identity;
  const generation = old ? (old['generation'] as bigint) + (isSameAccount ? 0n : 1n) : 0n;
  const body = {
    id: cap.id,
    scopeType: cap.scope.type,
    scopeId: cap.scope.id,
    metric: cap.metric,
    window: windowName(cap.window),
    limit: cap.limit,
    overage: cap.overage,
    timeZone: cap.zone.timeZone,
    anchorDay: BigInt(cap.zone.anchorDay),
    thresholds: thresholdsToItem(cap.thresholds),
    ladder: cap.ladder,
    identity,
    generation,
    source,
  };
  const changed = !old || Object.entries(body).some(([name, value]) => !isEqual(old[name], value));
  const revision = ((old?.['revision'] as bigint | undefined) ?? 0n) + 1n;
  const scopeKey = `${cap.scope.type}:${cap.scope.id}`;
  return {
    byId: { pk: `CAP#${cap.id}`, sk: '-', gpk: 'CAPS', gsk: cap.id, ...body, revision },
    byScope: { pk: `CAPS#${scopeKey}`, sk: cap.id, ...body, revision },
    scopeKey,
    changed,
  };
}

/** What must be the same for old figures to mean the same. */
const identityOf = (cap: CapDefinition): string =>
  [cap.scope.type, cap.scope.id, cap.metric, windowName(cap.window), ...calendarOf(cap)].join(' ');

/** The members of the zone that move the window; a change of the others must not give spent money back. */
function calendarOf({ window, zone }: CapDefinition): string[] {
  if (window.kind !== 'calendar') return [];
  const isAnchored = window.calendar.unit === 'week' || window.calendar.unit === 'month';
  return isAnchored ? [zone.timeZone, String(zone.anchorDay)] : [zone.timeZone];
}

/** What stays of a deleted cap: enough for the same cap to go on with its account. Not listed any more. */
export function tombstoneOf(item: Item & ItemKey): Item & ItemKey {
  const kept = Object.entries(item).filter(([name]) => name !== 'gpk' && name !== 'gsk');
  return { ...(Object.fromEntries(kept) as Item & ItemKey), deleted: true };
}

export function capFromItem(item: Item): StoredCap {
  const zone = { timeZone: item['timeZone'] as string, anchorDay: Number(item['anchorDay']) };
  const window = parseWindow(item['window'] as string, zone);
  const id = item['id'] as string;
  if (!window) throw new Error(`the stored cap ${id} has no window`);
  const generation = item['generation'] as bigint;
  const scope = { type: item['scopeType'] as ScopeType, id: item['scopeId'] as string };
  return {
    id: capId(id),
    account: generation === 0n ? id : `${id}~${generation}`,
    scope,
    metric: item['metric'] as Metric,
    window,
    limit: item['limit'] as bigint,
    overage: item['overage'] as bigint,
    thresholds: thresholdsFromItem(item['thresholds'] as Item),
    ladder: item['ladder'] as string,
    revision: item['revision'] as bigint,
    zone,
    source: item['source'] as StoredCap['source'],
    scopeKey: `${scope.type}:${scope.id}`,
  };
}

const thresholdsToItem = ({ warn, throttle, block }: Thresholds): Item => ({
  warn: warn?.map(BigInt) ?? null,
  throttle: throttle === null ? null : BigInt(throttle),
  block: block === null ? null : BigInt(block),
});

function thresholdsFromItem(item: Item): Thresholds {
  const share = (value: Item[string] | undefined): number | null =>
    value === null || value === undefined ? null : Number(value);
  const warn = item['warn'] as bigint[] | null;
  return { warn: warn?.map(Number) ?? null, throttle: share(item['throttle']), block: share(item['block']) };
}

const isEqual = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

/** One text a value: the table keeps no order of members. */
export function canonical(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null)
    return value === undefined ? 'undefined' : JSON.stringify(value);
  const members = Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1));
  return `{${members.map(([name, member]) => `${name}:${canonical(member)}`).join()}}`;
}
