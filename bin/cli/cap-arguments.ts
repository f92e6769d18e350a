/** How caps are written on a command line: `user:alice`, `20usd`, `24h`. */
import { formatUsd, parseUsd } from '../../lambdas/core/money.ts';
import type { Metric, ScopeType } from '../../lambdas/core/caps/cap.ts';
import type { JsonObject } from './admin-api.ts';
import { usageError } from './exit.ts';

export interface Scope {
  type: ScopeType;
  id: string;
}
const SCOPE_TYPES: readonly string[] = [
  'user',
  'team',
  'app',
  'feature',
  'org',
  'user_feature',
] satisfies ScopeType[];

/** `user:alice`, `user:*`, `user_feature:alice/summarise`, `org`. */
export function parseScope(text: string): Scope {
  const colon = text.indexOf(':');
  const [type, id] = colon === -1 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  if (type === 'org') return { type, id: id === '' ? 'org' : id };
  if (!SCOPE_TYPES.includes(type) || id === '') {
    throw usageError(
      `${JSON.stringify(text)} is no scope.`,
      'Write user:alice, user:* (each user without a cap of their own), team:growth, app:web, feature:web/summarise, user_feature:alice/summarise or org.',
    );
  }
  return { type: type as ScopeType, id };
}

/** Of a cap or whatever else has a scope. */
export function scopeText(scoped: JsonObject): string {
  const { type, id } = scoped['scope'] as { type: string; id: string };
  return type === 'org' ? 'org' : `${type}:${id}`;
}

export interface Amount {
  metric: Metric;
  /** Decimal string in the metric's unit. */
  limit: string;
}

/** `20usd`, `$20`, `100000tokens`, `60requests`, `4concurrent`; digits may be grouped with `_`. */
export function parseAmount(text: string): Amount {
  const match = /^(\$)?([0-9][0-9_]*(?:\.[0-9]+)?) ?(usd|tokens?|requests?|concurrent)?$/i.exec(text);
  const [, dollar, figure, unit] = match ?? [];
  if (figure === undefined || (dollar === undefined) === (unit === undefined)) throw noAmount(text);
  const number = figure.replaceAll('_', '');
  const metric = metricOf(unit);
  if (metric === 'usd') {
    const picoUsd = parseUsd(number);
    if (picoUsd === undefined) throw noAmount(text);
    return { metric, limit: formatUsd(picoUsd) };
  }
  if (!/^(0|[1-9][0-9]*)$/.test(number)) {
    throw usageError(`${JSON.stringify(text)} is not a whole number of ${unit!}.`);
  }
  return { metric, limit: number };
}

function metricOf(unit: string | undefined): Metric {
  switch ((unit ?? 'usd').toLowerCase().charAt(0)) {
    case 't':
      return 'tokens';
    case 'r':
      return 'requests';
    case 'c':
      return 'concurrent';
    default:
      return 'usd';
  }
}

const noAmount = (text: string): Error =>
  usageError(
    `${JSON.stringify(text)} is no amount.`,
    'Write a number with its unit: 20usd, 0.50usd, 100000tokens or 60requests.',
  );

/** `24h=20usd`, or the two apart: a window's length and its amount. */
export function parseRolling(words: readonly string[]): { window: string; amount: Amount } {
  const parts = words.flatMap((word) => word.split('='));
  const length = /^([1-9][0-9]{0,3})(h|d)$/.exec(parts[0] ?? '');
  if (!length || parts.length !== 2) {
    throw usageError(
      `${JSON.stringify(words.join(' '))} is no rolling window.`,
      'Write its length in hours or days, and the amount: --rolling 24h=20usd.',
    );
  }
  return { window: `rolling_${length[1]!}${length[2]!}`, amount: parseAmount(parts[1]!) };
}

/** Fractions of the limit, `0.5,0.8`, or `off`. Their range is the server's to judge. */
export function parseWarn(text: string): number[] | null {
  if (text === 'off') return null;
  const fractions = text.split(',').map((part) => part.trim());
  if (!fractions.every(isFraction)) {
    throw usageError(
      `${JSON.stringify(text)} is no list of thresholds.`,
      'Write fractions of the limit, from 0 to 1: --warn 0.5,0.8 (or off).',
    );
  }
  return fractions.map(Number);
}

/** One fraction of the limit, or `off`. */
export function parseThreshold(flag: string, text: string): number | null {
  if (text === 'off') return null;
  if (!isFraction(text)) {
    throw usageError(
      `${JSON.stringify(text)} is no threshold.`,
      `Write a fraction of the limit, from 0 to 1: ${flag} 0.95 (or off).`,
    );
  }
  return Number(text);
}

const isFraction = (text: string): boolean => /^(0(\.[0-9]+)?|1(\.0+)?)$/.test(text);

/**
 * The id that a cap gets by default: `alice-month`, `team-growth-day`, `alice-minute-requests`,
 * `alice-concurrent`. Stable, so that setting a cap again changes the one that is there.
 */
export function defaultCapId(scope: Scope, metric: Metric, window: string | undefined): string {
  const who = scope.id === '*' ? `every-${scope.type}` : scope.id;
  return [
    ...(scope.type === 'user' || scope.id === '*' || scope.type === 'org' ? [] : [scope.type]),
    who.replace(/[^A-Za-z0-9._@-]+/g, '-'),
    ...(window === undefined ? [] : [window]),
    ...(metric === 'usd' ? [] : [metric]),
  ].join('-');
}
