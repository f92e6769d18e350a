/**
 * Prices that depend on when: times of the day, cards and agreements that begin on a day to come. Each call is charged
 * by what held when it was admitted, its receipt computes again to that, and no receipt takes another time or card.
 */
import { expect, it } from 'vitest';
import type { EpochMs } from '../../lambdas/core/brands.ts';
import { priceCardSchema, type PriceCard } from '../../lambdas/core/pricing/card.ts';
import { ownCardId, type PriceOverride } from '../../lambdas/core/pricing/override.ts';
import { putCard } from '../../lambdas/core/pricing/price-items.ts';
import { PriceRecords } from '../../lambdas/core/pricing/price-records.ts';
import { hashOf } from '../../lambdas/core/receipts/receipt.ts';
import type { Receipt } from '../../lambdas/core/receipts/receipt-document.ts';
import { verifyReceipt } from '../../lambdas/core/receipts/verify-receipt.ts';
import { parseRfc3339 } from '../../lambdas/core/time.ts';
import { reviewedPrices } from '../../prices/reviewed.ts';
import { openGateway, type TestGateway } from '../support/gateways.ts';
import { plain, type Script } from '../support/scripted-upstream.ts';
import { SeededIds } from '../support/worlds.ts';

const at = (text: string): EpochMs => parseRfc3339(text)!;
const GPT = 'openai/gpt-4.1@2025-04-14';
const bodyFor = (model: string) =>
  `{"model":"${model}","messages":[{"role":"user","content":"Say hi."}],"max_tokens":1000}`;
const answer = plain(
  '{"id":"c1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}',
);

/** Time only goes on. */
const until = ({ clock }: TestGateway, time: EpochMs) => clock.pass((time - clock.now()) / 1000);

async function call(gateway: TestGateway, model = 'gpt-4.1', script: Script = answer) {
  gateway.upstream.next(script);
  const response = await gateway.call('/v1/chat/completions', bodyFor(model));
  if (response.status !== 200) throw new Error(await response.text());
  const header = (name: string) => response.headers.get(`x-spendcap-${name}`);
  await response.text();
  await gateway.settled();
  const { receipt } = await gateway.viewOf(response);
  return {
    cost: header('cost-usd'),
    card: header('price-version'),
    held: header('reserved-usd'),
    receipt: receipt!,
  };
}

/** Where it does not follow from itself, when every hash is made to fit what it says now. */
async function differences(receipt: Receipt, change: (forged: Receipt) => void = () => undefined) {
  const forged = structuredClone(receipt);
  change(forged);
  for (const card of forged.pricing!.cards) card.sha256 = await hashOf(card.card);
  const { sha256, ...rest } = forged;
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  const check = await verifyReceipt({ ...rest, sha256: await hashOf(rest) });
  if (check.kind !== 'checked') throw new Error(check.reason);
  return check.differences.map(({ where }) => where);
}

/** One for all: two of one seed would use one token for two transactions. */
const ids = new SeededIds();
const records = ({ table }: TestGateway) => new PriceRecords({ table, ids });
async function agree(gateway: TestGateway, override: PriceOverride) {
  expect(await records(gateway).putOverride(override)).toBe(true);
  gateway.prices.forget();
}

// DeepSeek doubles its prices on weekdays from 01:00 to 04:00 and 06:00 to 10:00; 10 x 0.15 + 5 x 0.6 a million off-peak.
// 2026-11-25 is a Wednesday.
const OFF_PEAK = '0.0000045';
const PEAK = '0.000009';
it.each<[string, string, number, string]>([
  ['before the peak', '2026-11-25T00:59:59.999Z', 0, OFF_PEAK],
  ['at its first instant', '2026-11-25T01:00:00Z', 0, PEAK],
  ['begun before, ended within', '2026-11-25T00:59:50Z', 20, PEAK],
  ['begun within, ended after', '2026-11-25T03:59:50Z', 20, PEAK],
  ['in its last millisecond', '2026-11-25T03:59:59.999Z', 0, PEAK],
  ['at its end', '2026-11-25T04:00:00Z', 0, OFF_PEAK],
  ['in the same hour of a Saturday', '2026-11-28T02:00:00Z', 0, OFF_PEAK],
])('a time-of-day price, %s', async (_, begun, seconds, cost) => {
  const gateway = await openGateway();
  await until(gateway, at(begun));
  const { receipt, ...charged } = await call(gateway, 'deepseek-v4-flash', async (request) => {
    await gateway.clock.pass(seconds);
    return answer(request);
  });
  expect(charged).toEqual({
    cost,
    card: 'deepseek/deepseek-v4-flash@2026-09-22',
    // 96 bytes and 1,000 tokens of output, at the peak, whenever it is: a call may last until then.
    held: '0.0012288',
  });
  expect(receipt.pricing!.lines.map(({ factor }) => factor)).toEqual(cost === PEAK ? ['2', '2'] : ['1', '1']);
  expect(await differences(receipt)).toEqual([]);

  const elsewhen = cost === PEAK ? '2026-11-28T02:00:00Z' : '2026-11-25T02:00:00Z';
  const moved = await differences(receipt, ({ pricing }) => {
    Object.assign(pricing!, { from: elsewhen, to: elsewhen });
  });
  expect(moved).toContain('pricing.total_usd');
  expect(
    await differences(receipt, ({ pricing }) => {
      (pricing!.cards[0]!.card['periods'] as { factor: string }[]).forEach((period) => (period.factor = '4'));
      for (const line of pricing!.lines) line.factor = '4';
    }),
  ).toContain('pricing.lines.0');
});

it('a card that begins on a day to come prices no call before, and every call from its first instant on', async () => {
  const gateway = await openGateway();
  const list = reviewedPrices().find('openai-chat', 'gpt-4.1', gateway.clock.now())!;
  const next = priceCardSchema.parse({
    ...list,
    ...{ id: 'openai/gpt-4.1@2026-12-01', effectiveFrom: '2026-12-01' },
    rates: { input: '4', cache_read: '1', output: '16' },
  });
  await records(gateway).change([{ op: 'put', ...putCard(next) }]);
  gateway.prices.forget();

  await until(gateway, at('2026-11-30T23:59:59.999Z'));
  const before = await call(gateway, 'gpt-4.1', async (request) => {
    await gateway.clock.pass(10);
    return answer(request);
  });
  const after = await call(gateway);
  expect([before, after]).toMatchObject([
    { card: GPT, cost: '0.00006' },
    { card: next.id, cost: '0.00012' },
  ]);
  for (const { receipt } of [before, after]) expect(await differences(receipt)).toEqual([]);
  // The one's card under the other's charge.
  expect(
    await differences(before.receipt, ({ pricing }) => {
      pricing!.cards = after.receipt.pricing!.cards;
    }),
  ).toContain('pricing.total_usd');
  // The old charge is what it was.
  expect((await gateway.view(before.receipt.request_id)).charge?.cost_usd).toBe('0.00006');
});

it('a discount holds from its day until the day on which it ends; the receipt has both prices', async () => {
  const gateway = await openGateway();
  const agreed = { provider: 'openai', model: 'gpt-4.1' } as const;
  const [begins, ends] = [at('2026-12-01T00:00:00Z'), at('2026-12-02T00:00:00Z')];
  await agree(gateway, { ...agreed, from: begins, set: { kind: 'factor', factor: '0.85' } });
  await agree(gateway, { ...agreed, from: ends, set: { kind: 'ended' } });

  const charged: Awaited<ReturnType<typeof call>>[] = [];
  for (const time of ['2026-11-30T23:59:59.999Z', '2026-12-01T00:00:00Z', '2026-12-02T00:00:00Z']) {
    await until(gateway, at(time));
    charged.push(await call(gateway));
  }
  expect(charged).toMatchObject([
    { card: GPT, cost: '0.00006', receipt: { pricing: { cards: [{ paid_factor: null }] } } },
    {
      card: `${GPT}~openai/gpt-4.1@2026-12-01T00:00:00Z`,
      cost: '0.000051',
      receipt: { pricing: { cards: [{ paid_factor: '0.85', card: { id: GPT, rates: { input: '2' } } }] } },
    },
    { card: GPT, cost: '0.00006' },
  ]);
  for (const { receipt } of charged) expect(await differences(receipt)).toEqual([]);
  expect(
    await differences(charged[1]!.receipt, ({ pricing }) => {
      pricing!.cards[0]!.paid_factor = '0.5';
    }),
  ).toContain('pricing.total_usd');
});

it('a card of one’s own takes the place of the list on its day, and may have times of the day', async () => {
  const gateway = await openGateway();
  const from = at('2026-11-25T00:00:00Z');
  const list = reviewedPrices().find('openai-chat', 'gpt-4.1', gateway.clock.now())!;
  const own: PriceCard = priceCardSchema.parse({
    ...list,
    ...{ id: ownCardId('openai', 'gpt-4.1', from), effectiveFrom: '2026-11-25T00:00:00Z' },
    ...{ rates: { input: '1', output: '1' }, multipliers: [], variants: [], tiers: [] },
    periods: [{ from: '12:00', to: '24:00', factor: '0.5' }],
  });
  await agree(gateway, { provider: 'openai', model: 'gpt-4.1', from, set: { kind: 'card', card: own } });

  const charged: Awaited<ReturnType<typeof call>>[] = [];
  for (const time of ['2026-11-24T23:59:59.999Z', '2026-11-25T00:00:00Z', '2026-11-25T12:00:00Z']) {
    await until(gateway, at(time));
    charged.push(await call(gateway));
  }
  expect(charged).toMatchObject([
    { card: GPT, cost: '0.00006' },
    { card: own.id, cost: '0.000015' },
    { card: own.id, cost: '0.0000075' },
  ]);
  for (const { receipt } of charged) expect(await differences(receipt)).toEqual([]);
});
