/**
 * GET /v1/requests/{id}: one's own call, by the id on its response: its hold while it is in flight, its charge
 * afterwards. A client whose connection broke learns here what became of its money.
 */
import { epochMs, holdId, picoUsd, type HoldId } from '../core/brands.ts';
import { leavesOf } from '../core/admission/leaf-choice.ts';
import type { Gateway } from '../core/gateway.ts';
import { chargeView } from '../core/ledger/charge-view.ts';
import type { Charge } from '../core/ledger/charge.ts';
import { principalOf, type Hold, type Principal } from '../core/ledger/leaf.ts';
import type { ItemKey } from '../core/ports.ts';
import { formatUsd } from '../core/money.ts';
import { holdOfRequest } from '../core/request-ids.ts';
import { toRfc3339 } from '../core/time.ts';
import { dialectOf } from './caller-dialect.ts';
import { freeRoute } from './free-route.ts';

export function showRequest(gateway: Gateway, request: Request, id: string): Promise<Response> {
  return freeRoute(gateway, dialectOf(request.headers), request, async (caller) => {
    const base = holdOfRequest(id);
    const charge = base && (await findCharge(gateway, base, caller.principal, id));
    if (charge) return Response.json({ id, status: 'charged', hold: null, charge: chargeView(charge) });
    const hold = base && (await findHold(gateway, base, leavesOf(gateway.policy, caller.principal)));
    if (hold) return Response.json({ id, status: 'in_flight', hold: holdView(hold), charge: null });
    return {
      refusal: { code: 'request_not_found', message: `You made no admitted call with the id ${id}.` },
    };
  });
}

/** A key whose call was voided may have been used again: generations .1, .2, … of the same hold. */
async function findCharge(
  gateway: Gateway,
  base: HoldId,
  principal: Principal,
  requestId: string,
): Promise<Charge | undefined> {
  let newest: Charge | undefined;
  for (let generation = 0; ; generation += 1) {
    const charge = await gateway.ledger.readCharge(generation === 0 ? base : holdId(`${base}.${generation}`));
    if (!charge || !isSamePrincipal(principalOf(charge.leafPk), principal)) return newest;
    newest = charge;
    if (charge.info.rq === requestId) return charge;
  }
}

async function findHold(gateway: Gateway, base: HoldId, keys: readonly ItemKey[]): Promise<Hold | undefined> {
  const leaves = await Promise.all(keys.map((key) => gateway.ledger.leaves.read(key)));
  const holds = leaves.flatMap((leaf) => Object.entries(leaf?.h ?? {}));
  return holds.find(([id]) => id === base || id.startsWith(`${base}.`))?.[1];
}

const isSamePrincipal = (a: Principal, b: Principal): boolean => a.type === b.type && a.id === b.id;

const holdView = ({ i }: Hold) => ({
  request_id: i.rq,
  at: toRfc3339(epochMs(Number(i.ts))),
  model_requested: i.md,
  reserved_usd: formatUsd(picoUsd(i.pu)),
  price_version: i.cd,
});
