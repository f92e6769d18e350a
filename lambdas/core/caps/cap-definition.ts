/**
 * Caps as people write them (contract 6) and as the ledger takes them. One schema for the API, the CLI and the
 * policy file; money is never read as a number.
 */
import * as z from 'zod';
import { inMetric, parseInMetric } from './amounts.ts';
import { capId } from '../brands.ts';
import { isShared, type Cap, type Metric, type Thresholds } from './cap.ts';
import { isTimeZone, type CalendarUnit } from '../time.ts';
import { parseWindow, ROLLING_BUCKETS_MAX, windowName, type Window } from './windows.ts';

/** Ids of people, teams, apps and features: printable, and without the separators of keys and pairs. */
export const nameSchema = z
  .string()
  .regex(/^[^\s/#\p{C}]{1,128}$/u, 'use 1 to 128 printable characters without spaces, "/" and "#"');
/** A person: `*` names each of them, in caps. */
export const userIdSchema = nameSchema.refine(
  (id) => id !== '*',
  '"*" is no user: it stands for each of them',
);
export const capIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'use 1 to 64 lower-case letters, digits, ".", "_" and "-"')
  // Accounts are kept by cap, in objects that all have a member of this name.
  .refine((id) => id !== 'constructor', 'is taken; use another');

const amountText = z.string().max(40);
/** In thousandths: a finer share would be kept as another one, near nothing as "from nothing on". */
const fraction = z.number().gt(0).lte(1).multipleOf(0.001);

const thresholdsSchema = z.strictObject({
  warn: z.array(fraction).max(10).nullable().optional(),
  throttle: fraction.nullable().optional(),
  block: fraction.nullable().optional(),
});

/** What a caller may send; what is left out gets its default in `capFromInput`. */
export const capInputSchema = z.strictObject({
  scope: z.strictObject({
    type: z.enum(['user', 'team', 'app', 'feature', 'org', 'user_feature']),
    id: z.string().min(1).max(257),
  }),
  metric: z.enum(['usd', 'tokens', 'requests', 'concurrent']),
  window: z.string().max(20).nullable().optional(),
  limit: amountText,
  time_zone: z.string().max(64).optional(),
  anchor_day: z.int().min(1).max(28).optional(),
  overage: amountText.optional(),
  thresholds: thresholdsSchema.optional(),
  ladder: nameSchema.optional(),
});
export type CapInput = z.infer<typeof capInputSchema>;

/** The cap with its defaults filled in: what the API answers. */
export const capSchema = z.strictObject({
  id: capIdSchema,
  scope: capInputSchema.shape.scope,
  metric: capInputSchema.shape.metric,
  window: z.string().nullable(),
  limit: z.string(),
  time_zone: z.string(),
  anchor_day: z.int(),
  overage: z.string(),
  thresholds: z.strictObject({
    warn: z.array(z.number()).nullable(),
    throttle: z.number().nullable(),
    block: z.number().nullable(),
  }),
  ladder: z.string(),
});
export type CapWire = z.infer<typeof capSchema>;

/** Why a cap is not taken: `invalid` is a mistake, `not_supported` what the ledger cannot hold strictly. */
export interface CapProblem {
  kind: 'invalid' | 'not_supported';
  message: string;
}

export type CapDefinition = Omit<Cap, 'account' | 'revision'> & {
  zone: { timeZone: string; anchorDay: number };
};

const DEFAULT_THRESHOLDS: Thresholds = { warn: [500, 800], throttle: 950, block: 1000 };
const THOUSAND = 1000;
const toThousandths = (share: number): number => Math.round(share * THOUSAND);

export function capFromInput(id: string, input: CapInput): CapDefinition | CapProblem {
  const { scope, metric } = input;
  const named = scopeProblem(scope);
  if (named !== undefined) return invalid(named);
  if (scope.type === 'user_feature' && scope.id.split('/').includes('*')) {
    return notSupported('"*" stands for each user with scope user only; name one user and one feature.');
  }
  const zone = { timeZone: input.time_zone ?? 'UTC', anchorDay: input.anchor_day ?? 1 };
  if (!isTimeZone(zone.timeZone))
    return invalid(`"${zone.timeZone}" is no IANA time zone, such as Europe/Helsinki.`);
  const window = windowOf(input, zone);
  if ('message' in window) return window;
  if (window.kind === 'calendar' && window.calendar.unit === 'week' && zone.anchorDay > 7) {
    return invalid('A week begins on anchor_day 1 (Monday) to 7 (Sunday).');
  }
  if (isShared({ scope })) {
    const problem = sharedProblem(scope, metric, window);
    if (problem !== undefined) return notSupported(problem);
  }
  const limit = parseInMetric(metric, input.limit);
  const overage = parseInMetric(metric, input.overage ?? '0');
  if (limit === undefined || overage === undefined) {
    return invalid(
      metric === 'usd'
        ? 'Write dollars as a decimal string, such as "20.00".'
        : `Write ${metric} as a whole number in a string, such as "60".`,
    );
  }
  if (metric === 'concurrent' && overage > 0n) return invalid('A cap on calls in flight has no overage.');
  const thresholds = thresholdsOf(input.thresholds);
  return {
    id: capId(id),
    scope,
    metric,
    window,
    limit,
    overage,
    thresholds,
    ladder: input.ladder ?? 'default',
    zone,
  };
}

const invalid = (message: string): CapProblem => ({ kind: 'invalid', message });
const notSupported = (message: string): CapProblem => ({ kind: 'not_supported', message });

function scopeProblem({ type, id }: CapInput['scope']): string | undefined {
  const isName = (text: string | undefined): boolean => nameSchema.safeParse(text).success;
  const isPair = (): boolean => {
    const parts = id.split('/');
    return parts.length === 2 && parts.every(isName);
  };
  switch (type) {
    case 'user':
    case 'team':
    case 'app':
      return isName(id)
        ? undefined
        : `The ${type} id ${JSON.stringify(id)} has spaces, "/" or "#", or is too long.`;
    case 'org':
      return id === 'org' ? undefined : 'The one id of scope org is "org".';
    case 'feature':
      return isPair() ? undefined : 'A feature is named with its app: "web/summarise".';
    case 'user_feature':
      return isPair() ? undefined : 'Name the user and the feature: "alice/summarise".';
  }
}

/** What a pool cannot hold strictly: its members spend from leases, which are no use for a minute or a moment. */
function sharedProblem({ type }: CapInput['scope'], metric: Metric, window: Window): string | undefined {
  const shared = `A cap of scope ${type} is shared by many people`;
  if (metric !== 'usd')
    return `${shared} and counts dollars only; set ${metric} on caps of scope user or user_feature.`;
  const isLong =
    window.kind === 'lifetime' || (window.kind === 'calendar' && LONG_UNITS.has(window.calendar.unit));
  return isLong ? undefined : `${shared}, so its window is day, week, month or lifetime.`;
}
const LONG_UNITS: ReadonlySet<CalendarUnit> = new Set<CalendarUnit>(['day', 'week', 'month']);

function windowOf(input: CapInput, zone: CapDefinition['zone']): Cap['window'] | CapProblem {
  if (input.metric === 'concurrent') {
    return input.window === undefined || input.window === null
      ? { kind: 'lifetime' }
      : invalid('A cap on calls in flight has no window; leave "window" out.');
  }
  if (input.window === undefined || input.window === null) {
    return invalid('Name a window: minute, hour, day, week, month, lifetime, rolling_<n>h or rolling_<n>d.');
  }
  const window = parseWindow(input.window, zone);
  if (window !== undefined) return window;
  if (/^rolling_[1-9][0-9]*[hd]$/.test(input.window)) {
    return notSupported(
      `A rolling window keeps at most ${ROLLING_BUCKETS_MAX} hours or days, so "${input.window}" is too long; use days, or month.`,
    );
  }
  return invalid(
    `"${input.window}" is no window; use minute, hour, day, week, month, lifetime, rolling_<1-48>h or rolling_<1-48>d.`,
  );
}

function thresholdsOf(input: CapInput['thresholds']): Thresholds {
  const pick = (share: number | null | undefined, otherwise: number | null): number | null =>
    share === undefined ? otherwise : share === null ? null : toThousandths(share);
  return {
    warn:
      input?.warn === undefined
        ? DEFAULT_THRESHOLDS.warn
        : (input.warn?.map(toThousandths).sort((a, b) => a - b) ?? null),
    throttle: pick(input?.throttle, DEFAULT_THRESHOLDS.throttle),
    block: pick(input?.block, DEFAULT_THRESHOLDS.block),
  };
}

export function capToWire(cap: CapDefinition): CapWire {
  const share = (thousandths: number | null): number | null =>
    thousandths === null ? null : thousandths / THOUSAND;
  return {
    id: cap.id,
    scope: cap.scope,
    metric: cap.metric,
    window: cap.metric === 'concurrent' ? null : windowName(cap.window),
    limit: inMetric(cap.metric, cap.limit),
    time_zone: cap.zone.timeZone,
    anchor_day: cap.zone.anchorDay,
    overage: inMetric(cap.metric, cap.overage),
    thresholds: {
      warn: cap.thresholds.warn?.map((thousandths) => thousandths / THOUSAND) ?? null,
      throttle: share(cap.thresholds.throttle),
      block: share(cap.thresholds.block),
    },
    ladder: cap.ladder,
  };
}
