/** Prices that change while calls run: a call is charged by the card in force when it was admitted, and held at the dearest. */
import { expect, it } from 'vitest';
import { putCard } from '../../lambdas/core/pricing/price-items.ts';
import { PriceRecords } from '../../lambdas/core/pricing/price-records.ts';
import { priceCardSchema } from '../../lambdas/core/pricing/card.ts';
import { toRfc3339 } from '../../lambdas/core/time.ts';
import { reviewedPrices } from '../../prices/reviewed.ts';
import { openGateway } from '../support/gateways.ts';
import { plain } from '../support/scripted-upstream.ts';
import { SeededIds } from '../support/worlds.ts';
import { chatCall } from './dialects.ts';

/** gpt-4.1 at ten times its price, from now on. */
async function dearerNow({ table, prices, clock }: Awaited<ReturnType<typeof openGateway>>) {
  const card = reviewedPrices().find('openai-chat', 'gpt-4.1', clock.now())!;
  const effectiveFrom = toRfc3339(clock.now());
  const dearer = priceCardSchema.parse({
    ...card,
    ...{ id: `openai/gpt-4.1@${effectiveFrom}`, effectiveFrom },
    rates: { input: '20', cache_read: '5', output: '80' },
  });
  await new PriceRecords({ table, ids: new SeededIds() }).change([{ op: 'put', ...putCard(dearer) }]);
  prices.forget();
  return dearer.id;
}

it('a call is charged by the card that held it, the next one by the new card', async () => {
  const gateway = await openGateway();
  gateway.upstream.next(async (request) => {
    await dearerNow(gateway);
    return plain(chatCall.answer)(request);
  }, plain(chatCall.answer));
  const during = await gateway.call(chatCall.path, chatCall.body);
  expect(during.headers.get('x-spendcap-cost-usd')).toBe(chatCall.cost);
  expect(during.headers.get('x-spendcap-price-version')).toBe('openai/gpt-4.1@2025-04-14');

  const after = await gateway.call(chatCall.path, chatCall.body);
  // 10 x 20 + 5 x 80
  expect(after.headers.get('x-spendcap-cost-usd')).toBe('0.0006');
  expect(after.headers.get('x-spendcap-price-version')).toMatch(/^openai\/gpt-4\.1@20.*Z$/);
  expect(gateway.events).toEqual([]);
});

it('a call that cannot learn what it costs is refused, and not forwarded', async () => {
  const gateway = await openGateway();
  gateway.gateway.prices = {
    current: () => Promise.reject(new Error('the table is away')),
  };
  const response = await gateway.call(chatCall.path, chatCall.body);
  expect(response.status).toBe(503);
  expect(gateway.upstream.sent).toEqual([]);
});
