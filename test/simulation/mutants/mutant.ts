/**
 * One guard removed at a time. Each must be noticed by the auditor, or nobody would notice the day it goes missing.
 * A condition of an expression is not left out but made true, since an unused value would be refused as a bug.
 */
import type { Edit } from '../bundle.ts';
import type { ScenarioName } from '../scenarios.ts';

export interface Mutant {
  /** What is missing. */
  name: string;
  edits: Edit[];
  /** The interleaving that shows it, where it is too rare for seeds to meet. */
  scenario?: ScenarioName;
}

export interface Change {
  find: string;
  replace: string;
}

/** Changes of one file. */
export const without = (name: string, file: string, ...changes: Change[]): Mutant => ({
  name,
  edits: changes.map((change) => ({ file, ...change })),
});

/** Too rare for seeds. */
export const shownBy = (scenario: ScenarioName, mutant: Mutant): Mutant => ({ ...mutant, scenario });

const CORE = 'lambdas/core';
export const EXPRESSIONS = `${CORE}/ledger/expressions.ts`;
export const RESERVES = `${CORE}/ledger/reserves.ts`;
export const RESERVE_TURNS = `${CORE}/ledger/reserve-turns.ts`;
export const SETTLES = `${CORE}/ledger/settles.ts`;
export const LEAVES = `${CORE}/ledger/leaves.ts`;
export const ACCOUNTS = `${CORE}/ledger/accounts.ts`;
export const RESERVE_CALL = `${CORE}/ledger/reserve-call.ts`;
export const CHARGE = `${CORE}/ledger/charge.ts`;
export const COLLECT = `${CORE}/ledger/collect.ts`;
export const CORRECTIONS = `${CORE}/ledger/corrections.ts`;
export const EVIDENCE = `${CORE}/ledger/evidence.ts`;
export const POOL = `${CORE}/ledger/pool.ts`;
export const DRAWS = `${CORE}/ledger/draws.ts`;
export const TIDY_LEASES = `${CORE}/ledger/tidy-leases.ts`;
export const POOLS = `${CORE}/ledger/pools.ts`;
export const STAMP = `${CORE}/ledger/stamp.ts`;
export const RUNG_RATES = `${CORE}/caps/rung-rates.ts`;
export const WINDOWS = `${CORE}/caps/windows.ts`;
export const SET_STAGE = `${CORE}/escalation/set-stage.ts`;
export const CROSSINGS = `${CORE}/escalation/crossings.ts`;
export const FRESH_CACHE = `${CORE}/directory/fresh-cache.ts`;
export const FINANCE_DESK = `${CORE}/finance/finance-desk.ts`;
export const DIGEST_DESK = `${CORE}/finance/digest-desk.ts`;
export const DIGEST = `${CORE}/finance/digest.ts`;
export const CROSSING_NOTES = `${CORE}/finance/crossing-notes.ts`;
export const ONE_AT_A_TIME = `${CORE}/finance/one-at-a-time.ts`;
export const TABLE = 'lambdas/adapters/table/dynamodb-table.ts';
export const FAILURES = 'lambdas/adapters/table/failures.ts';
export const DELIVERY = `${CORE}/webhooks/delivery.ts`;
export const SIGNATURE = `${CORE}/webhooks/signature.ts`;
export const SEND = 'lambdas/webhook/send.ts';
export const DELIVER = 'lambdas/webhook/deliver.ts';
export const CACHED_SECRET = 'lambdas/runtime/cached-secret.ts';
