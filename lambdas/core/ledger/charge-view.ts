/** A charge as the API shows it: contract 6, `usage` items, `error.charge` and `/v1/requests/{id}`. */
import { epochMs, picoUsd } from '../brands.ts';
import { formatUsd } from '../money.ts';
import { toRfc3339 } from '../time.ts';
import type { Charge } from './charge.ts';

/** Token counts are JSON numbers: no call comes near 2^53 tokens, and readers refuse one that claims to. */
export function chargeView(charge: Charge) {
  const { info } = charge;
  return {
    request_id: info.rq,
    at: toRfc3339(epochMs(Number(info.ts))),
    user: info.us,
    team: info.tm,
    app: info.ap,
    feature: info.ft,
    tags: info.tg ?? {},
    dialect: info.ep,
    model_requested: info.md,
    model: charge.modelServed,
    fallback: info.ms ?? null,
    tokens: Object.fromEntries(Object.entries(charge.tokens).map(([kind, count]) => [kind, Number(count)])),
    cost_usd: formatUsd(picoUsd(charge.used.u)),
    reserved_usd: formatUsd(picoUsd(info.pu)),
    price_version: charge.cards?.card ?? info.cd,
    outcome: charge.outcome,
    reason: charge.reason ?? null,
    evidence: charge.source ?? null,
    stage: charge.stage,
    latency_ms: charge.latencyMs < 0n ? null : Number(charge.latencyMs),
  };
}
