/** A bill beside the charges: what is far apart is found, what is near enough is not, and nothing hides in a sum. */
import { describe, expect, it, test } from 'vitest';
import { picoUsd } from '../../../lambdas/core/brands.ts';
import { formatUsd, usd } from '../../../lambdas/core/money.ts';
import { decimal } from '../../../lambdas/core/pricing/ratio.ts';
import { compare } from '../../../lambdas/core/reconciliation/compare.ts';
import { driftMail } from '../../../lambdas/core/reconciliation/drift-mail.ts';
import {
  basisPointsOf,
  type BilledLine,
  type Figures,
} from '../../../lambdas/core/reconciliation/figures.ts';
import { modelNames } from '../../../lambdas/core/reconciliation/model-names.ts';
import type { OurLine } from '../../../lambdas/core/reconciliation/our-spend.ts';
import { reviewedCards } from '../../../prices/reviewed.ts';

const DAY = '2026-11-01';
const billed = (name: string | null, text: string | null, more: Partial<BilledLine> = {}): BilledLine => ({
  ...{ day: DAY, name, usd: text === null ? null : usd(text) },
  ...{ rounding: picoUsd(0n), tokens: null, calls: null },
  ...more,
});
const ours = (model: string, text: string, more: Partial<OurLine> = {}): OurLine => ({
  ...{ day: DAY, model, cost: usd(text), input: 0n, output: 0n, calls: 1n, presumed: 0n },
  ...more,
});
const names = modelNames(reviewedCards, 'openai');
const compared = (bill: BilledLine[], charges: OurLine[], percent = '0.01') =>
  compare(bill, charges, { names, tolerance: decimal(percent) });

describe('the tolerance', () => {
  test.each([
    ['100', '99', true],
    ['100', '98.999999999999', false],
    ['100', '101', true],
    ['100', '101.000000000001', false],
    ['0', '0', true],
    ['0', '0.000000000001', false],
    ['0.000000000001', '0', false],
  ])('of a hundredth: billed $%s, charged $%s: %s', (theirs, own, isWithin) => {
    const { hasDrifted, total } = compared([billed('gpt-5-mini', theirs)], [ours('gpt-5-mini', own)]);
    expect([total.isWithin, hasDrifted]).toEqual([isWithin, !isWithin]);
  });

  it('of nothing lets nothing pass, and that which rows were rounded by is not counted', () => {
    const rounded = billed('gpt-5-mini', '0.07', { rounding: usd('0.01') });
    expect(compared([rounded], [ours('gpt-5-mini', '0.0799')], '0').hasDrifted).toBe(false);
    expect(compared([rounded], [ours('gpt-5-mini', '0.0801')], '0').hasDrifted).toBe(true);
  });

  it('holds for each model: one too much does not make up for another too little', () => {
    const bill = [billed('gpt-5-mini', '10'), billed('gpt-4.1', '10')];
    const result = compared(bill, [ours('gpt-5-mini', '9'), ours('gpt-4.1', '11')]);
    expect(result.total.isWithin).toBe(true);
    expect(result.hasDrifted).toBe(true);
    expect(result.models.map(({ model, isWithin }) => [model, isWithin])).toEqual([
      ['gpt-4.1', false],
      ['gpt-5-mini', false],
    ]);
  });

  it('holds for the total alone where tools are billed apart from the models that used them', () => {
    const bill = [billed('gpt-5-mini', '1'), billed('web search tool calls', '0.5')];
    const result = compared(bill, [ours('gpt-5-mini', '1.5')]);
    expect(result).toMatchObject({ modelsCount: false, hasDrifted: false });
    expect(result.models.find(({ isKnown }) => !isKnown)?.model).toBe('web search tool calls');
    expect(compared(bill, [ours('gpt-5-mini', '1.4')]).hasDrifted).toBe(true);
  });

  it('is missed by what was called and is not on the bill, and by what is on the bill and was not called', () => {
    expect(
      compared([billed('gpt-5-mini', '1')], [ours('gpt-5-mini', '1'), ours('gpt-4.1', '1')]),
    ).toMatchObject({
      hasDrifted: true,
    });
    expect(
      compared([billed('gpt-5-mini', '1'), billed('gpt-4.1', '1')], [ours('gpt-5-mini', '1')]),
    ).toMatchObject({ hasDrifted: true });
  });
});

describe('lines', () => {
  it('stand by day and model, whatever snapshot or alias either side names', () => {
    const bill = [billed('gpt-5-mini-2025-08-07', '1'), billed('gpt-5-mini', '2', { day: '2026-11-02' })];
    const { lines, models } = compared(bill, [
      ours('gpt-5-mini', '0.4'),
      ours('gpt-5-mini-2025-08-07', '0.6'),
      ours('gpt-5-mini', '2', { day: '2026-11-02' }),
    ]);
    expect(
      lines.map(({ day, model, billed: { usd: theirs }, ours: { cost } }) => [
        ...[day, model, formatUsd(theirs!), formatUsd(cost)],
      ]),
    ).toEqual([
      ['2026-11-01', 'gpt-5-mini', '1.00', '1.00'],
      ['2026-11-02', 'gpt-5-mini', '2.00', '2.00'],
    ]);
    expect(models).toHaveLength(1);
  });

  it('of a bill that is not broken down are one a day, for all models', () => {
    const result = compared([billed(null, '3')], [ours('gpt-5-mini', '1'), ours('gpt-4.1', '2')]);
    expect(result).toMatchObject({ hasDrifted: false, models: [{ model: '*', isKnown: true }] });
  });

  it('that name nothing beside others that do are a name that nobody knows', () => {
    const result = compared([billed('gpt-5-mini', '1'), billed(null, '1')], [ours('gpt-5-mini', '1')]);
    expect(result).toMatchObject({ modelsCount: false, hasDrifted: true });
  });

  it('of usage alone are compared by tokens, and by calls where there are none', () => {
    const tokens = { input: 1000n, output: 100n };
    const own = { input: 1005n, output: 100n };
    expect(
      compared([billed('gpt-5-mini', null, { tokens })], [ours('gpt-5-mini', '7', own)]).hasDrifted,
    ).toBe(false);
    const other = { input: 1000n, output: 102n };
    expect(
      compared([billed('gpt-5-mini', null, { tokens })], [ours('gpt-5-mini', '7', other)]),
    ).toMatchObject({
      hasDrifted: true,
      lines: [{ billed: { usd: null } }],
    });
    const calls = billed('gpt-5-mini', null, { calls: 2n });
    expect(compared([calls], [ours('gpt-5-mini', '7', { calls: 2n })]).hasDrifted).toBe(false);
    expect(compared([calls], [ours('gpt-5-mini', '7', { calls: 3n })]).hasDrifted).toBe(true);
  });

  it('give tokens only where all of them are known', () => {
    const bill = [
      billed('gpt-5-mini', '1', { tokens: { input: 5n, output: 1n } }),
      billed('gpt-5-mini-2025-08-07', '1'),
      billed('gpt-4.1', '1', { tokens: { input: 7n, output: 2n } }),
    ];
    const { models } = compared(bill, []);
    expect(Object.fromEntries(models.map(({ model, billed: { tokens } }) => [model, tokens]))).toEqual({
      'gpt-5-mini': null,
      'gpt-4.1': { input: 7n, output: 2n },
    });
  });
});

test.each([
  ['1', '1.0049', -49n],
  ['1', '0.99995', 1n],
  ['1', '0.999951', 0n],
  ['3', '2', 3333n],
  ['-1', '-0.5', -5000n],
  ['0', '1', null],
])('billed %s, charged %s: %s hundredths of a percent', (theirs, own, points) => {
  const signed = (text: string) => picoUsd((text.startsWith('-') ? -1n : 1n) * usd(text.replace('-', '')));
  const figures = {
    billed: { usd: signed(theirs), rounding: picoUsd(0n), tokens: null, calls: null },
    ours: { cost: signed(own), input: 0n, output: 0n, calls: 0n, presumed: 0n },
  } satisfies Figures;
  expect(basisPointsOf(figures)).toBe(points);
});

describe('a name', () => {
  it.each<[Parameters<typeof modelNames>[1], string, string | undefined]>([
    ['openai', 'gpt-5-mini-2025-08-07', 'gpt-5-mini'],
    ['openai', 'gpt-5', 'gpt-5'],
    ['openai', 'gpt-5-min', undefined],
    ['openai', 'claude-haiku-4-5', undefined],
    ['anthropic', 'Claude Haiku 4.5', 'claude-haiku-4-5'],
    ['anthropic', 'Claude Opus 5', 'claude-opus-5'],
    ['anthropic', 'claude-haiku-4-5-20251001', 'claude-haiku-4-5'],
    ['anthropic', 'Claude Haiku', undefined],
    ['bedrock', 'Claude Haiku 4.5', 'anthropic.claude-haiku-4-5-20251001-v1:0'],
    ['bedrock', 'Claude4.6Sonnet', 'anthropic.claude-sonnet-4-6'],
    ['bedrock', 'global.anthropic.claude-sonnet-4-6', 'anthropic.claude-sonnet-4-6'],
    ['bedrock', 'eu.anthropic.claude-sonnet-4-6', 'anthropic.claude-sonnet-4-6'],
    ['bedrock', 'NovaPro', 'amazon.nova-pro-v1:0'],
    ['bedrock', 'Nova2.0Lite', 'amazon.nova-2-lite-v1:0'],
    ['bedrock', 'NovaLite', 'amazon.nova-lite-v1:0'],
    ['bedrock', 'Guardrail', undefined],
  ])('%s: %s is %s', (provider, name, model) => {
    expect(modelNames(reviewedCards, provider).find(name)).toBe(model);
  });

  it('finds every model under each of its own names', () => {
    for (const card of reviewedCards) {
      const found = modelNames(reviewedCards, card.provider);
      for (const name of card.aliases) expect(found.find(name), name).toBe(found.find(card.model));
      expect(found.find(card.model), card.model).toBeDefined();
    }
  });
});

test('the mail says which models, by how much, and what was presumed', () => {
  const bill = [billed('gpt-5-mini', '110'), billed('gpt-4.1', '1'), billed('gpt-9', '2')];
  const charges = [ours('gpt-5-mini', '100', { calls: 9n, presumed: 2n }), ours('gpt-4.1', '1')];
  const { subject, text } = driftMail(
    { provider: 'openai', first: '2026-11-01', last: '2026-11-30', tolerancePercent: '1' },
    { kind: 'compared', ...compared(bill, charges), daysOutside: [], daysWithoutBill: ['2026-11-03'] },
  );
  expect(subject).toBe('Spendcap: openai bill off by +$12.00 (10.62 %), 2026-11-01 to 2026-11-30');
  expect(subject.length).toBeLessThan(100);
  expect(text).toContain(
    'in all: billed $113.00, charged $101.00, +$12.00 (10.62 %), 2 of 10 calls at their holds',
  );
  expect(text).toContain('gpt-5-mini: billed $110.00, charged $100.00, +$10.00 (9.09 %), 2 of 9 calls');
  expect(text).toContain('gpt-9 (no model known here): billed $2.00, charged $0.00, +$2.00 (100.00 %)');
  expect(text).toContain('The bill has nothing for 2026-11-03, when there were calls.');
});

test('the mail about one day names it once', () => {
  const day = { provider: 'openai', first: DAY, last: DAY, tolerancePercent: '1' };
  const { subject, text } = driftMail(day, {
    ...{ kind: 'compared', ...compared([billed('gpt-4.1', '2')], [ours('gpt-4.1', '1')]) },
    ...{ daysOutside: [], daysWithoutBill: [] },
  });
  expect(subject).toBe('Spendcap: openai bill off by +$1.00 (50.00 %), 2026-11-01');
  expect(text).toContain('The bill of openai for 2026-11-01 is not what Spendcap charged.');
});
