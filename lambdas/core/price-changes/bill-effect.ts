/**
 * What a changed price would have made of the last thirty days: each charge of the model, times what its tokens cost by
 * the new card over what they cost by the old one. An estimate for people: fees and service tiers are in the charge and
 * not in its tokens.
 */
import { durationMs, epochMs, picoUsd, type PicoUsd } from '../brands.ts';
import type { Charge } from '../ledger/charge.ts';
import { inputOf } from '../ledger/charge-reading.ts';
import { listCharges } from '../ledger/usage.ts';
import { divFloor } from '../money.ts';
import type { Clock, Table } from '../ports.ts';
import { DAY } from '../time.ts';
import { priceUsage } from '../pricing/calculator.ts';
import type { PriceCard, TokenKind } from '../pricing/card.ts';

export interface PriceChange {
  old: PriceCard;
  next: PriceCard;
}

export interface BillEffect {
  /** That cost anything. */
  calls: number;
  spent: PicoUsd;
  /** Above zero: dearer. */
  difference: PicoUsd;
}

export const EFFECT_DAYS = 30;
const SPAN = durationMs(EFFECT_DAYS * DAY);
const PAGE = 1000;
/** So many take some ten seconds to read; more than these say the same in proportion. */
export const CHARGES_MAX = 20_000;

/** By change, in their order; `isWhole` is false where there were more calls than are read. Throws TableUnavailable. */
export async function billEffects(
  { table, clock }: { table: Pick<Table, 'query'>; clock: Clock },
  changes: readonly PriceChange[],
): Promise<{ effects: BillEffect[]; isWhole: boolean }> {
  const effects = changes.map(() => ({ calls: 0, spent: picoUsd(0n), difference: picoUsd(0n) }));
  const places = new Map(changes.map(({ next }, i) => [`${next.provider}/${next.model}`, i]));
  const to = clock.now();
  let cursor: string | undefined;
  let read = 0;
  do {
    const page = await listCharges(table, {
      user: undefined,
      from: epochMs(to - SPAN),
      to,
      limit: PAGE,
      cursor,
    });
    for (const charge of page.charges) {
      const place = places.get(listedModelOf(charge.info.cd) ?? '');
      if (place !== undefined && charge.used.u > 0n) add(effects[place]!, charge, changes[place]!);
    }
    read += page.charges.length;
    cursor = page.cursor;
  } while (cursor !== undefined && read < CHARGES_MAX);
  return { effects, isWhole: cursor === undefined };
}

/** `<provider>/<model>` of a list price, or of a share of it; a card of one's own follows none. */
function listedModelOf(cardId: string): string | undefined {
  const [listed = '', share] = cardId.split('~');
  return share === 'own' ? undefined : listed.slice(0, listed.lastIndexOf('@'));
}

function add(effect: BillEffect, charge: Charge, { old, next }: PriceChange): void {
  effect.calls += 1;
  effect.spent = picoUsd(effect.spent + charge.used.u);
  const [before, after] = [costOf(old, charge), costOf(next, charge)];
  if (before === undefined || after === undefined || before === 0n) return;
  effect.difference = picoUsd(effect.difference + divFloor(charge.used.u * (after - before), before));
}

function costOf(card: PriceCard, { tokens }: Charge): bigint | undefined {
  const part = { tokens: tokens as Partial<Record<TokenKind, bigint>>, tierInputTokens: inputOf(tokens) };
  const cost = priceUsage(card, { parts: [part], fees: {}, conditions: {} });
  return cost.kind === 'priced' ? cost.totalPicoUsd : undefined;
}
