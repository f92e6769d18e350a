/**
 * Step 4: deducts the worst case from every cap of the caller, in one conditional write, or says why not. A repeat of
 * a call that was charged gets the answer that is stored for it, if there is one.
 */
import { durationMs, type DurationMs } from '../brands.ts';
import type { Quote, Replay, Reserved } from '../call.ts';
import { crowded, explainShort, undecided, type DenialContext } from '../admission/denial.ts';
import type { Endpoint } from '../endpoint.ts';
import { fitOfQuotes, quoteOf, type ChosenBy } from '../admission/choose-quote.ts';
import { rungRates } from '../caps/rung-rates.ts';
import { leavesToTry } from '../admission/leaf-choice.ts';
import type { Gateway } from '../gateway.ts';
import { chargeView } from '../ledger/charge-view.ts';
import type { Charge } from '../ledger/charge.ts';
import type { ReserveOutcome } from '../ledger/reserve-call.ts';
import { leafKey, type HoldInfo } from '../ledger/leaf.ts';
import { nonceBits } from '../ledger/stamp.ts';
import { ladderOf } from '../policy/policy.ts';
import type { ItemKey } from '../ports.ts';
import type { CallIds } from '../request-ids.ts';
import { passed, refused, type Refusal, type Stepped } from '../refusals.ts';
import type { Caller } from './identify.ts';

export async function reserve(
  gateway: Gateway,
  endpoint: Endpoint,
  caller: Caller,
  quote: Quote,
  ids: CallIds,
): Promise<Stepped<Reservation>> {
  const caps = await gateway.directory.capsFor(caller);
  if (caps.length === 0 && !gateway.policy.admitUncapped) return refused(noCap(caller));

  const bodyHash = caller.idempotencyKey === undefined ? undefined : await quote.bodyHash();
  const isSameCall = ({ bh, ep }: HoldInfo): boolean => bh === bodyHash && ep === endpoint.name;
  const chosenBy: ChosenBy = {
    caps,
    fallbackAllowed: caller.fallbackAllowed,
    ladderOf: ({ ladder }) => ladderOf(gateway.policy, ladder),
  };
  const reserveOn = (leaf: ItemKey): Promise<ReserveOutcome> =>
    gateway.ledger.reserve({
      leaf,
      id: ids.holdId,
      bodyHash,
      caps,
      nonce: gateway.ids.randomBits(nonceBits),
      info: infoOf(endpoint, caller, quote, ids),
      fit: (books) => fitOfQuotes(quote, chosenBy, books),
      rates: (books) =>
        rungRates(caps, books, (ladder) => ladderOf(gateway.policy, ladder).throttle.requestsPerMinute),
    });
  const attempt = async (ahead: number): Promise<Attempted> => {
    const [leaf, ...others] = leavesToTry(gateway.policy, caller, gateway.ids);
    let outcome = await reserveOn(leaf);
    for (const other of others) if (outcome.kind === 'crowded') outcome = await reserveOn(other);
    if (outcome.kind === 'held' || outcome.kind === 'recorded') return outcome;
    const { requestUrl } = gateway;
    const jitter = Number(gateway.ids.randomBits(JITTER_BITS)) / 2 ** JITTER_BITS;
    const now = gateway.clock.now();
    const { plan } = quoteOf(quote, 'fit' in outcome ? outcome.fit.info?.cd : undefined);
    const cheaper = quote.cheaper.map((other) => ({ model: other.model, plan: other.plan }));
    const context: DenialContext = { now, plan, cheaper, caps, jitter, ahead, requestUrl };
    return { kind: 'refused', refusal: explain(outcome, isSameCall, context) };
  };
  const attempted = await gateway.line.run({
    name: leafKey(caller.principal).pk,
    token: () => quote.bodyHash(),
    mayBeRepeat: caller.mayBeRepeat,
    attempt,
    isWorthWaiting,
    comesBackIn,
  });
  if (attempted.kind === 'refused') return refused(attempted.refusal);
  if (attempted.kind === 'recorded') {
    const { charge } = attempted;
    return isSameCall(charge.info) ? replay(gateway, caller, charge) : refused(mismatch());
  }
  const { call: held, books, fit } = attempted;
  const wanted = quote.shape.outputTokensAsked;
  const isSet = fit.outputTokensMax !== null && (wanted === undefined || fit.outputTokensMax < wanted);
  const outputTokensSet = isSet ? fit.outputTokensMax! : undefined;
  return passed({
    kind: 'held',
    reserved: { held, quote: quoteOf(quote, held.hold.i.cd), books, caps, fit, outputTokensSet },
  });
}

export type Reservation = { kind: 'held'; reserved: Reserved } | { kind: 'replay'; replay: Replay };

type Answered = Extract<ReserveOutcome, { kind: 'held' | 'recorded' }>;
type Attempted = Answered | { kind: 'refused'; refusal: Refusal };

async function replay(gateway: Gateway, caller: Caller, charge: Charge): Promise<Stepped<Reservation>> {
  const answer = await gateway.answers?.find(charge, caller.app);
  if (answer) return passed({ kind: 'replay', replay: { charge, answer } });
  return refused({
    code: 'already_charged',
    message: `This idempotency key was used and charged by request ${charge.info.rq}; its answer is not stored, and a new key makes a new call.`,
    charge: chargeView(charge),
  });
}

/**
 * The money is there, and other calls of the same principal merely hold it. What others hold of a shared cap is not
 * waited for: their settles wake nobody here, and to look for it is dear.
 */
const isWorthWaiting = (attempted: Attempted): boolean =>
  attempted.kind === 'refused' &&
  attempted.refusal.code === 'throttled' &&
  attempted.refusal.isFreedByOwnCalls;

const comesBackIn = (attempted: Attempted): DurationMs =>
  durationMs(
    attempted.kind === 'refused' && attempted.refusal.code === 'throttled'
      ? attempted.refusal.retryAfterMs
      : 0,
  );

const infoOf = (endpoint: Endpoint, caller: Caller, quote: Quote, ids: CallIds) => ({
  rq: ids.requestId,
  us: caller.user,
  ap: caller.app,
  tm: caller.team,
  ft: caller.feature,
  ep: endpoint.name,
  md: quote.shape.model,
  cd: quote.card.id,
  ...(Object.keys(caller.tags).length === 0 ? {} : { tg: caller.tags }),
});

const JITTER_BITS = 8;

function explain(
  outcome: Exclude<ReserveOutcome, Answered>,
  isSameCall: (info: HoldInfo) => boolean,
  context: DenialContext,
): Refusal {
  switch (outcome.kind) {
    case 'in_flight':
      if (!isSameCall(outcome.hold.i)) return mismatch();
      return {
        code: 'in_flight',
        message: `A call with this idempotency key is in flight (request ${outcome.hold.i.rq}); wait for it, or use a new key.`,
        retryAfterMs: IN_FLIGHT_WAIT_MS,
      };
    case 'short':
      return explainShort(outcome.caps, outcome.books, outcome.fit, context);
    case 'undecided':
      return undecided(outcome.cap, outcome.books, outcome.fit, context);
    case 'crowded':
      return crowded(outcome.leaf, context);
    case 'unavailable':
      return ledgerUnavailable();
  }
}

const IN_FLIGHT_WAIT_MS = 1000;

const mismatch = (): Refusal => ({
  code: 'idempotency_mismatch',
  message:
    'This idempotency key was used with another request body, or at another endpoint; use a new key for a new call.',
});

export const ledgerUnavailable = (): Refusal => ({
  code: 'ledger_unavailable',
  message: 'The budget ledger cannot be reached, so no call is let through; try again in a moment.',
});

function noCap({ user, app, team, feature }: Caller): Refusal {
  const who = user === null ? `the app "${app}" without a user` : `the user "${user}"`;
  const wayOut =
    user === null
      ? `set one, as in "spendcap cap set app:${app} --monthly 20usd", or name a user that has one`
      : `set one, as in "spendcap cap set user:${user} --monthly 20usd"`;
  return {
    code: 'no_cap',
    message: `No cap covers ${who}, nor the team "${team}", the feature "${app}/${feature}" or the organisation, so the call is not let through; ${wayOut}.`,
  };
}
