import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { picoUsd } from '../../../lambdas/core/brands.ts';
import { usd } from '../../../lambdas/core/money.ts';
import { priceUsage, type Unpriced } from '../../../lambdas/core/pricing/calculator.ts';
import { TOKEN_KINDS, type PriceCard, type TokenKind } from '../../../lambdas/core/pricing/card.ts';
import { whole } from '../../../lambdas/core/pricing/ratio.ts';
import { rateOf } from '../../../lambdas/core/pricing/rate-set.ts';
import type { TokenCounts } from '../../../lambdas/core/pricing/usage.ts';
import {
  dearestCase,
  worstCase,
  type WorstCase,
  type WorstCaseQuestion,
} from '../../../lambdas/core/pricing/worst-case.ts';
import { reviewedCards } from '../../../prices/reviewed.ts';
import { testCard } from './cards-for-tests.ts';

const ASK: WorstCaseQuestion = {
  inputTokensMax: 1000n,
  choices: 1n,
  cacheWrites: 'none',
  reachable: [],
  media: [],
};
const MEDIA = ['audio', 'image'] as const;
const conditionsOf = ({ multipliers, variants }: PriceCard) =>
  [...multipliers, ...variants].map(({ when }) => when);
function bounded(card: PriceCard, question: Partial<WorstCaseQuestion> = {}): WorstCase {
  const worst = worstCase(card, { ...ASK, ...question });
  if (worst.kind === 'unpriced') throw new Error(`${worst.reason} ${worst.what}`);
  return worst;
}

describe('the hold', () => {
  const claude = testCard({
    rates: {
      input: '4',
      cache_read: '0.2',
      cache_write_5m: '5',
      cache_write_1h: '8',
      output: '20',
      output_audio: '40',
      input_audio: '9',
    },
    multipliers: [
      { when: 'usage.service_tier=batch', factor: '0.5' },
      { when: 'usage.inference_geo=us', factor: '1.1' },
      { when: 'usage.speed=fast', factor: '2' },
      { when: 'usage.speed=turbo', factor: '3' },
    ],
    fees: { web_search: { usd: '10', per: '1000' } },
  });
  it.each<[string, Partial<WorstCaseQuestion>, bigint, bigint]>([
    ['input and output', {}, 10n, 4_000_000_000n + 200_000_000n],
    ['no output', {}, 0n, 4_000_000_000n],
    ['each choice has its own output', { choices: 3n }, 10n, 4_000_000_000n + 600_000_000n],
    ['five-minute writes', { cacheWrites: '5m' }, 0n, 5_000_000_000n],
    ['one-hour writes', { cacheWrites: '1h' }, 0n, 8_000_000_000n],
    ['a tier that may be dearer', { reachable: ['usage.inference_geo=us'] }, 0n, 4_400_000_000n],
    [
      'a tier that is cheaper may be refused',
      { reachable: ['usage.service_tier=batch'] },
      0n,
      4_000_000_000n,
    ],
    [
      'values of one path exclude each other, those of two paths multiply',
      { reachable: ['usage.speed=fast', 'usage.speed=turbo', 'usage.inference_geo=us'] },
      0n,
      13_200_000_000n,
    ],
    ['any condition', { reachable: conditionsOf(claude) }, 0n, 13_200_000_000n],
    ['sound in, and sound out', { media: ['audio'] }, 1n, 9_000_000_000n + 40_000_000n],
    ['fees', { fees: { web_search: whole(5n) } }, 0n, 4_000_000_000n + 50_000_000_000n],
  ])('%s', (_, question, output, expected) => {
    expect(bounded(claude, question).holdFor(output)).toBe(expected);
  });

  it.each<[string, TokenKind, Partial<WorstCaseQuestion>]>([
    ['reads', 'cache_read', {}],
    ['spoken reads', 'cache_read_audio', { media: ['audio'] }],
    ['images', 'input_image', { media: ['image'] }],
    ['five-minute writes beside those of an hour', 'cache_write_5m', { cacheWrites: '1h' }],
    ['twelve-hour writes', 'cache_write_12h', { cacheWrites: '12h' }],
  ])('counts %s where they are the dearest, and only where they can happen', (_, kind, question) => {
    const card = testCard({ rates: { input: '1', [kind]: '7', output: '1' } });
    expect(bounded(card, question).holdFor(0n)).toBe(7_000_000_000n);
    if (kind !== 'cache_read') expect(bounded(card).holdFor(0n)).toBe(1_000_000_000n);
  });

  it('counts images that the model may make', () => {
    const card = testCard({ rates: { input: '1', output: '2', output_image: '30' } });
    expect(bounded(card, { media: ['image'] }).holdFor(1n)).toBe(1_000_000_000n + 30_000_000n);
    expect(bounded(card, { media: ['audio'] }).holdFor(1n)).toBe(1_000_000_000n + 2_000_000n);
  });

  it('needs no price for what is asked for no time', () => {
    expect(bounded(testCard(), { fees: { web_search: whole(0n) } }).holdFor(0n)).toBe(2_500_000_000n);
  });

  it('counts writes that the provider makes by itself', () => {
    const card = testCard({ rates: { input: '2', cache_read: '0.2', cache_write: '2.5', output: '10' } });
    expect(bounded(card, { cacheWrites: 'default' }).holdFor(0n)).toBe(2_500_000_000n);
    expect(bounded(card, { cacheWrites: 'none' }).holdFor(0n)).toBe(2_500_000_000n);
  });

  it.each([
    { inputTokensMax: 99n, expected: 99n * 1_000_000n + 4_000_000n },
    { inputTokensMax: 100n, expected: 100n * 2_000_000n + 8_000_000n },
    { inputTokensMax: 101n, expected: 101n * 2_000_000n + 8_000_000n },
  ])('reaches the long-context tier at $inputTokensMax tokens', ({ inputTokensMax, expected }) => {
    const card = testCard({
      rates: { input: '1', output: '4' },
      tiers: [
        { basis: 'total_input_tokens', op: 'gte', threshold: 100n, rates: { input: '2', output: '8' } },
      ],
    });
    expect(bounded(card, { inputTokensMax }).holdFor(1n)).toBe(expected);
  });

  it('stays at the list rates where a tier is cheaper', () => {
    const card = testCard({
      rates: { input: '2' },
      tiers: [{ basis: 'total_input_tokens', op: 'gt', threshold: 10n, rates: { input: '1' } }],
    });
    expect(bounded(card).holdFor(0n)).toBe(2_000_000_000n);
  });

  it('takes the dearest rate set and the dearest time of the day', () => {
    const card = testCard({
      rates: { input: '1', output: '4' },
      variants: [{ when: 'usage.speed=fast', rates: { input: '3', output: '9' } }],
      periods: [{ from: '01:00', to: '04:00', factor: '2' }],
    });
    expect(bounded(card, { reachable: conditionsOf(card) }).holdFor(1n)).toBe(6_000_000_000n + 18_000_000n);
    expect(bounded(card).holdFor(1n)).toBe(2_000_000_000n + 8_000_000n);
  });
});

it('holds no minimum for what is not used', () => {
  const card = testCard({ rates: {}, fees: { audio_second: { usd: '0.006', per: '60', minimum: '10' } } });
  const hold = (seconds: bigint) =>
    bounded(card, { inputTokensMax: 0n, fees: { audio_second: whole(seconds) } }).holdFor(0n);
  expect(hold(0n)).toBe(0n);
  expect(hold(1n)).toBe(1_000_000_000n);
  expect(hold(11n)).toBe(1_100_000_000n);
});

describe('the output that a budget pays', () => {
  it.each([
    { budget: 2_500_000_000n + 30_000_000n * 7n, output: 7n },
    { budget: 2_500_000_000n + 30_000_000n * 7n - 1n, output: 6n },
    { budget: 2_500_000_000n, output: 0n },
    { budget: 2_499_999_999n, output: -1n },
    { budget: -5n, output: -1n },
  ])('$budget picodollars pay $output tokens', ({ budget, output }) => {
    const worst = bounded(testCard(), { choices: 2n });
    expect(worst.outputTokensFor(picoUsd(budget))).toBe(output);
  });

  it('is none for a model without output', () => {
    const embedding = bounded(testCard({ rates: { input: '0.02' } }));
    expect(embedding.outputTokensFor(picoUsd(10n ** 12n))).toBe(0n);
    expect(embedding.holdFor(0n)).toBe(20_000_000n);
    expect(() => embedding.holdFor(1n)).toThrow('no output rate');
  });

  it('is all that the model can write where output costs nothing', () => {
    const free = bounded(testCard({ rates: { input: '1', output: '0' } }));
    expect(free.outputTokensFor(picoUsd(10n ** 12n))).toBe(100_000n);
  });

  it('is the largest whose hold fits', () => {
    const amount = fc.bigInt({ min: 0n, max: 10n ** 13n });
    fc.assert(
      fc.property(amount, fc.bigInt({ min: 1n, max: 8n }), (budget, choices) => {
        const question = bounded(testCard({ rates: { input: '0.1', output: '0.0000003' } }), { choices });
        const output = question.outputTokensFor(picoUsd(budget));
        if (output >= 0n) expect(question.holdFor(output)).toBeLessThanOrEqual(budget);
        expect(question.holdFor(output < 0n ? 0n : output + 1n)).toBeGreaterThan(budget);
      }),
    );
  });
});

describe('what cannot be bounded', () => {
  it.each<[string, PriceCard, Partial<WorstCaseQuestion>, { reason: string; what: string }]>([
    [
      'a tier without a price',
      testCard(),
      { reachable: ['response.service_tier=ultrafast'] },
      { reason: 'condition', what: 'response.service_tier=ultrafast' },
    ],
    [
      'a tool without a price',
      testCard(),
      { fees: { file_search: whole(1n) } },
      { reason: 'fee', what: 'file_search' },
    ],
    ['input without a rate', testCard({ rates: {} }), {}, { reason: 'token_kind', what: 'input' }],
  ])('%s', (_, card, question, expected) => {
    expect(worstCase(card, { ...ASK, ...question })).toEqual({ kind: 'unpriced', ...expected });
  });

  it('a negative bound is a bug', () => {
    expect(() => bounded(testCard(), { inputTokensMax: -1n })).toThrow('at least one choice');
    expect(() => bounded(testCard(), { choices: 0n })).toThrow('at least one choice');
    expect(() => bounded(testCard()).holdFor(-1n)).toThrow('not negative');
  });
});

describe('bound and cost', () => {
  const isOutput = (kind: TokenKind) => kind.startsWith('output');
  const share = fc.bigInt({ min: 0n, max: 400_000n });
  const counts = fc.record(Object.fromEntries(TOKEN_KINDS.map((kind) => [kind, share])));

  it('no usage within the bound costs more than the hold, on any reviewed card', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...reviewedCards),
        counts as fc.Arbitrary<TokenCounts>,
        fc.bigInt({ min: 0n, max: 500_000n }),
        fc.bigInt({ min: 1n, max: 4n }),
        fc.nat(),
        fc.bigInt({ min: 0n, max: 3n }),
        (card, tokens, slack, choices, pick, calls) => {
          const conditions = conditionsOf(card);
          const condition = conditions[pick % (conditions.length + 1)];
          const entries = (Object.entries(tokens) as [TokenKind, bigint][]).filter(
            ([kind]) => rateOf(card.rates, kind) !== undefined,
          );
          const total = (of: [TokenKind, bigint][]) => of.reduce((sum, [, n]) => sum + n, 0n);
          const input = total(entries.filter(([kind]) => !isOutput(kind)));
          const output = total(entries.filter(([kind]) => isOutput(kind)));
          const fees = Object.fromEntries(Object.keys(card.fees).map((fee) => [fee, whole(calls)]));
          const pricing = priceUsage(card, {
            parts: [{ tokens: Object.fromEntries(entries), tierInputTokens: input }],
            fees,
            conditions:
              condition === undefined ? {} : Object.fromEntries([condition.split('=') as [string, string]]),
          });
          if (pricing.kind !== 'priced') throw new Error(`${card.id}: ${pricing.what}`);
          for (const reachable of [conditions, condition === undefined ? [] : [condition]]) {
            const worst = bounded(card, {
              // Cards for sound have no tokens at all.
              inputTokensMax: card.rates.input === undefined ? 0n : input + slack,
              choices,
              cacheWrites: card.rates.cache_write_12h === undefined ? '1h' : '12h',
              reachable,
              media: MEDIA,
              fees,
            });
            const hold = worst.holdFor(output === 0n ? 0n : (output + choices - 1n) / choices);
            expect(hold).toBeGreaterThanOrEqual(pricing.totalPicoUsd);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('the dearest of several cards', () => {
  const dearer = testCard({ rates: { input: '5', cache_read: '0.25', output: '12' } });
  const question = { ...ASK, inputTokensMax: 1_000_000n };
  const boundedBy = (worst: WorstCase | Unpriced): WorstCase => {
    if (worst.kind === 'unpriced') throw new Error(`${worst.reason} ${worst.what}`);
    return worst;
  };

  it('holds for the dearer one at each length of output', () => {
    const both = boundedBy(dearestCase([testCard(), dearer], question));
    // 5.00 + 0.12 of the one, 2.50 + 1.50 of the other; 5.00 + 12.00 and 2.50 + 15.00
    expect(both.holdFor(10_000n)).toBe(usd('5.12'));
    expect(both.holdFor(1_000_000n)).toBe(usd('17.50'));
  });

  it('buys what both pay, and nothing where one does not even pay the input', () => {
    const both = boundedBy(dearestCase([testCard(), dearer], question));
    // (17.60 - 2.50) / 15 and (17.60 - 5.00) / 12 dollars a million
    expect(both.outputTokensFor(usd('17.60'))).toBe(1_006_666n);
    expect(both.outputTokensFor(usd('4.00'))).toBe(-1n);
  });

  it('leaves out one that cannot write, unless none of them can', () => {
    const mute = testCard({ rates: { input: '900' } });
    expect(boundedBy(dearestCase([testCard(), mute], question)).holdFor(1n)).toBe(2_500_015_000_000n);
    const embeddings = [testCard({ rates: { input: '1' } }), mute] as const;
    expect(boundedBy(dearestCase(embeddings, question)).holdFor(0n)).toBe(usd('900'));
  });

  it('is the first alone where another cannot price the call', () => {
    const blind = testCard({ rates: { output: '900' } });
    const both = boundedBy(dearestCase([testCard(), blind], question));
    expect(both).toHaveProperty('kind', 'bounded');
    expect(both.holdFor(0n)).toBe(usd('2.50'));
    expect(dearestCase([blind, testCard()], question)).toMatchObject({ kind: 'unpriced', what: 'input' });
  });
});
