/**
 * Usage blocks with something odd in them: a count that is none is never taken for one, and whatever is read has a
 * price that adds up, or none. A failure prints its seed and the block.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUsageDialect, usageReaders } from '../../../lambdas/adapters/providers/usage-readers.ts';
import { priceUsage } from '../../../lambdas/core/pricing/calculator.ts';
import { TOKEN_KINDS } from '../../../lambdas/core/pricing/card.ts';
import type { UsageReport } from '../../../lambdas/core/pricing/usage.ts';
import { testCard } from '../../core/pricing/cards-for-tests.ts';

interface Vector extends UsageReport {
  id: string;
  dialect: string;
}
const { vectors } = JSON.parse(readFileSync(new URL('../../vectors/cost.json', import.meta.url), 'utf8')) as {
  vectors: Vector[];
};

/** Has a price for every kind of token and for what the vectors name. */
const card = testCard({
  rates: Object.fromEntries(TOKEN_KINDS.map((kind, i) => [kind, `${i + 1}.25`])),
  fees: Object.fromEntries(
    ['web_search', 'file_search', 'audio_second', 'character', 'page'].map((name) => [
      name,
      { usd: '1', per: '3' },
    ]),
  ),
});

/** The price in picodollars, or why there is none. */
function outcome({ dialect, usage, response }: Vector): bigint | string {
  if (!isUsageDialect(dialect)) throw new Error(`no dialect ${dialect}`);
  const reading = usageReaders[dialect]({ usage, response });
  if (reading.kind === 'unreadable') return `unreadable: ${reading.reason}`;
  for (const { tokens, tierInputTokens } of reading.usage.parts)
    for (const n of [...Object.values(tokens), tierInputTokens]) expect(n).toBeGreaterThanOrEqual(0n);
  const pricing = priceUsage(card, reading.usage, { cardOf: () => card });
  if (pricing.kind === 'unpriced') return `no price for ${pricing.reason} ${pricing.what}`;
  const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, n) => total + n, 0n);
  expect(sum(pricing.lines.map(({ picoUsd }) => picoUsd))).toBe(pricing.totalPicoUsd);
  expect(sum(Object.values(pricing.details))).toBe(pricing.totalPicoUsd);
  return pricing.totalPicoUsd;
}

type Path = readonly (string | number)[];
const isNode = (value: unknown): value is Record<string | number, unknown> =>
  typeof value === 'object' && value !== null;

/** Every place in the value, the deepest ones too. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (!isNode(value)) return [path];
  const keys = Array.isArray(value) ? value.map((_, i) => i) : Object.keys(value);
  return [path, ...keys.flatMap((key) => placesIn(value[key], [...path, key]))];
}
const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((inner, key) => (isNode(inner) ? inner[key] : undefined), value);

/** The vector with something else at one place. */
function changed(vector: Vector, path: Path, odd: unknown): Vector {
  const root = structuredClone({ ...vector });
  const parent = at(root, path.slice(0, -1));
  if (isNode(parent)) parent[path.at(-1)!] = odd;
  return root;
}

/** No reader takes one of these for a count, nor for a duration. */
const NO_COUNTS = [-1, 1e30, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '12', true, {}, [7]];

describe('a number that is replaced by what is no count', () => {
  it.each(vectors.map((vector) => [vector.id, vector] as const))('%s', (_, vector) => {
    const numbers = placesIn(vector.usage).filter((path) => typeof at(vector.usage, path) === 'number');
    expect(numbers).not.toEqual([]);
    for (const path of numbers) {
      const other = changed(vector, ['usage', ...path], 7_654_321);
      const isRead = outcome(other) !== outcome(vector);
      for (const odd of NO_COUNTS) {
        const got = outcome(changed(vector, ['usage', ...path], odd));
        // Where any number would do, none is looked at.
        if (isRead) expect(got, `${path.join('.')} = ${JSON.stringify(odd)}`).toMatch(/^unreadable: /);
        else
          expect([outcome(vector), 'unreadable'].some((end) => String(got).startsWith(String(end)))).toBe(
            true,
          );
      }
    }
  });
});

describe('anything anywhere', () => {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(...NO_COUNTS, undefined, null, 0.5, 0, 1, Number.MAX_SAFE_INTEGER, '', []),
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom('constructor', '__proto__', 'toString', 'flex', 'priority', '1h'),
    fc.double(),
  );
  it('is read and priced, or not, but never ends in an exception', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...vectors),
        fc.array(fc.tuple(fc.nat(), odd), { minLength: 1, maxLength: 3 }),
        (vector, changes) => {
          let block = vector;
          for (const [n, value] of changes) {
            const { usage, response } = block;
            const places = placesIn({ usage, ...(response !== undefined && { response }) }).slice(1);
            block = changed(block, places[n % places.length]!, value);
          }
          const end = outcome(block);
          expect(typeof end === 'bigint' ? end >= 0n : end.length > 0).toBe(true);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
