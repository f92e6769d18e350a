/**
 * One call through one process, in the product's order: reserve, forward, charge, settle. The provider bills
 * whatever becomes of the process.
 */
import { durationMs, holdId, picoUsd } from '../../lambdas/core/brands.ts';
import { NOTHING_USED, type Charge, type ChargeOutcome } from '../../lambdas/core/ledger/charge.ts';
import { accountOf, type Books } from '../../lambdas/core/ledger/books.ts';
import { amountsOf, type Amounts, type HeldCall } from '../../lambdas/core/ledger/leaf.ts';
import type { Fit, ReserveOutcome } from '../../lambdas/core/ledger/reserve-call.ts';
import { nonceBits } from '../../lambdas/core/ledger/stamp.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { rungRates } from '../../lambdas/core/caps/rung-rates.ts';
import { TableUnavailable } from '../../lambdas/core/ports.ts';
import type { PlannedCall } from './plan.ts';
import type { Bill } from './provider-log.ts';
import type { Host, World } from './world.ts';

/** What the client learns; `lost` when it learns nothing. */
export type Answer = 'answered' | 'refused' | 'try_later';

/** As the product's step 7 tries a charge again that could not be written. */
const LATER_WAITS_MS = [100, 500, 2000, 5000, 10_000];

export async function invoke(world: World, host: Host, call: PlannedCall): Promise<Answer> {
  const { chance, time, plan } = world;
  const { process, ledger } = host;
  const outcome = await reserve(world, host, call);
  if (!outcome) return 'refused';
  if (outcome.kind === 'short' && outcome.caps.every(({ rungOf }) => rungOf)) return 'try_later';
  if (outcome.kind === 'short' || outcome.kind === 'recorded') return 'refused';
  const isOfAnother = outcome.kind === 'in_flight' && outcome.hold.i.bh !== call.bodyHash;
  if (isOfAnother) return 'refused';
  if (outcome.kind !== 'held') return 'try_later';
  const held = outcome.call;
  if (chance.chance(plan.habits.givenBack)) {
    await ledger.voidUnsent(held);
    return 'try_later';
  }
  const charge = await forward(world, host, call, held);
  const isStalled = chance.chance(plan.habits.stalled);
  if (isStalled && time.now < plan.end) await process.sleep(durationMs(stall(world)));
  await finish(host, held, charge);
  await foldForRungs(world, host, call);
  if (chance.chance(plan.habits.settledTwice)) settleOnceMore(world, charge, held);
  return call.provider.ending === 'nothing' ? 'try_later' : 'answered';
}

/** Step 4, seen by the auditor; undefined where no cap covers the caller. */
export async function reserve(
  { auditor, configuration, plan }: World,
  { process, ledger }: Host,
  call: PlannedCall,
): Promise<ReserveOutcome | undefined> {
  const caps = await configuration.capsFor(process, call.caller, call.feature);
  if (caps.length === 0) return undefined;
  const nonce = process.ids.randomBits(nonceBits);
  const request = `req_${nonce}`;
  const invocation = auditor.begins({ request, process, call, caps });
  const outcome = await ledger.reserve({
    leaf: call.caller.leaf,
    id: holdId(idOf(call, nonce)),
    bodyHash: call.bodyHash,
    caps,
    nonce,
    info: {
      rq: request,
      us: call.caller.user,
      ap: 'web',
      tm: 'growth',
      ft: call.feature,
      ep: 'openai-chat',
      md: 'm',
      cd: 'card',
    },
    fit: (books) => fitOf(call, caps, books),
    rates: (books) => rungRates(caps, books, () => plan.ratePerMinute),
  });
  auditor.reserved(invocation, outcome);
  return outcome;
}

/** The same key names the same call, whoever sends it. */
const idOf = (call: PlannedCall, nonce: bigint): string =>
  call.bodyHash === undefined ? `random-${nonce}` : `key-${call.number}`;

/** Lowered to what the money left can pay, where the caller allows it. */
function fitOf({ wanted, floor }: PlannedCall, caps: readonly Cap[], books: Books): Fit {
  let usd = wanted.usd;
  if (floor !== undefined) {
    for (const cap of caps) {
      if (cap.metric !== 'usd') continue;
      const { l, s } = accountOf(books, cap);
      if (l - s < usd) usd = l - s;
    }
    if (usd < floor) usd = floor;
  }
  return {
    amounts: amountsOf(picoUsd(usd), wanted.tokens),
    outputTokensMax: null,
    smallest: amountsOf(picoUsd(floor ?? wanted.usd), wanted.tokens),
    isLowered: usd < wanted.usd,
  };
}

/** The upstream call, and the charge that follows from how it ended. */
async function forward(world: World, { process }: Host, call: PlannedCall, held: HeldCall): Promise<Charge> {
  const { auditor, time, chance } = world;
  const { durationMs: duration, ending, usdShare, tokensShare } = call.provider;
  const { pu, tk } = held.hold.i;
  auditor.forwards(held);
  const ends = auditor.provider.runs(held);
  const billed = {
    usd: share(pu, ending === 'unknown' ? Math.min(usdShare, 1) : usdShare),
    tokens: share(tk, tokensShare),
  };
  if (ending !== 'nothing') time.in(duration * chance.unit(), () => auditor.provider.bill(held.id, billed));
  time.in(duration, ends);
  await process.sleep(durationMs(duration));
  switch (ending) {
    case 'nothing':
      return chargeOf(held, NOTHING_USED, 'voided');
    case 'unknown':
      return chargeOf(held, usedUp({ usd: pu, tokens: tk }), 'presumed_spent');
    case 'usage':
      return chargeOf(held, usedUp(billed), billed.usd > pu ? 'overrun' : 'settled');
  }
}

export const usedUp = ({ usd, tokens }: Bill): Amounts => ({ u: usd, t: tokens, r: 1n, c: 0n });

export const chargeOf = (held: HeldCall, used: Amounts, outcome: ChargeOutcome): Charge => ({
  id: held.id,
  at: held.at,
  fence: held.fence,
  leafPk: held.leaf.pk,
  accounts: held.hold.c,
  info: held.hold.i,
  used,
  outcome,
  modelServed: 'm',
  tokens: {},
  stage: 'normal',
  latencyMs: 1n,
});

/** A share of an amount, without a number for money. */
export const share = (amount: bigint, of: number): bigint =>
  (amount * BigInt(Math.floor(of * 1_000_000))) / 1_000_000n;

/** A process that stands still, and then goes on as if nothing had been: for a moment, a slot's time, hours, a day. */
function stall({ chance }: World): number {
  const minute = 60_000;
  return chance.pick([
    chance.between(minute, 3 * minute),
    chance.between(15.9 * minute, 16.5 * minute),
    chance.between(60 * minute, 240 * minute),
    chance.between(24 * 60 * minute - 5000, 24 * 60 * minute + 5000),
  ]);
}

async function finish({ process, ledger }: Host, held: HeldCall, charge: Charge): Promise<void> {
  for (const waitMs of [...LATER_WAITS_MS, 0]) {
    try {
      await ledger.finish(charge, held.leaf);
      return;
    } catch (error) {
      if (!(error instanceof TableUnavailable)) throw error;
      await process.sleep(durationMs(waitMs));
    }
  }
}

/** As the product's step 7 sends home what thresholds depend on; where that fails, a later settle does. */
async function foldForRungs(
  { configuration }: World,
  { process, ledger }: Host,
  { caller, feature }: PlannedCall,
): Promise<void> {
  try {
    await ledger.folds.forRungs(await configuration.capsFor(process, caller, feature));
  } catch (error) {
    if (!(error instanceof TableUnavailable)) throw error;
  }
}

function settleOnceMore(world: World, charge: Charge, held: HeldCall): void {
  world.time.in(world.chance.between(0, 2000), () => {
    world.onSomeHost(async ({ ledger }) => {
      const standing = await ledger.readCharge(charge.id);
      if (standing) await ledger.settleFrom(standing, held.leaf, held);
    });
  });
}
