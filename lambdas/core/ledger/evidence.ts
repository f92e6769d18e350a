/**
 * Evidence: what an operator or a provider's log says of a call that nobody saw the end of. Of a call still held it
 * becomes the charge; of one that was presumed spent, a correction.
 */
import type { HoldId, PicoUsd } from '../brands.ts';
import type { Clock, Ids, ItemKey, Table } from '../ports.ts';
import { SLOT_TIME } from './accounts.ts';
import { NOTHING_USED, orphanCharge, type Charge } from './charge.ts';
import { correctCharge } from './corrections.ts';
import type { Amounts } from './leaf.ts';
import type { Ledger } from './ledger.ts';
import { nonceBits, stampAfter, stampedAt } from './stamp.ts';

export interface Evidence {
  /** What the provider billed; 0 for a call that it never saw. */
  billed: PicoUsd;
  /** All tokens that it billed; those held, where nobody says. */
  tokens: bigint | undefined;
  /** Who says so, or where it is written. Stands in the charge. */
  source: string;
}

export type EvidenceOutcome =
  /** The hold was charged with it, or the charge adjusted; `charge` is what was written now or by an earlier try. */
  | { kind: 'charged' | 'adjusted'; charge: Charge }
  /** Its own process may be at work still. */
  | { kind: 'may_be_running' }
  /** The provider's own usage was charged, or nothing was: there is nothing to correct by hearsay. */
  | { kind: 'settled'; charge: Charge }
  | { kind: 'unknown' };

export interface EvidenceDeps {
  table: Table;
  ledger: Ledger;
  clock: Clock;
  ids: Ids;
}

/** Throws TableUnavailable. */
export async function takeEvidence(
  deps: EvidenceDeps,
  { id, leaf }: { id: HoldId; leaf: ItemKey | undefined },
  evidence: Evidence,
): Promise<EvidenceOutcome> {
  const { ledger, clock, ids } = deps;
  const standing = await ledger.readCharge(id);
  if (standing) return correct(deps, standing, evidence);
  const hold = leaf && (await ledger.leaves.read(leaf))?.h[id];
  if (!hold) return { kind: 'unknown' };
  if (stampedAt(hold.at) + SLOT_TIME > clock.now()) return { kind: 'may_be_running' };
  const fence = stampAfter(clock.now(), hold.at, ids.randomBits(nonceBits));
  const { charge } = await ledger.finish(
    {
      ...orphanCharge(id, leaf.pk, hold, fence),
      used: usedBy(evidence, hold.i.tk),
      outcome: evidence.billed === 0n ? 'voided' : 'settled',
      source: evidence.source,
    },
    leaf,
  );
  // The put decided: the collector may have been first.
  return charge.source === evidence.source ? { kind: 'charged', charge } : correct(deps, charge, evidence);
}

/** Once: what came first stands, and is returned. */
async function correct(deps: EvidenceDeps, charge: Charge, evidence: Evidence): Promise<EvidenceOutcome> {
  if (charge.outcome !== 'presumed_spent') return { kind: 'settled', charge };
  const { source } = evidence;
  const used = usedBy(evidence, charge.info.tk);
  let first: Charge | undefined;
  const written = await correctCharge(deps, charge, ([standing]) => {
    first = standing;
    return standing ? undefined : { used, source };
  });
  return { kind: 'adjusted', charge: written ?? first! };
}

/** A call that the provider never saw used no request either. */
const usedBy = ({ billed, tokens }: Evidence, tokensHeld: bigint): Amounts =>
  billed === 0n ? { ...NOTHING_USED, t: tokens ?? 0n } : { u: billed, t: tokens ?? tokensHeld, r: 1n, c: 0n };
