/**
 * Counts as providers report them. Absent is not zero: a mandatory count is read or the whole block is
 * unreadable. Negative, fractional, not-a-number and larger than a JSON number can carry exactly are no counts.
 */
import * as z from 'zod';
import { parseDecimal, type Ratio } from '../../core/pricing/ratio.ts';
import { unreadable, type UsageReading } from '../../core/pricing/usage.ts';

/** z.int() admits safe integers only, so the bigint is exact. */
export const count = z.int().nonnegative().transform(BigInt);

/**
 * A count that its provider leaves out (or sends as null) where there is nothing to tell. Only for parts of a
 * mandatory count, which then stand under the whole at the whole's rate, and for additions that did not happen.
 */
export const countOrNone = count.nullish().transform((value) => value ?? 0n);

/** Seconds and the like: not negative, perhaps with a fraction, exactly as written in decimal. */
export const quantity = z
  .number()
  .nonnegative()
  .max(Number.MAX_SAFE_INTEGER)
  .transform((value, context): Ratio => {
    const exact = parseDecimal(String(value));
    if (exact !== undefined) return exact;
    context.addIssue({ code: 'custom', message: 'not a plain decimal' });
    return z.NEVER;
  });

/** Runs `readParsed` on what the schema makes of a usage block, or names what is wrong with the block. */
export function parseUsage<S extends z.ZodType>(
  schema: S,
  usage: unknown,
  readParsed: (usage: z.output<S>) => UsageReading,
): UsageReading {
  const parsed = schema.safeParse(usage);
  if (parsed.success) {
    const reading = readParsed(parsed.data);
    return reading.kind === 'read' ? { ...reading, reported: usage } : reading;
  }
  const issue = parsed.error.issues[0]!;
  return unreadable(`${['usage', ...issue.path.map(String)].join('.')}: ${issue.message}`);
}

/**
 * Conditions from wherever a provider reports them: the text at each path below `root`, null and absent left out.
 * `conditionsAt(answer, 'response', ['service_tier'])` is `{ 'response.service_tier': 'priority' }`.
 */
export function conditionsAt(
  root: unknown,
  name: 'response' | 'usage',
  paths: readonly string[],
): Record<string, string> {
  const conditions: Record<string, string> = {};
  for (const path of paths) {
    const value = valueAt(root, path.split('.'));
    if (value !== undefined && value !== null) conditions[`${name}.${path}`] = conditionText(value);
  }
  return conditions;
}

/** Own members only: `constructor` is not a condition. */
export function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const member of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, member)) return undefined;
    value = (value as Record<string, unknown>)[member];
  }
  return value;
}

/** A condition that is no text has no price either, but it must not vanish. */
export function conditionText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
