/** What a charge was computed from comes back from its item as it went in, as far as any price can tell. */
import { expect, test } from 'vitest';
import { chargeFromItem, chargeToItem, type Charge } from '../../lambdas/core/ledger/charge.ts';
import { reportedText, type ChargeReading } from '../../lambdas/core/ledger/charge-reading.ts';
import { decimal, whole } from '../../lambdas/core/pricing/ratio.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { alice, chargeOf, ledgerOver, ManualClock, testCall, testCap } from '../support/worlds.ts';

const clock = new ManualClock();
const { ledger, ids } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
const held = await ledger.reserve(testCall([testCap('month', 'usd', 'month', 1000n)], ids, { picoUsd: 10n }));
if (held.kind !== 'held') throw new Error(held.kind);
const base: Charge = { ...chargeOf(held.call, 7n), leafPk: alice.pk };

const reading = (more: Partial<ChargeReading>): ChargeReading => ({
  usage: { parts: [{ tokens: { input: 10n }, tierInputTokens: 10n }], fees: {}, conditions: {} },
  reported: { kind: 'none' },
  card: base.info.cd,
  otherCards: {},
  ...more,
});

const READINGS: [name: string, reading: ChargeReading][] = [
  ['one part', reading({})],
  [
    'several parts, of other models, by other cards',
    reading({
      usage: {
        parts: [
          { tokens: { input: 4n, output: 2n }, tierInputTokens: 4n },
          { model: 'advisor', tokens: { input: 3n, cache_read: 1n }, tierInputTokens: 200_000n },
        ],
        fees: {},
        conditions: {},
      },
      card: 'served@2026-01-01',
      otherCards: { advisor: 'advisor@2026-01-01' },
    }),
  ],
  [
    'fees and conditions, no tokens',
    reading({
      usage: {
        parts: [],
        fees: { web_search: whole(3n), audio_second: decimal('12.0000000000000000000001') },
        conditions: { 'usage.speed': 'fast' },
      },
    }),
  ],
  ['a block', reading({ reported: { kind: 'kept', text: '{"prompt_tokens":10}' } })],
  ['a block that was too long', reading({ reported: { kind: 'too_long', bytes: 4000n } })],
];

test.each(READINGS)('%s', (_name, given) => {
  const charge = { ...base, reading: given };
  expect(chargeFromItem(chargeToItem(charge))).toEqual(charge);
});

test('a charge without one stays without', () => {
  expect(chargeFromItem(chargeToItem(base))).toEqual(base);
});

test.each([
  ['2,048 bytes', 'a'.repeat(2046), { kind: 'kept', text: `"${'a'.repeat(2046)}"` }],
  ['2,049 bytes', 'a'.repeat(2047), { kind: 'too_long', bytes: 2049n }],
  ['2,050 bytes, fewer characters', 'é'.repeat(1024), { kind: 'too_long', bytes: 2050n }],
  ['nothing', undefined, { kind: 'none' }],
])('of a block of %s', (_size, block, expected) => {
  expect(reportedText(block)).toEqual(expected);
});
