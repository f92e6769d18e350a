/** The environment of a function, parsed once; every variable that is missing or wrong is named, none is shown. */
import * as z from 'zod';

export type Environment = Record<string, string | undefined>;

export class InvalidEnvironment extends Error {
  override name = 'InvalidEnvironment';
}

export function readEnvironment<Shape extends z.ZodRawShape>(
  shape: Shape,
  environment: Environment,
): z.output<z.ZodObject<Shape>> {
  const parsed = z.object(shape).safeParse(environment);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(
    ({ path, message }) => `${path.map(String).join('.')}: ${message}`,
  );
  throw new InvalidEnvironment(`The function's environment has mistakes: ${mistakes.join('; ')}`);
}

export const text = z.string().min(1);

/** Scheme, host and port: paths are the endpoints' own. */
export const origin = z
  .url({ protocol: /^https?$/ })
  .transform((address) => new URL(address))
  .refine((url) => url.href === `${url.origin}/`, 'must be without path, query and credential')
  .transform((url) => url.origin);
