/**
 * One billing rule each, told by its id in docs/billing-rules.md: a provider's own block, read and priced on a card
 * that ships, with what it costs worked out by hand.
 */
import { it } from 'vitest';
import { usageReaders, type UsageDialect } from '../../../lambdas/adapters/providers/usage-readers.ts';
import { formatUsd } from '../../../lambdas/core/money.ts';
import { priceUsage } from '../../../lambdas/core/pricing/calculator.ts';
import type { PriceCard } from '../../../lambdas/core/pricing/card.ts';
import { whole } from '../../../lambdas/core/pricing/ratio.ts';
import { parseRfc3339 } from '../../../lambdas/core/time.ts';
import { reviewedPrices } from '../../../prices/reviewed.ts';

export function rule(id: string, test: () => void | Promise<void>): void {
  it(id, test);
}

export interface Told {
  /** The answer around the block. */
  response?: unknown;
  /** When the call ran. */
  at?: string;
  /** Cards of other models that took part. */
  others?: readonly string[];
  /** What the gateway counted itself. */
  fees?: Record<string, bigint>;
}

export const cardOf = (id: string): PriceCard => {
  const card = reviewedPrices().byId(id);
  if (!card) throw new Error(`no card ${id}`);
  return card;
};

/** Dollars, or why there is no amount. */
export function costOf(
  card: PriceCard | string,
  dialect: UsageDialect,
  usage: unknown,
  told: Told = {},
): string {
  const own = typeof card === 'string' ? cardOf(card) : card;
  const fees =
    told.fees && Object.fromEntries(Object.entries(told.fees).map(([name, n]) => [name, whole(n)]));
  const reading = usageReaders[dialect]({ usage, response: told.response, ...(fees && { fees }) });
  if (reading.kind === 'unreadable') return 'unreadable';
  const at = told.at === undefined ? undefined : parseRfc3339(told.at)!;
  const others = (told.others ?? []).map(cardOf);
  const pricing = priceUsage(own, reading.usage, {
    ...(at !== undefined && { time: { from: at, to: at } }),
    cardOf: (model) => others.find((other) => other.model === model || other.aliases.includes(model)),
  });
  return pricing.kind === 'priced' ? formatUsd(pricing.totalPicoUsd) : `no price for ${pricing.what}`;
}
