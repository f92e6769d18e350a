import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkVectors, reportLines } from '../../../lambdas/adapters/providers/check-vectors.ts';
import { isUsageDialect, usageReaders } from '../../../lambdas/adapters/providers/usage-readers.ts';

interface Vector {
  id: string;
  dialect: string;
  usage: Record<string, unknown>;
  prices: Record<string, unknown>;
  expected_cost_usd: string;
}
const text = readFileSync(new URL('../../vectors/cost.json', import.meta.url), 'utf8');
const read = () => JSON.parse(text) as { format: string; vectors: Vector[] };

describe('cost vectors', () => {
  it.each(read().vectors.map((vector) => [vector.id, vector] as const))('%s is exact', (_, vector) => {
    const report = checkVectors({ format: 'cost-vectors/1', vectors: [vector] });
    expect(reportLines(report)).toEqual(['1 passed, 0 failed']);
  });

  it('are 64, of every dialect that has a reader', () => {
    const { vectors } = read();
    expect(vectors).toHaveLength(64);
    expect(new Set(vectors.map(({ dialect }) => dialect))).toEqual(new Set(Object.keys(usageReaders)));
    expect(Object.keys(usageReaders)).toHaveLength(21);
  });
});

describe('the check', () => {
  const one = (id: string): Vector => read().vectors.find((vector) => vector.id === id)!;
  const lines = (vector: object) =>
    reportLines(checkVectors({ format: 'cost-vectors/1', vectors: [vector] }));

  it('names what differs, and by what factor', () => {
    const vector = one('oai-chat-01-plain');
    expect(lines({ ...vector, expected_cost_usd: '0.005' })).toEqual([
      'oai-chat-01-plain: expected 0.005, got 0.0075, factor 1.5',
      '0 passed, 1 failed',
    ]);
  });

  it('fails each vector whose expected cost is off by a picodollar', () => {
    const document = read();
    for (const vector of document.vectors) {
      const [whole, fraction = ''] = vector.expected_cost_usd.split('.');
      const pico = BigInt(whole! + fraction.padEnd(12, '0')) + 1n;
      const digits = pico.toString().padStart(13, '0');
      vector.expected_cost_usd = `${digits.slice(0, -12)}.${digits.slice(-12)}`;
    }
    expect(checkVectors(document)).toMatchObject({ passed: 0, failed: 64 });
  });

  it.each<[string, (vector: Vector) => object, string]>([
    ['an unknown dialect', (v) => ({ ...v, dialect: 'grok-7' }), 'no reader for the dialect grok-7'],
    [
      'a name from the prototype',
      (v) => ({ ...v, dialect: 'toString' }),
      'no reader for the dialect toString',
    ],
    [
      'unreadable usage',
      (v) => ({ ...v, usage: { ...v.usage, completion_tokens: -1 } }),
      'unreadable: usage.completion_tokens',
    ],
    [
      'a price that no card holds',
      (v) => ({ ...v, prices: { ...v.prices, rates: { inputs: '1' } } }),
      'no card holds these prices',
    ],
    [
      'a kind without a price',
      (v) => ({ ...v, prices: { ...v.prices, rates: { input: '1' } } }),
      'no price for token_kind output',
    ],
  ])('fails the vector for %s, and goes on', (_, change, expected) => {
    const vector = one('oai-chat-01-plain');
    const report = checkVectors({ format: 'cost-vectors/1', vectors: [change(vector), vector] });
    expect(report).toMatchObject({ passed: 1, failed: 1 });
    expect(report.differences[0]!.got).toContain(expected);
  });

  it('refuses a document of another format', () => {
    expect(() => checkVectors({ format: 'cost-vectors/2', vectors: [] })).toThrow('format');
    expect(() => checkVectors([])).toThrow();
  });

  it('applies a multiplier on whatever the vector reports, wherever it says', () => {
    const vector = one('oai-chat-01-plain');
    const prices = { ...vector.prices, multipliers: [{ when: 'context.batch=true', factor: '0.5' }] };
    const halved = { ...vector, prices, expected_cost_usd: '0.00375' };
    expect(lines({ ...halved, context: { batch: true } })).toEqual(['1 passed, 0 failed']);
    expect(lines({ ...halved, context: { batch: false } })).toEqual([
      'oai-chat-01-plain: expected 0.00375, got 0.0075, factor 2',
      '0 passed, 1 failed',
    ]);
  });

  it('rounds an expectation finer than a picodollar up', () => {
    const vector = one('oai-chat-08-zero');
    expect(lines({ ...vector, expected_cost_usd: '0.0000000000001' })[0]).toBe(
      'oai-chat-08-zero: expected 0.000000000001, got 0.00, factor 0',
    );
  });

  it('knows dialects by their own names only', () => {
    expect(isUsageDialect('gemini')).toBe(true);
    expect(isUsageDialect('__proto__')).toBe(false);
  });
});
