/**
 * Step 7: writes the charge, then turns the hold into it. Ambiguity is settled against spending: what nobody
 * can know is charged at the hold, until evidence corrects it.
 */
import { durationMs, picoUsd, type EpochMs, type PicoUsd } from '../brands.ts';
import type { Call } from '../call.ts';
import type { CostMembers } from '../endpoint.ts';
import {
  NOTHING_USED,
  presumed,
  type Charge,
  type ChargeOutcome,
  type TokensByKind,
} from '../ledger/charge.ts';
import { reportedText, type ChargeReading } from '../ledger/charge-reading.ts';
import type { Finished } from '../ledger/settles.ts';
import { leafKey, type Leaf } from '../ledger/leaf.ts';
import { formatUsd } from '../money.ts';
import { TableUnavailable } from '../ports.ts';
import { priceUsage } from '../pricing/calculator.ts';
import type { StoredAnswer } from '../replay/stored-answers.ts';
import { billedTokens, tokensByKind, type UsageReading } from '../pricing/usage.ts';
import { highestStage } from '../caps/stage.ts';

/** How the upstream call ended. */
export type Ending =
  /** The provider's usage block was read, or stands there unreadable. */
  | { kind: 'usage'; reading: UsageReading; servedModel: string | undefined }
  /** The provider did nothing that it bills. */
  | { kind: 'nothing' }
  /** The provider may have billed anything up to the hold. */
  | { kind: 'unknown'; reason: string };

export interface Settlement {
  outcome: ChargeOutcome;
  costPicoUsd: PicoUsd;
  /** What stands in the usage object; undefined where nothing was priced. */
  members: CostMembers | undefined;
  /** The leaf with this call settled; undefined while that is still to be done. */
  leaf: Leaf | undefined;
  /** Ends when the charge is written and the shared caps' pools know of it as far as a rung needs, or nothing more can be done. */
  rest: Promise<void>;
}

export interface PricedReading {
  costPicoUsd: PicoUsd;
  members: CostMembers;
  tokens: TokensByKind;
  tokensTotal: bigint;
  /** What the cost was computed from. */
  reading: ChargeReading;
}

/** The exact cost of a usage block, or why there is none; `endedAt` is when the answer was there. */
export function priceReading(
  call: Call,
  reading: UsageReading,
  servedModel: string | undefined,
  endedAt: EpochMs,
): PricedReading | { unpriced: string } {
  if (reading.kind === 'unreadable') return { unpriced: `its usage cannot be read: ${reading.reason}` };
  const { endpoint, quote, reserved } = call;
  const find = (model: string) => quote.prices.book.find(endpoint.name, model, quote.prices.at);
  const card = (servedModel === undefined ? undefined : find(servedModel)) ?? quote.card;
  const otherCards: Record<string, string> = {};
  const cost = priceUsage(card, reading.usage, {
    time: { from: reserved.held.admittedAt, to: endedAt },
    cardOf: (model) => {
      const other = find(model);
      if (other) otherCards[model] = other.id;
      return other;
    },
  });
  if (cost.kind === 'unpriced') return { unpriced: `no price for the ${cost.reason} ${cost.what}` };
  const members = {
    cost: formatUsd(cost.totalPicoUsd),
    cost_details: Object.fromEntries(
      Object.entries(cost.details).map(([kind, amount]) => [kind, formatUsd(amount)]),
    ),
  };
  const { usage } = reading;
  return {
    costPicoUsd: cost.totalPicoUsd,
    members,
    tokens: tokensByKind(usage),
    tokensTotal: billedTokens(usage),
    reading: { usage, reported: reportedText(reading.reported), card: card.id, otherCards },
  };
}

/**
 * `answer` makes what the client gets, once its cost is known. It is stored before the charge stands: a repeat that
 * finds the charge finds the answer too.
 */
export async function settle(
  call: Call,
  ending: Ending,
  answer?: (members: CostMembers | undefined) => StoredAnswer | undefined,
): Promise<Settlement> {
  const { charge, members } = chargeFor(call, ending);
  if (answer) await store(call, charge, () => answer(members));
  if (charge.outcome === 'overrun') await quarantine(call, charge);
  const settlement: Settlement = {
    outcome: charge.outcome,
    costPicoUsd: picoUsd(charge.used.u),
    members,
    leaf: undefined,
    rest: Promise.resolve(),
  };
  try {
    settlement.leaf = (await finish(call, charge)).leaf;
    settlement.rest = sendHome(call, settlement.leaf);
  } catch (error) {
    settlement.rest = finishLater(call, charge, error);
  }
  return settlement;
}

function chargeFor(call: Call, ending: Ending): { charge: Charge; members: CostMembers | undefined } {
  const { gateway, caller, ids, quote, reserved } = call;
  const { held } = reserved;
  const endedAt = gateway.clock.now();
  const { pu: heldPicoUsd, tk: heldTokens } = held.hold.i;
  const base = {
    id: held.id,
    at: held.at,
    fence: held.fence,
    leafPk: held.leaf.pk,
    accounts: held.hold.c,
    info: held.hold.i,
    modelServed: quote.model,
    tokens: {},
    stage: highestStage(reserved.caps, reserved.books),
    latencyMs: BigInt(endedAt - held.admittedAt),
  };
  const presume = (reason: string) => {
    gateway.report({ kind: 'presumed_spent', requestId: ids.requestId, app: caller.app, reason });
    return { charge: { ...base, ...presumed(held.hold.i, reason) }, members: undefined };
  };
  switch (ending.kind) {
    case 'nothing':
      return { charge: { ...base, used: NOTHING_USED, outcome: 'voided' }, members: undefined };
    case 'unknown':
      return presume(ending.reason);
    case 'usage': {
      const modelServed = ending.servedModel ?? base.modelServed;
      const priced = priceReading(call, ending.reading, ending.servedModel, endedAt);
      if ('unpriced' in priced) return presume(priced.unpriced);
      const { costPicoUsd, tokens, tokensTotal, members, reading } = priced;
      const isOver = costPicoUsd > heldPicoUsd || tokensTotal > heldTokens;
      const used = { u: costPicoUsd, t: tokensTotal, r: 1n, c: 0n };
      const outcome = isOver ? ('overrun' as const) : ('settled' as const);
      return { charge: { ...base, used, outcome, modelServed, tokens, reading }, members };
    }
  }
}

/** Never fails the call: without its answer, a repeat is told the charge. */
async function store(call: Call, charge: Charge, answer: () => StoredAnswer | undefined): Promise<void> {
  const { gateway, caller, ids } = call;
  if (!gateway.answers?.keepsFor(caller)) return;
  const whole = answer();
  const reason = whole && (await gateway.answers.keep(charge, whole));
  if (reason !== undefined) gateway.report({ kind: 'answer_not_stored', requestId: ids.requestId, reason });
}

async function finish(call: Call, charge: Charge): Promise<Finished> {
  const { leaf } = call.reserved.held;
  const finished = await call.gateway.ledger.finish(charge, leaf);
  call.gateway.line.wake(leafKey(call.caller.principal).pk);
  return finished;
}

/** Where it fails, the next settle or the collector does it. */
async function sendHome({ gateway, reserved, ids }: Call, leaf: Leaf | undefined): Promise<void> {
  try {
    await gateway.ledger.folds.afterSettle(leaf, reserved.caps);
  } catch (error) {
    if (error instanceof TableUnavailable) return;
    gateway.report({ kind: 'failed', requestId: ids.requestId, reason: String(error) });
  }
}

/** The bound of this model is wrong: no further call until an operator or a new bound says otherwise. */
async function quarantine(call: Call, charge: Charge): Promise<void> {
  const { gateway, ids, quote } = call;
  const { model } = quote.card;
  gateway.report({
    kind: 'overrun',
    requestId: ids.requestId,
    model,
    heldPicoUsd: charge.info.pu,
    chargedPicoUsd: charge.used.u,
  });
  try {
    await gateway.directory.putQuarantine(model, { requestId: ids.requestId });
  } catch (error) {
    if (!(error instanceof TableUnavailable)) throw error;
  }
}

const LATER_WAITS_MS = [100, 500, 2000, 5000, 10_000];

/** The hold stands meanwhile, so nothing is lost; after the last try the collector presumes it spent. */
async function finishLater(call: Call, charge: Charge, first: unknown): Promise<void> {
  let failure = first;
  for (const waitMs of LATER_WAITS_MS) {
    if (!(failure instanceof TableUnavailable)) break;
    await call.gateway.clock.sleep(durationMs(waitMs));
    try {
      await sendHome(call, (await finish(call, charge)).leaf);
      return;
    } catch (error) {
      failure = error;
    }
  }
  const reason = `${charge.outcome}: ${String(failure)}`;
  call.gateway.report({ kind: 'charge_not_written', requestId: call.ids.requestId, reason });
}
