/**
 * One model under the names that a bill, an answer and a card have for it: `Claude Haiku 4.5`,
 * `claude-haiku-4-5-20251001`, `global.anthropic.claude-haiku-4-5-20251001-v1:0`. A name is known where a card has it, or
 * where the words of it are those of one model alone. Prices are never found like this.
 */
import type { PriceCard, Provider } from '../pricing/card.ts';

export interface ModelNames {
  /** What the report calls it; undefined for a name that no card of the provider has. */
  find: (name: string) => string | undefined;
}

export function modelNames(cards: readonly PriceCard[], provider: Provider): ModelNames {
  const byName = new Map<string, string>();
  const byWords = new Map<string, Set<string>>();
  for (const card of cards) {
    if (card.provider !== provider) continue;
    const model = plainName(provider, card.model);
    for (const name of [model, card.model, ...card.aliases]) byName.set(name, model);
    const words = wordsOf(model);
    byWords.set(words, new Set(byWords.get(words)).add(model));
  }
  return {
    find: (name) => {
      const found = byName.get(name);
      if (found !== undefined) return found;
      const [model, ...others] = byWords.get(wordsOf(plainName(provider, name))) ?? [];
      return others.length === 0 ? model : undefined;
    },
  };
}

/** Bedrock bills a model's profiles (`us.`, `global.`) under one name. */
const PROFILE = /^(?:global|us-gov|us|eu|apac|jp|au|ca)\./;
const plainName = (provider: Provider, name: string): string =>
  provider === 'bedrock' ? name.replace(PROFILE, '') : name;

const VENDOR = /^(?:anthropic|amazon|openai)\./;
const SNAPSHOT = /-?(?:[0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})$/;
const REVISION = /-v[0-9]+(?::[0-9]+)?$/;

/** Words and numbers in any order, without snapshots and revisions: `4 5 claude haiku`. */
function wordsOf(name: string): string {
  const bare = name.replace(VENDOR, '').replace(REVISION, '').replace(SNAPSHOT, '').replaceAll('.0', '');
  return (bare.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+/g) ?? [])
    .map((word) => word.toLowerCase())
    .sort()
    .join(' ');
}
