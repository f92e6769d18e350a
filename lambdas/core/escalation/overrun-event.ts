/** What a charge above its hold tells the bus. */
import { epochMs, picoUsd } from '../brands.ts';
import type { OverrunDetected } from '../events/overrun-detected.ts';
import type { Charge } from '../ledger/charge.ts';
import { formatUsd } from '../money.ts';
import { sha256 } from '../request-ids.ts';
import { toRfc3339 } from '../time.ts';

export async function overrunEvent({ id, info, used, modelServed }: Charge): Promise<OverrunDetected> {
  return {
    id: await sha256(`${id}\noverrun`),
    version: 1,
    request_id: info.rq,
    user: info.us,
    team: info.tm,
    app: info.ap,
    feature: info.ft,
    dialect: info.ep,
    model_requested: info.md,
    model: modelServed,
    price_version: info.cd,
    reserved_usd: formatUsd(picoUsd(info.pu)),
    cost_usd: formatUsd(picoUsd(used.u)),
    at: toRfc3339(epochMs(Number(info.ts))),
  };
}
