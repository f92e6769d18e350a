/** What becomes of what feeds say: one line a situation. The card in force is $2.50 in, $0.25 from the cache, $15 out. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideChange, type Standing } from '../../../lambdas/core/price-changes/decide.ts';
import { FAMILIES, type Family } from '../../../lambdas/core/price-changes/reading.ts';
import type { Rates } from '../../../lambdas/core/pricing/card.ts';
import { reviewedCards } from '../../../prices/reviewed.ts';
import { testCard } from '../pricing/cards-for-tests.ts';
import { says } from './statements-for-tests.ts';

const card = testCard();
/** In force since the instant 0, by more than one family's word. */
const standing: Standing = { card, since: 0, anchor: card };

const OLD: Rates = { input: '2.5', cache_read: '0.25', output: '15' };
const DEARER: Rates = { input: '3', cache_read: '0.3', output: '18' }; // by 20 %
const CHEAPER: Rates = { input: '2', cache_read: '0.2', output: '12' };
const HALF: Rates = { input: '1.25', cache_read: '0.125', output: '7.5' };
const DOUBLE: Rates = { input: '5', cache_read: '0.5', output: '30' };

type Line = [situation: string, statements: ReturnType<typeof says>[], expected: string[]];

const LINES: Line[] = [
  ['nobody says anything', [], []],
  ['they say what is in force', [says('litellm', OLD), says('aws', OLD)], []],
  ['the same in other digits', [says('litellm', { input: '2.50', cache_read: '0.250', output: '15.0' })], []],
  ['a fifth dearer, by one', [says('litellm', DEARER)], ['accept one_family litellm 3']],
  ['a fifth cheaper, by one', [says('litellm', CHEAPER)], ['accept one_family litellm 2']],
  [
    'a fifth dearer, by two',
    [says('litellm', DEARER), says('aws', DEARER)],
    ['accept two_families litellm,aws 3'],
  ],
  ['half the price, by one', [says('litellm', HALF)], ['pending litellm 1.25']],
  ['twice the price, by one', [says('litellm', DOUBLE)], ['pending litellm 5']],
  [
    'half the price, by two',
    [says('litellm', HALF), says('aws', HALF)],
    ['accept two_families litellm,aws 1.25'],
  ],
  [
    'half the price by one, another half by another',
    [says('litellm', HALF), says('aws', { ...HALF, output: '7' })],
    ['pending litellm 1.25', 'pending aws 1.25'],
  ],
  [
    'half the price by two, while two lag behind',
    [
      says('litellm', HALF, { since: 5 }),
      says('aws', HALF, { since: 6 }),
      says('genai-prices', OLD),
      says('models-dev', OLD),
    ],
    ['accept two_families litellm,aws 1.25'],
  ],
  [
    'half the price by two, and two others have said otherwise since',
    [says('litellm', HALF), says('aws', HALF), says('genai-prices', OLD), says('models-dev', OLD)],
    ['pending litellm,aws 1.25'],
  ],
  [
    'a fifth by one, and another, read at the same time, says what is in force',
    [says('litellm', DEARER), says('aws', OLD)],
    ['pending litellm 3'],
  ],
  [
    'a fifth by one, and another has said what is in force for longer',
    [says('litellm', DEARER, { since: 5 }), says('aws', OLD, { since: 4 })],
    ['accept one_family litellm 3'],
  ],
  [
    'each of two says something else, within the gates',
    [says('litellm', DEARER), says('aws', CHEAPER)],
    ['pending litellm 3', 'pending aws 2'],
  ],
  ['it was said before the card came in', [says('litellm', DEARER, { since: 0 })], []],
  [
    'it was said before, and now another says so too',
    [says('litellm', HALF, { since: 0 }), says('aws', HALF, { since: 9 })],
    ['accept two_families litellm,aws 1.25'],
  ],
  ['a reseller alone', [says('openrouter', DEARER)], []],
  [
    'a reseller who agrees',
    [says('litellm', HALF), says('openrouter', HALF)],
    ['accept two_families litellm,openrouter 1.25'],
  ],
  [
    'a reseller who does not',
    [says('litellm', DEARER), says('openrouter', HALF)],
    ['accept one_family litellm 3'],
  ],
  [
    'a thousandth, by three',
    FAMILIES.slice(0, 3).map((f) => says(f, { input: '0.0025', output: '0.015' })),
    ['refused genai-prices,litellm,models-dev 0.0025'],
  ],
  [
    'ten times, by two',
    [says('litellm', { input: '25', output: '150' }), says('aws', { input: '25', output: '150' })],
    ['refused litellm,aws 25'],
  ],
  [
    'a tenth, by two',
    [says('litellm', { input: '0.25', output: '1.5' }), says('aws', { input: '0.25', output: '1.5' })],
    ['refused litellm,aws 0.25'],
  ],
  [
    'a new price of the cache, by one',
    [says('litellm', { ...OLD, cache_write: '3' })],
    ['pending litellm 2.5'],
  ],
  [
    'a new price of the cache, by two',
    [says('litellm', { ...OLD, cache_write: '3' }), says('aws', { ...OLD, cache_write: '3' })],
    ['accept two_families litellm,aws 2.5'],
  ],
  ['audio at the price of text', [says('litellm', { ...OLD, input_audio: '2.5' })], []],
  ['the cache at twice its share', [says('litellm', { ...OLD, cache_read: '0.5' })], ['pending litellm 2.5']],
  [
    'the cache above the price of input',
    [says('litellm', { ...OLD, cache_read: '3' }), says('aws', { ...OLD, cache_read: '3' })],
    ['refused litellm,aws 2.5'],
  ],
  ['nothing of the output', [says('litellm', { input: '3' })], []],
  ['a price of zero', [says('litellm', { output: '15' })], []],
];

const shown = (statements: ReturnType<typeof says>[], at: Standing = standing): string[] =>
  decideChange(at, statements).map(({ card, families, verdict }) =>
    [
      verdict.kind,
      ...(verdict.kind === 'accept' ? [verdict.by] : []),
      families.join(),
      card.rates.input,
    ].join(' '),
  );

describe('one model', () => {
  it.each(LINES)('%s', (_, statements, expected) => {
    expect(shown(statements)).toEqual(expected);
  });

  it('of a release takes what a feed says when it is first read', () => {
    const ofRelease = { ...standing, since: -1 };
    expect(shown([says('litellm', DEARER, { since: 0 })], ofRelease)).toEqual([
      'accept one_family litellm 3',
    ]);
  });

  it('moves all that nobody speaks of with the list price', () => {
    const rich = testCard({
      rates: { ...OLD, cache_write_1h: '5' },
      tiers: [
        {
          basis: 'total_input_tokens',
          op: 'gte',
          threshold: 272_000n,
          rates: { input: '5', output: '22.5' },
        },
      ],
      variants: [{ when: 'response.service_tier=flex', rates: { input: '1.25', output: '7.5' } }],
    });
    const [proposal] = decideChange({ card: rich, since: 0, anchor: rich }, [
      says('litellm', { input: '3', output: '18' }),
    ]);
    expect(proposal).toMatchObject({
      verdict: { kind: 'accept' },
      card: {
        rates: { input: '3', cache_read: '0.3', output: '18', cache_write_1h: '6' },
        tiers: [{ op: 'gte', threshold: 272_000n, rates: { input: '6', output: '27' } }],
        variants: [{ rates: { input: '1.5', output: '9' } }],
      },
    });
  });

  it('keeps the threshold that it has, however a feed counts it, and takes a new one from two', () => {
    const tiered = testCard({
      tiers: [
        { basis: 'total_input_tokens', op: 'gt', threshold: 272_000n, rates: { input: '5', output: '22.5' } },
      ],
    });
    const at = { card: tiered, since: 0, anchor: tiered };
    const tiers = [{ threshold: 271_999n, rates: { input: '6', output: '27' } }];
    const same = says('litellm', OLD, { list: { rates: OLD, tiers } });
    expect(decideChange(at, [same])[0]).toMatchObject({
      verdict: { kind: 'accept', by: 'one_family' },
      card: { tiers: [{ op: 'gt', threshold: 272_000n, rates: { input: '6', output: '27' } }] },
    });

    const lower = [{ threshold: 128_000n, rates: { input: '4', output: '20' } }];
    const more = (family: Family) => says(family, OLD, { list: { rates: OLD, tiers: lower } });
    expect(shown([more('litellm')], at)).toEqual(['pending litellm 2.5']);
    expect(decideChange(at, [more('litellm'), more('aws')])[0]).toMatchObject({
      verdict: { kind: 'accept', by: 'two_families' },
      card: {
        tiers: [
          { threshold: 272_000n },
          { op: 'gte', threshold: 128_000n, rates: { input: '4', output: '20' } },
        ],
      },
    });
  });

  it('does not move when the dearer hours are all that a feed knows', () => {
    const byHour = testCard({ periods: [{ from: '01:00', to: '04:00', factor: '2' }] });
    const at = { card: byHour, since: 0, anchor: byHour };
    expect(shown([says('litellm', DOUBLE)], at)).toEqual([]);
    expect(shown([says('litellm', DEARER)], at)).toEqual(['pending litellm 3']);
    expect(shown([says('litellm', DEARER, { knowsHours: true })], at)).toEqual([
      'accept one_family litellm 3',
    ]);
  });
});

describe('one family alone', () => {
  it('never comes below three quarters or above five quarters of what more than one stands for, in many steps', () => {
    const steps = fc.array(fc.integer({ min: 760, max: 1240 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(steps, (thousandths) => {
        let at: Standing = {
          card: testCard({ rates: { input: '10', output: '50' } }),
          since: 0,
          anchor: testCard({ rates: { input: '10', output: '50' } }),
        };
        let input = 10_000_000n;
        thousandths.forEach((step, i) => {
          input = (input * BigInt(step)) / 1000n;
          const rates = { input: millionths(input), output: millionths(input * 5n) };
          const [proposal] = decideChange(at, [says('litellm', rates, { since: i + 1 })]);
          if (proposal?.verdict.kind === 'accept') at = { ...at, card: proposal.card, since: i + 1 };
          const inForce = Number(at.card.rates.input);
          expect(inForce).toBeGreaterThanOrEqual(7.5);
          expect(inForce).toBeLessThanOrEqual(12.5);
        });
      }),
    );
  });

  it('goes on from where two others confirm', () => {
    const anchor = testCard({ rates: { input: '3.3', output: '19.8' } });
    const at: Standing = { card, since: 0, anchor };
    expect(shown([says('litellm', CHEAPER, { since: 9 })], at)).toEqual(['pending litellm 2']);
    expect(
      shown([says('litellm', CHEAPER, { since: 9 }), says('aws', OLD), says('models-dev', OLD)], at),
    ).toEqual(['accept one_family litellm 2']);
  });
});

describe('a wrong unit', () => {
  const priced = reviewedCards.filter(({ rates }) => rates.input !== undefined);
  const powers = fc.integer({ min: -8, max: 8 }).filter((k) => k !== 0);

  it('of any card never gets in, by however many families', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...priced),
        powers,
        fc.subarray([...FAMILIES], { minLength: 1 }),
        (one, k, families) => {
          const rates = Object.fromEntries(
            Object.entries(one.rates).map(([kind, rate]) => [kind, shifted(rate, k)]),
          );
          const statements = families.map((family) =>
            says(family, rates, { provider: one.provider, model: one.model, knowsHours: true }),
          );
          const at = { card: one, since: 0, anchor: one };
          for (const { verdict } of decideChange(at, statements)) expect(verdict.kind).toBe('refused');
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([8_000n, 100_000n, 1_000n])('%s times, as seen in the wild, neither', (factor) => {
    for (const one of priced) {
      const rates = Object.fromEntries(
        Object.entries(one.rates).map(([kind, rate]) => [kind, timesWhole(rate, factor)]),
      );
      const at = { card: one, since: 0, anchor: one };
      const statements = FAMILIES.map((family) => says(family, rates, { knowsHours: true }));
      for (const { verdict } of decideChange(at, statements)) expect(verdict.kind, one.id).toBe('refused');
    }
  });
});

/** Decimal point moved by k places. */
function shifted(rate: string, k: number): string {
  const [whole, fraction = ''] = rate.split('.') as [string, string?];
  const digits = whole + fraction;
  const point = whole.length + k;
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  const padded = digits.padEnd(point, '0');
  return `${padded.slice(0, point).replace(/^0+(?=\d)/, '')}.${padded.slice(point)}0`;
}

function timesWhole(rate: string, factor: bigint): string {
  const [whole, fraction = ''] = rate.split('.') as [string, string?];
  const value = (BigInt(whole + fraction) * factor).toString().padStart(fraction.length + 1, '0');
  return fraction === '' ? value : `${value.slice(0, -fraction.length)}.${value.slice(-fraction.length)}`;
}

const millionths = (value: bigint): string =>
  `${value / 1_000_000n}.${(value % 1_000_000n).toString().padStart(6, '0')}`;
