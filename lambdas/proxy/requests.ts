/**
 * GET /v1/requests/{id}: one's own call, by the id on its response: its hold while it is in flight, its charge
 * afterwards. A client whose connection broke learns here what became of its money.
 */
import { epochMs, holdId, picoUsd, type HoldId } from '../core/brands.ts';
import type { Gateway } from '../core/gateway.ts';
import { chargeView } from '../core/ledger/charge-view.ts';
import type { Charge } from '../core/ledger/charge.ts';
import { leafKey, type Hold } from '../core/ledger/leaf.ts';
import { formatUsd } from '../core/money.ts';
import { holdOfRequest } from '../core/request-ids.ts';
import { toRfc3339 } from '../core/time.ts';
import { dialectOf } from './caller-dialect.ts';
import { freeRoute } from './free-route.ts';

export function showRequest(gateway: Gateway, request: Request, id: string): Promise<Response> {
  return freeRoute(gateway, dialectOf(request.headers), request, async (caller) => {
    const base = holdOfRequest(id);
    const leaf = leafKey(caller.principal);
    const charge = base && (await findCharge(gateway, base, leaf.pk, id));
    if (charge) return Response.json({ id, status: 'charged', hold: null, charge: chargeView(charge) });
    const hold = base && (await findHold(gateway, base, leaf));
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
  leafPk: string,
  requestId: string,
): Promise<Charge | undefined> {
  let newest: Charge | undefined;
  for (let generation = 0; ; generation += 1) {
    const charge = await gateway.ledger.readCharge(generation === 0 ? base : holdId(`${base}.${generation}`));
    if (charge?.leafPk !== leafPk) return newest;
    newest = charge;
    if (charge.info.rq === requestId) return charge;
  }
}

async function findHold(
  gateway: Gateway,
  base: HoldId,
  key: ReturnType<typeof leafKey>,
): Promise<Hold | undefined> {
  const leaf = await gateway.ledger.leaves.read(key);
  const found = Object.entries(leaf?.h ?? {}).find(([id]) => id === base || id.startsWith(`${base}.`));
  return found?.[1];
}

const holdView = ({ i }: Hold) => ({
  request_id: i.rq,
  at: toRfc3339(epochMs(Number(i.ts))),
  model_requested: i.md,
  reserved_usd: formatUsd(picoUsd(i.pu)),
  price_version: i.cd,
});
