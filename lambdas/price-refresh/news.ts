/**
 * Who hears of prices that came into force: the bus of each, finance of those that are called. A proposal notes that it
 * was told after it was, so news may come twice, with one id, and never not at all.
 */
import { billEffects } from '../core/price-changes/bill-effect.ts';
import { priceMail } from '../core/price-changes/mail.ts';
import type { PriceDesk } from '../core/price-changes/price-desk.ts';
import { putProposalInState, type ProposalRecord } from '../core/price-changes/proposal-items.ts';
import type { Clock, FinanceMail, Table } from '../core/ports.ts';
import { acceptanceOf, CARD } from '../core/pricing/price-items.ts';
import type { PriceRecords } from '../core/pricing/price-records.ts';
import type { StoredPrices } from '../core/pricing/price-source.ts';
import { sha256 } from '../core/request-ids.ts';
import type { PricesChanged } from '../core/events/prices-changed.ts';

export interface NewsDeps {
  table: Table;
  clock: Clock;
  desk: PriceDesk;
  records: PriceRecords;
  prices: StoredPrices;
  tell: (news: PricesChanged) => Promise<void>;
  mail: FinanceMail;
}

/** Throws TableUnavailable, and what `tell` and `mail` throw; the next run tells then. */
export async function tellAccepted(deps: NewsDeps): Promise<void> {
  const untold = (await deps.desk.proposals()).filter(({ state, told }) => state === 'accepted' && !told);
  if (untold.length === 0) return;
  const added = untold.map(({ accepted }) => accepted!).sort();
  const id = await sha256(added.join('\n'));
  const book = await deps.prices.current();
  await deps.tell({ id, version: 1, added, total: book.cards.length });
  await mailChanges(deps, id, untold);
  for (const record of untold)
    await deps.records.note(putProposalInState({ ...record, told: true }, 'accepted'));
}

async function mailChanges(deps: NewsDeps, id: string, records: readonly ProposalRecord[]): Promise<void> {
  const book = await deps.prices.current();
  const acceptances = new Map(
    (await deps.records.items(CARD)).map((item) => [item['id'], acceptanceOf(item)]),
  );
  const changes = records.flatMap((record) => {
    const old = record.replaces === null ? undefined : book.byId(record.replaces);
    const next = book.byId(record.accepted!);
    const acceptance = acceptances.get(record.accepted);
    return old && next && acceptance ? [{ old, next, acceptance }] : [];
  });
  if (changes.length === 0) return;
  const { effects, isWhole } = await billEffects(deps, changes);
  const called = changes
    .map((change, i) => ({ ...change, effect: effects[i]! }))
    .filter(({ effect }) => effect.difference !== 0n);
  if (called.length > 0) await deps.mail.send({ id, ...priceMail(called, isWhole) });
}
