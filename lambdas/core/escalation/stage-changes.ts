/**
 * Which accounts of a change have another stage than before, as callers see it. Level-based like the crossings: an id says
 * the stage, the window and the limit, so a lost, late or repeated image costs nothing but an event whose id is known.
 */
import { isRungRate } from '../caps/rung-rates.ts';
import { stageOf } from '../caps/stage.ts';
import type { StageChanged } from '../events/stage-changed.ts';
import type { Account } from '../ledger/leaf.ts';
import { sha256 } from '../request-ids.ts';
import type { AccountsChange, CapOfAccount } from './crossings.ts';
import { standingFacts } from './standing-facts.ts';

/** Throws TableUnavailable. */
export async function stageChangesOf(change: AccountsChange, capOf: CapOfAccount): Promise<StageChanged[]> {
  const { pk, principal, held, at } = change;
  const events: StageChanged[] = [];
  for (const [name, account] of Object.entries(change.next)) {
    const before = change.old?.[name];
    // Leases have no stage, and a rung's rate has no rungs.
    if (account.r === undefined || isRungRate(name) || (before && isSameStage(before, account))) continue;
    const cap = await capOf(name, account.r);
    if (!cap || cap.metric === 'concurrent') continue;
    const from = before ? stageOf(cap, before) : 'normal';
    const to = stageOf(cap, account);
    if (from === to) continue;
    const id = await sha256([pk, name, account.k, `stage ${to}`, account.l].join('\n'));
    const facts = standingFacts({ cap, account, principal, held: held[name] ?? 0n, at });
    events.push({ id, version: 1, ...facts, from, to, because: becauseOf(before, account) });
  }
  return events;
}

/** A reserve moves none of these. */
const isSameStage = (a: Account, b: Account): boolean =>
  a.g === b.g && a.s === b.s && a.l === b.l && a.k === b.k && a.r === b.r;

function becauseOf(before: Account | undefined, account: Account): StageChanged['because'] {
  if (before && (before.l !== account.l || before.r !== account.r)) return 'limit';
  return before && before.k !== account.k && before.s > account.s ? 'window' : 'spending';
}
