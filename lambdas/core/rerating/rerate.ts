/**
 * Re-rating: the charges of a span of time, a page at a time, against the prices that are known now to have held then.
 * What differs is corrected once, whoever runs this how often: a correction brings a charge to what it should be, and
 * what is there already needs none.
 */
import { picoUsd, type PicoUsd } from '../brands.ts';
import type { Charge } from '../ledger/charge.ts';
import { correctCharge, correctedUse, correctionsOf } from '../ledger/corrections.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { listCharges, type UsageQuery } from '../ledger/usage.ts';
import type { Ids, Table } from '../ports.ts';
import type { PriceBook } from '../pricing/price-book.ts';
import { rateAgain, type RatedAgain } from './rate-again.ts';

export interface RerateQuery extends UsageQuery {
  /** Only calls that were charged by a card of this model. */
  model: string | undefined;
  /** False: it is only shown what would be. */
  isToBeWritten: boolean;
}

export interface ModelDifference {
  model: string;
  calls: number;
  /** Calls whose charge is another one now. */
  changed: number;
  /** With corrections that were there before. */
  chargedPicoUsd: PicoUsd;
  correctPicoUsd: PicoUsd;
}

export interface ReratedPage {
  models: ModelDifference[];
  /** Calls that no price can be computed for, by reason. */
  notRated: Record<string, number>;
  cursor: string | undefined;
}

export interface RerateDeps {
  table: Table;
  ledger: Ledger;
  ids: Ids;
}

/** Throws TableUnavailable: what was corrected by then stands, and a repeat goes on. */
export async function reratePage(
  deps: RerateDeps,
  book: PriceBook,
  query: RerateQuery,
): Promise<ReratedPage> {
  const page = await listCharges(deps.table, query);
  const models = new Map<string, ModelDifference>();
  const notRated: Record<string, number> = {};
  for (const charge of page.charges) {
    if (charge.outcome === 'adjusted' || charge.outcome === 'voided') continue;
    const rated = rateAgain(charge, book);
    if (rated.kind === 'not_rated') {
      notRated[rated.reason] = (notRated[rated.reason] ?? 0) + 1;
    } else if (query.model === undefined || query.model === rated.model) {
      const chargedPicoUsd = await rerate(deps, charge, rated, query.isToBeWritten);
      addTo(models, rated, chargedPicoUsd);
    }
  }
  return { models: [...models.values()], notRated, cursor: page.cursor };
}

type Rated = Extract<RatedAgain, { kind: 'rated' }>;

/** Returns what stood before. */
async function rerate(
  deps: RerateDeps,
  charge: Charge,
  { costPicoUsd, cards }: Rated,
  isToBeWritten: boolean,
): Promise<PicoUsd> {
  const before = correctedUse(charge, await correctionsOf(deps.ledger, charge));
  if (isToBeWritten && before.u !== costPicoUsd) {
    await correctCharge(deps, charge, (standing) => {
      const now = correctedUse(charge, standing);
      if (now.u === costPicoUsd) return undefined;
      return { used: { ...now, u: costPicoUsd }, source: `rated again by ${cards.card}`, cards };
    });
  }
  return picoUsd(before.u);
}

function addTo(
  models: Map<string, ModelDifference>,
  { model, costPicoUsd }: Rated,
  chargedPicoUsd: PicoUsd,
): void {
  const sum = models.get(model) ?? {
    model,
    calls: 0,
    changed: 0,
    chargedPicoUsd: picoUsd(0n),
    correctPicoUsd: picoUsd(0n),
  };
  models.set(model, {
    model,
    calls: sum.calls + 1,
    changed: sum.changed + (chargedPicoUsd === costPicoUsd ? 0 : 1),
    chargedPicoUsd: picoUsd(sum.chargedPicoUsd + chargedPicoUsd),
    correctPicoUsd: picoUsd(sum.correctPicoUsd + costPicoUsd),
  });
}
