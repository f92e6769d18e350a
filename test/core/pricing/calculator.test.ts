import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { priceUsage, type DetailKind } from '../../../lambdas/core/pricing/calculator.ts';
import { TOKEN_KINDS, type TokenKind } from '../../../lambdas/core/pricing/card.ts';
import { parseDecimal, whole } from '../../../lambdas/core/pricing/ratio.ts';
import type { TokenCounts, Usage } from '../../../lambdas/core/pricing/usage.ts';
import { testCard, testUsage } from './cards-for-tests.ts';

const tier = (op: 'gt' | 'gte', threshold: bigint) =>
  testCard({
    tiers: [
      {
        basis: 'total_input_tokens',
        op,
        threshold,
        rates: { input: '5', cache_read: '0.5', output: '22.5' },
      },
    ],
  });

function picoUsdOf(card: ReturnType<typeof testCard>, usage: Usage): bigint {
  const pricing = priceUsage(card, usage);
  if (pricing.kind !== 'priced') throw new Error(`${pricing.reason} ${pricing.what}`);
  return pricing.totalPicoUsd;
}

describe('long-context tiers move the whole request', () => {
  it.each([
    { op: 'gte', threshold: 272_000n, input: 271_999n, total: 694_997_500_000n },
    { op: 'gte', threshold: 272_000n, input: 272_000n, total: 1_382_500_000_000n },
    { op: 'gte', threshold: 272_000n, input: 272_001n, total: 1_382_505_000_000n },
    { op: 'gt', threshold: 272_000n, input: 271_999n, total: 694_997_500_000n },
    { op: 'gt', threshold: 272_000n, input: 272_000n, total: 695_000_000_000n },
    { op: 'gt', threshold: 272_000n, input: 272_001n, total: 1_382_505_000_000n },
    { op: 'gt', threshold: 200_000n, input: 199_999n, total: 514_997_500_000n },
    { op: 'gt', threshold: 200_000n, input: 200_000n, total: 515_000_000_000n },
    { op: 'gt', threshold: 200_000n, input: 200_001n, total: 1_022_505_000_000n },
    { op: 'gte', threshold: 200_000n, input: 199_999n, total: 514_997_500_000n },
    { op: 'gte', threshold: 200_000n, input: 200_000n, total: 1_022_500_000_000n },
    { op: 'gte', threshold: 200_000n, input: 200_001n, total: 1_022_505_000_000n },
  ] as const)('$op $threshold at $input tokens: $total picodollars', ({ op, threshold, input, total }) => {
    expect(picoUsdOf(tier(op, threshold), testUsage({ input, output: 1000n }))).toBe(total);
  });

  it('counts cached tokens towards the threshold', () => {
    const usage = testUsage({ input: 1n, cache_read: 271_999n });
    expect(picoUsdOf(tier('gte', 272_000n), usage)).toBe(5_000_000n + 271_999n * 500_000n);
  });

  it('takes the highest of several tiers, whatever their order, and keeps rates that it does not list', () => {
    const card = testCard({
      tiers: [
        { basis: 'total_input_tokens', op: 'gt', threshold: '200', rates: { input: '9' } },
        { basis: 'total_input_tokens', op: 'gt', threshold: '100', rates: { input: '7', output: '20' } },
      ],
    });
    expect(picoUsdOf(card, testUsage({ input: 201n, output: 1n }))).toBe(201n * 9_000_000n + 15_000_000n);
    expect(picoUsdOf(card, testUsage({ input: 200n, output: 1n }))).toBe(200n * 7_000_000n + 20_000_000n);
    const turned = { ...card, tiers: card.tiers.toReversed() };
    expect(picoUsdOf(turned, testUsage({ input: 201n }))).toBe(201n * 9_000_000n);
  });
});

describe('kinds without a rate of their own', () => {
  const all = testCard({
    rates: { input: '1', cache_read: '0.1', cache_write_5m: '1.25', output: '4' },
  });
  const bare = testCard({ rates: { input: '1', output: '4' } });
  const flat = testCard({ rates: { input: '1', cache_write: '1.5', output: '4' } });
  it.each<[string, ReturnType<typeof testCard>, TokenCounts, bigint]>([
    ['a write without lifetime is billed as five minutes', all, { cache_write: 1n }, 1_250_000n],
    ['a write without any write rate as input', bare, { cache_write: 1n }, 1_000_000n],
    ['a five-minute write as a plain write', flat, { cache_write_5m: 1n }, 1_500_000n],
    ['a five-minute write as input', bare, { cache_write_5m: 1n }, 1_000_000n],
    ['a read as input', bare, { cache_read: 1n }, 1_000_000n],
    ['cached audio as cached text', all, { cache_read_audio: 1n }, 100_000n],
    ['cached audio as input', bare, { cache_read_audio: 1n }, 1_000_000n],
    ['audio as input', bare, { input_audio: 1n }, 1_000_000n],
    ['images as input', bare, { input_image: 1n }, 1_000_000n],
    ['spoken output as output', bare, { output_audio: 1n }, 4_000_000n],
  ])('%s', (_, card, tokens, expected) => {
    expect(picoUsdOf(card, testUsage(tokens))).toBe(expected);
  });
});

describe('what has no price never costs nothing', () => {
  it.each<[string, Usage, { reason: string; what: string }]>([
    ['a one-hour write', testUsage({ cache_write_1h: 1n }), { reason: 'token_kind', what: 'cache_write_1h' }],
    [
      'a twelve-hour write',
      testUsage({ cache_write_12h: 1n }),
      { reason: 'token_kind', what: 'cache_write_12h' },
    ],
    ['an image made', testUsage({ output_image: 1n }), { reason: 'token_kind', what: 'output_image' }],
    [
      'a tool call',
      testUsage({ input: 1n }, { fees: { web_search: whole(1n) } }),
      { reason: 'fee', what: 'web_search' },
    ],
    [
      'an unknown service tier',
      testUsage({ input: 1n }, { conditions: { 'response.service_tier': 'ultrafast' } }),
      { reason: 'condition', what: 'response.service_tier=ultrafast' },
    ],
    [
      'another model',
      {
        ...testUsage({ input: 1n }),
        parts: [{ model: 'x', tokens: { input: 1n }, tierInputTokens: 1n }],
      },
      { reason: 'model', what: 'x' },
    ],
  ])('%s', (_, usage, expected) => {
    expect(priceUsage(testCard(), usage)).toEqual({ kind: 'unpriced', ...expected });
  });

  it('but zero units of them do cost nothing', () => {
    const usage = testUsage({ cache_write_1h: 0n }, { fees: { web_search: whole(0n) } });
    expect(picoUsdOf(testCard(), usage)).toBe(0n);
  });
});

describe('multipliers, variants and fees', () => {
  const card = testCard({
    rates: { input: '1', output: '4' },
    multipliers: [
      { when: 'response.service_tier=priority', factor: '2' },
      { when: 'usage.inference_geo=us', factor: '1.1' },
    ],
    variants: [{ when: 'usage.speed=fast', rates: { input: '10', output: '50' } }],
    fees: {
      web_search: { usd: '10', per: '1000' },
      audio_second: { usd: '0.111', per: '3600', minimum: '10' },
      grounded: { usd: '35', per: '1000', maximum: '1' },
    },
  });
  it.each<[string, Usage, bigint]>([
    [
      'list price',
      testUsage({ input: 1n }, { conditions: { 'response.service_tier': 'default' } }),
      1_000_000n,
    ],
    ['a tier', testUsage({ input: 1n }, { conditions: { 'response.service_tier': 'priority' } }), 2_000_000n],
    [
      'two multipliers multiply',
      testUsage(
        { input: 1n },
        { conditions: { 'response.service_tier': 'priority', 'usage.inference_geo': 'us' } },
      ),
      2_200_000n,
    ],
    ['another rate set', testUsage({ output: 1n }, { conditions: { 'usage.speed': 'fast' } }), 50_000_000n],
    [
      'a multiplier on another rate set',
      testUsage({ output: 1n }, { conditions: { 'usage.speed': 'fast', 'usage.inference_geo': 'us' } }),
      55_000_000n,
    ],
    [
      'fees are not multiplied',
      testUsage(
        { input: 1n },
        { fees: { web_search: whole(2n) }, conditions: { 'response.service_tier': 'priority' } },
      ),
      2_000_000n + 20_000_000_000n,
    ],
    // 10 x 0.111 / 3600 = 37/120000 dollars, which no decimal ends.
    ['a minimum, rounded up', testUsage({}, { fees: { audio_second: whole(3n) } }), 308_333_334n],
    ['above the minimum', testUsage({}, { fees: { audio_second: whole(3600n) } }), 111_000_000_000n],
    ['part of a second', testUsage({}, { fees: { audio_second: parseDecimal('14.4')! } }), 444_000_000n],
    ['no use, no minimum', testUsage({}, { fees: { audio_second: whole(0n) } }), 0n],
    ['a maximum', testUsage({}, { fees: { grounded: whole(7n) } }), 35_000_000_000n],
  ])('%s', (_, usage, expected) => {
    expect(picoUsdOf(card, usage)).toBe(expected);
  });

  it('lets the tiers of a rate set take the place of the tiers of the card', () => {
    const tiered = testCard({
      rates: { input: '2' },
      tiers: [{ basis: 'total_input_tokens', op: 'gt', threshold: 10n, rates: { input: '4' } }],
      variants: [
        { when: 'usage.speed=fast', rates: { input: '20' } },
        {
          when: 'usage.speed=slow',
          rates: { input: '1' },
          tiers: [{ basis: 'total_input_tokens', op: 'gt', threshold: 10n, rates: { input: '3' } }],
        },
      ],
    });
    const at = (speed: string) => testUsage({ input: 11n }, { conditions: { 'usage.speed': speed } });
    expect(picoUsdOf(tiered, at('fast'))).toBe(220_000_000n);
    expect(picoUsdOf(tiered, at('slow'))).toBe(33_000_000n);
  });
});

describe('a receipt', () => {
  const every = testCard({ rates: Object.fromEntries(TOKEN_KINDS.map((kind) => [kind, '1'])) });
  it.each<[DetailKind, TokenKind[]]>([
    ['input', ['input', 'input_audio', 'input_image']],
    ['cache_read', ['cache_read', 'cache_read_audio']],
    ['cache_write', ['cache_write', 'cache_write_5m', 'cache_write_1h', 'cache_write_12h']],
    ['output', ['output', 'output_audio', 'output_image']],
  ])('counts as %s: %j', (detail, kinds) => {
    for (const kind of kinds)
      expect(priceUsage(every, testUsage({ [kind]: 1n })), kind).toMatchObject({
        details: { [detail]: 1_000_000n },
      });
  });

  it('of fewer tokens than none is a bug', () => {
    expect(() => priceUsage(every, testUsage({ input: -1n }))).toThrow('-1 tokens of input');
  });
});

describe('parts', () => {
  it('by the model of the card itself, or another name of it, need no other card', () => {
    const named = testCard({ aliases: ['m-latest'] });
    for (const model of ['m', 'm-latest'])
      expect(
        picoUsdOf(named, {
          ...testUsage({}),
          parts: [{ model, tokens: { input: 1n }, tierInputTokens: 1n }],
        }),
      ).toBe(2_500_000n);
  });

  it('prices each at its own model and its own tier', () => {
    const other = testCard({ model: 'other', rates: { input: '5', output: '25' } });
    const usage: Usage = {
      parts: [
        { tokens: { input: 150_000n }, tierInputTokens: 150_000n },
        { tokens: { input: 150_000n }, tierInputTokens: 150_000n },
        { model: 'other', tokens: { output: 10n }, tierInputTokens: 0n },
      ],
      fees: {},
      conditions: {},
    };
    const pricing = priceUsage(tier('gte', 272_000n), usage, {
      cardOf: (model) => (model === 'other' ? other : undefined),
    });
    expect(pricing).toMatchObject({ kind: 'priced', totalPicoUsd: 750_000_000_000n + 250_000_000n });
  });

  it('knows its own model by any of its names', () => {
    const card = testCard({ aliases: ['m-2026-01-01'] });
    const usage = {
      ...testUsage({}),
      parts: [{ model: 'm-2026-01-01', tokens: { input: 1n }, tierInputTokens: 1n }],
    };
    expect(picoUsdOf(card, usage)).toBe(2_500_000n);
  });
});

describe('rounding', () => {
  it('rounds up once, not once a line', () => {
    // A third of a picodollar each: three lines of it are one picodollar.
    const card = testCard({
      rates: { input: '0.000001', cache_read: '0.000001', output: '0.000001' },
      fees: { a: { usd: '0.000000000001', per: '3' } },
    });
    const pricing = priceUsage(card, testUsage({}, { fees: { a: whole(1n) } }));
    expect(pricing).toMatchObject({ totalPicoUsd: 1n });
    const three = testCard({
      fees: Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { usd: '0.000000000001', per: '3' }])),
    });
    const fees = { a: whole(1n), b: whole(1n), c: whole(1n) };
    expect(priceUsage(three, testUsage({}, { fees }))).toMatchObject({ totalPicoUsd: 1n });
  });

  it('has details and lines that sum to the total, none negative', () => {
    const card = testCard({
      rates: {
        input: '0.0000013',
        cache_read: '0.0000001',
        cache_write: '0.00000017',
        output: '0.0000007',
      },
      multipliers: [{ when: 'response.service_tier=flex', factor: '0.333333333333' }],
      fees: { call: { usd: '0.000001', per: '7' } },
    });
    const tokens = fc.bigInt({ min: 0n, max: 2n ** 53n });
    fc.assert(
      fc.property(tokens, tokens, tokens, tokens, fc.boolean(), (input, read, write, output, isFlex) => {
        const usage = testUsage(
          { input, cache_read: read, cache_write: write, output },
          {
            fees: { call: whole(input % 11n) },
            conditions: isFlex ? { 'response.service_tier': 'flex' } : {},
          },
        );
        const pricing = priceUsage(card, usage);
        if (pricing.kind !== 'priced') throw new Error(pricing.what);
        const total = (amounts: bigint[]) => amounts.reduce((sum, amount) => sum + amount, 0n);
        expect(total(Object.values(pricing.details))).toBe(pricing.totalPicoUsd);
        expect(total(pricing.lines.map((line) => line.picoUsd))).toBe(pricing.totalPicoUsd);
        expect(pricing.lines.every((line) => line.picoUsd >= 0n)).toBe(true);
      }),
    );
  });

  it('never gets cheaper with more tokens of a kind', () => {
    const card = tier('gte', 272_000n);
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 400_000n }),
        fc.bigInt({ min: 0n, max: 400_000n }),
        (input, more) => {
          const less = picoUsdOf(card, testUsage({ input, output: 5n }));
          expect(picoUsdOf(card, testUsage({ input: input + more, output: 5n }))).toBeGreaterThanOrEqual(
            less,
          );
        },
      ),
    );
  });
});

describe('lines', () => {
  it('explain each amount', () => {
    const card = testCard({
      multipliers: [{ when: 'response.service_tier=priority', factor: '2' }],
      fees: { web_search: { usd: '10', per: '1000' } },
    });
    const usage = testUsage(
      { input: 3n, output: 7n },
      { fees: { web_search: whole(1n) }, conditions: { 'response.service_tier': 'priority' } },
    );
    expect(priceUsage(card, usage)).toEqual({
      kind: 'priced',
      totalPicoUsd: 10_225_000_000n,
      details: {
        input: 15_000_000n,
        output: 210_000_000n,
        cache_read: 0n,
        cache_write: 0n,
        fees: 10_000_000_000n,
      },
      lines: [
        {
          detail: 'input',
          what: 'input',
          cardId: 'openai/m@2026-01-01',
          quantity: '3',
          usd: '2.5',
          per: '1000000',
          factor: '2',
          picoUsd: 15_000_000n,
        },
        {
          detail: 'output',
          what: 'output',
          cardId: 'openai/m@2026-01-01',
          quantity: '7',
          usd: '15',
          per: '1000000',
          factor: '2',
          picoUsd: 210_000_000n,
        },
        {
          detail: 'fees',
          what: 'fee:web_search',
          cardId: 'openai/m@2026-01-01',
          quantity: '1',
          usd: '10',
          per: '1000',
          factor: '1',
          picoUsd: 10_000_000_000n,
        },
      ],
    });
  });
});
