/**
 * Which rungs a change of a leaf, or of a shared cap's pool, has reached. Level-based: what counts is where the newer
 * image stands. The older one only spares repeats, so a lost, late or repeated image costs nothing but an event whose
 * id is known already.
 *
 * What is settled of a shared cap stands in its pool and on leases, and the pool learns of it with each draw and
 * return: a rung of it is told a little late, and never too early.
 */
import type { EpochMs } from '../brands.ts';
import { inMetric } from '../caps/amounts.ts';
import type { Cap } from '../caps/cap.ts';
import { spanOfWindow } from '../caps/pace.ts';
import { isRungRate } from '../caps/rung-rates.ts';
import { rungsOf, type RungOfCap } from '../caps/rungs.ts';
import { followLimit } from '../ledger/accounts.ts';
import { heldByAccount, principalOf, type Account, type Leaf, type Principal } from '../ledger/leaf.ts';
import { accountOfPool, type Pool } from '../ledger/pool.ts';
import { sha256 } from '../request-ids.ts';
import type { CapThresholdCrossed } from '../events/cap-threshold-crossed.ts';
import type { Ladder, LadderOf } from '../policy/ladder.ts';
import { actionsOf } from './actions.ts';
import { crossingMail } from './mail.ts';
import { resetFrom, standingFacts } from './standing-facts.ts';

/** Finds the cap of an account that stands at a revision; undefined once there is none. */
export type CapOfAccount = (account: string, revision: bigint) => Promise<Cap | undefined>;

/** The accounts of one item, before and after a write of it. */
export interface AccountsChange {
  /** Names the item in the ids of its events. */
  pk: string;
  /** Whose leaf it is; null for a pool. */
  principal: Principal | null;
  /** Undefined where it is not known. */
  old: Record<string, Account> | undefined;
  next: Record<string, Account>;
  /** By account: what calls in flight hold; of a pool, what callers have on lease. */
  held: Record<string, bigint>;
  at: EpochMs;
}

export const leafChange = (old: Leaf | undefined, next: Leaf, at: EpochMs): AccountsChange => ({
  pk: next.pk,
  principal: principalOf(next.pk),
  old: old?.a,
  next: next.a,
  held: heldByAccount(next),
  at,
});

export function poolChange(old: Pool | undefined, next: Pool, at: EpochMs): AccountsChange {
  const name = accountOfPool(next.pk);
  const held = { [name]: next.l - next.s - next.f };
  return { pk: next.pk, principal: null, old: old && { [name]: old }, next: { [name]: next }, held, at };
}

/** An event a rung, the mildest first; of those reached at once, the highest is mailed. Throws TableUnavailable. */
export async function crossingsOf(
  change: AccountsChange,
  capOf: CapOfAccount,
  ladderOf: LadderOf,
): Promise<CapThresholdCrossed[]> {
  const events: CapThresholdCrossed[] = [];
  for (const [name, account] of Object.entries(change.next)) {
    const before = change.old?.[name];
    // A lease's figures are a part of its pool's: they say nothing about the cap. A rung's rate has no rungs.
    if (account.r === undefined || isRungRate(name)) continue;
    if (account.s <= 0n || (before && isSameStanding(before, account))) continue;
    const cap = await capOf(name, account.r);
    if (!cap || cap.metric === 'concurrent') continue;
    const current = account.r < cap.revision ? followLimit(account, cap) : account;
    const ladder = ladderOf(cap.ladder);
    const reached = rungsOf(cap, current).filter(
      (rung) => current.s >= rung.from && !wasTold(before, current, cap, rung),
    );
    const mailed = reached.findLast(({ rung }) => ladder[rung].mail);
    for (const rung of reached) {
      const actions = actionsOf(ladder, { rung: rung.rung, at: change.at, isMailed: rung === mailed });
      events.push(await eventOf(change, { cap, account: current, rung, actions, ladder }));
    }
  }
  return events;
}

/** A reserve moves neither. */
const isSameStanding = (a: Account, b: Account): boolean =>
  a.s === b.s && a.l === b.l && a.k === b.k && a.r === b.r;

/** The change that led to the older image told of this rung: same limit, same window, and it had reached it. */
function wasTold(before: Account | undefined, account: Account, cap: Cap, { from }: RungOfCap): boolean {
  if (!before || before.r !== cap.revision || before.l !== account.l) return false;
  // A rolling window is one that goes on: a new bucket is no new occasion.
  return (cap.window.kind === 'rolling' || before.k === account.k) && before.s >= from;
}

interface Crossing {
  cap: Cap;
  account: Account;
  rung: RungOfCap;
  actions: CapThresholdCrossed['actions'];
  ladder: Ladder;
}

async function eventOf(
  { pk, principal, held, at }: AccountsChange,
  { cap, account, rung, actions, ladder }: Crossing,
): Promise<CapThresholdCrossed> {
  const parts = [pk, cap.account, account.k, `${rung.rung} ${rung.threshold}`, account.l];
  const facts = {
    id: await sha256(parts.join('\n')),
    version: 1 as const,
    ...standingFacts({ cap, account, principal, held: held[cap.account] ?? 0n, at }),
    rung: rung.rung,
    threshold: fractionText(rung.threshold),
    threshold_amount: inMetric(cap.metric, rung.from),
    actions,
  };
  const standing = {
    ...{ settled: account.s, effectiveLimit: account.l, rung, rungs: rungsOf(cap, account), at },
    span: spanOfWindow(cap, account.k, resetFrom(cap, account)),
    throttle: ladder.throttle,
  };
  return { ...facts, mail: crossingMail(facts, standing) };
}

const THOUSAND = 1000;

/** 800 is "0.8". */
function fractionText(thousandths: number): string {
  if (thousandths === THOUSAND) return '1';
  return `0.${String(thousandths).padStart(3, '0').replace(/0+$/, '')}`;
}
