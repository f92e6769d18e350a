/**
 * A reserve as a caller asks for it: in the turn of its leaf, under the first hold id of its idempotency key whose call
 * was not voided, and, where it is denied, with every cap that denies it.
 */
import type { HoldId } from '../brands.ts';
import { TableUnavailable, type Clock, type Ids, type Table } from '../ports.ts';
import { generationOf } from '../request-ids.ts';
import type { Charge } from './charge.ts';
import { Draws } from './draws.ts';
import type { Folds } from './folds.ts';
import { firstLeafOf } from './leaf.ts';
import type { Leaves } from './leaves.ts';
import type { Pools } from './pools.ts';
import type { ReserveCall, ReserveOnLeaf, ReserveOutcome } from './reserve-call.ts';
import { ReserveTurns } from './reserve-turns.ts';
import type { Settles } from './settles.ts';
import { completeDenial } from './shared-denial.ts';
import { Turns } from './turns.ts';

/** How often one idempotency key may meet a voided charge before it is refused as in flight. */
const GENERATIONS_MAX = 20;
/**
 * Reserves of one leaf that one process sends at a time. They would only refuse each other: the item takes its
 * writes one after the other anyway.
 */
const RESERVES_AT_ONCE = 4;

export interface ReserveDeps {
  table: Table;
  clock: Clock;
  ids: Ids;
  leaves: Leaves;
  pools: Pools;
  folds: Folds;
  settles: Settles;
}

export class Reserves {
  private readonly deps: ReserveDeps;
  private readonly draws: Draws;
  private readonly turns = new Turns(RESERVES_AT_ONCE);

  constructor(deps: ReserveDeps) {
    this.deps = deps;
    this.draws = new Draws(deps);
  }

  /** Afterwards either the hold stands, or it never will: an attempt whose answer was lost cannot land later. */
  async reserve(call: ReserveCall): Promise<ReserveOutcome> {
    try {
      const outcome = await this.turns.take(call.leaf.pk, () => this.firstNotVoided(call));
      if (outcome.kind === 'elsewhere') return await this.reserve({ ...call, leaf: firstLeafOf(call.leaf) });
      const isDenial = outcome.kind === 'short' || outcome.kind === 'undecided';
      return isDenial ? await completeDenial(this.deps, call, outcome) : outcome;
    } catch (error) {
      if (error instanceof TableUnavailable) return { kind: 'unavailable', reason: error.message };
      throw error;
    }
  }

  private async firstNotVoided(call: ReserveCall): Promise<ReserveOnLeaf> {
    if (call.bodyHash === undefined) return this.reserveAs(call, call.id);
    for (let generation = 0; generation < GENERATIONS_MAX; generation += 1) {
      const id = generationOf(call.id, generation);
      const outcome = await this.reserveAs(call, id);
      const voided = await this.recordedBefore(id, outcome);
      if (voided !== 'voided') return voided;
    }
    return { kind: 'unavailable', reason: 'too many voided calls under one idempotency key' };
  }

  private reserveAs(call: ReserveCall, id: HoldId): Promise<ReserveOnLeaf> {
    return new ReserveTurns({ ...this.deps, draws: this.draws }, call, id).run();
  }

  /**
   * A charge under the id decides, whether or not the reserve passed: an earlier request with this key was
   * charged (answer that) or voided (take the next generation).
   */
  private async recordedBefore(id: HoldId, outcome: ReserveOnLeaf): Promise<ReserveOnLeaf | 'voided'> {
    const { settles } = this.deps;
    let charge: Charge | undefined;
    try {
      charge = await settles.readCharge(id);
    } catch (error) {
      if (outcome.kind === 'held') await settles.voidUnsent(outcome.call);
      throw error;
    }
    if (!charge) return outcome;
    if (outcome.kind === 'held') await settles.voidUnsent(outcome.call);
    return charge.outcome === 'voided' ? 'voided' : { kind: 'recorded', charge };
  }
}
