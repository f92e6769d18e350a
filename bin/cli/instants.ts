/** Days and instants as people write them on the command line. */
import { usageError } from './exit.ts';

/** A day stands for its first instant in UTC. */
export function instantOf(flag: string, text: string): string {
  const instant = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}T.*(Z|[+-][0-9]{2}:[0-9]{2})$/.test(instant)) {
    throw usageError(
      `${JSON.stringify(text)} is no day or instant.`,
      `Write ${flag} 2026-11-01 or ${flag} 2026-11-01T12:00:00Z.`,
    );
  }
  return instant;
}
