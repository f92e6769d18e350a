/** Response headers of the contract, section 4, and which of a provider's own are passed on. */
import type { PicoUsd } from './brands.ts';
import type { Call, Replay } from './call.ts';
import type { Cap } from './caps/cap.ts';
import { inMetric } from './caps/amounts.ts';
import type { UsdCapFacts } from './endpoint.ts';
import { accountOf, type Books } from './ledger/books.ts';
import { newestNotice, type ShownNotice } from './ledger/notices.ts';
import { formatUsd } from './money.ts';
import { highestStage, resetOf } from './caps/stage.ts';
import { toRfc3339 } from './time.ts';

/** Hop-by-hop, of the provider's account, or no longer true of the body that we send. */
const WITHHELD = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'trailer',
  'content-length',
  'content-encoding',
  'set-cookie',
  'alt-svc',
  'strict-transport-security',
  'openai-organization',
  'openai-project',
  'anthropic-organization-id',
]);
const WITHHELD_PREFIXES = ['x-ratelimit-', 'anthropic-ratelimit-', 'anthropic-fast-', 'x-spendcap-'];

export function providerHeaders(from: Headers): Headers {
  const passed = new Headers();
  from.forEach((value, name) => {
    if (WITHHELD.has(name) || WITHHELD_PREFIXES.some((prefix) => name.startsWith(prefix))) return;
    passed.append(name, value);
  });
  return passed;
}

export interface HeaderFacts {
  /** After the hold (streams) or after the charge (plain answers). */
  books: Books;
  costPicoUsd: PicoUsd | undefined;
  servedModel: string | undefined;
}

/** Headers of an admitted call. */
export function admittedHeaders(call: Call, facts: HeaderFacts): [string, string][] {
  const headers: [string, string][] = [
    ['x-spendcap-request-id', call.ids.requestId],
    ...callHeaders(call, facts.servedModel),
  ];
  if (facts.costPicoUsd !== undefined) headers.push(['x-spendcap-cost-usd', formatUsd(facts.costPicoUsd)]);
  const dialect = call.gateway.renderers[call.endpoint.dialect];
  const notice = newestNotice(facts.books.leaf, call.gateway.clock.now());
  return [
    ...headers,
    ...capHeaders(call, facts.books),
    ...noticeHeader(notice),
    ...dialect.admitted(usdFacts(call, facts.books)),
  ];
}

/** What became of the newest grant that the caller asked for. */
export const noticeHeader = (notice: ShownNotice | undefined): [string, string][] =>
  notice ? [['x-spendcap-grant', `${notice.grant}; status=${notice.status}`]] : [];

/** What stays true of the call, whenever its answer is read. */
function callHeaders({ quote, reserved }: Call, servedModel: string | undefined): [string, string][] {
  const asked = quote.shape.model;
  const sent = servedModel ?? quote.model;
  const headers: [string, string][] = [
    ['x-spendcap-reserved-usd', formatUsd(reserved.held.hold.i.pu as PicoUsd)],
    ['x-spendcap-price-version', quote.card.id],
    ['x-spendcap-model', sent],
  ];
  if (sent !== asked) headers.push(['x-spendcap-model-requested', asked]);
  // A provider's own name for the model may differ from the asked one as well.
  if (quote.model !== asked) headers.push(['x-spendcap-fallback', quote.model]);
  if (reserved.outputTokensSet !== undefined) {
    headers.push(['x-spendcap-max-output-tokens', reserved.outputTokensSet.toString()]);
  }
  return headers;
}

/** Headers of an answer that is kept for repeats. */
export const storedHeaders = (
  call: Call,
  { headers, servedModel }: { headers: Headers; servedModel: string | undefined },
): [string, string][] => [
  ...[...providerHeaders(headers)].filter(([name]) => name !== 'date'),
  ...callHeaders(call, servedModel),
];

/** A repeat's answer: what the first request got, what its call cost, and a header that says so. */
export function replayed({ answer, charge }: Replay, requestId: string): Response {
  const response = new Response(answer.body, { status: answer.status, headers: answer.headers });
  response.headers.set('x-spendcap-request-id', requestId);
  response.headers.set('x-spendcap-cost-usd', formatUsd(charge.used.u as PicoUsd));
  response.headers.set('x-spendcap-replayed', 'true');
  return response;
}

function usdFacts(call: Call, books: Books): UsdCapFacts | undefined {
  const cap = tightest(
    call.reserved.caps.filter(({ metric }) => metric === 'usd'),
    books,
  );
  if (!cap) return undefined;
  const account = accountOf(books, cap);
  return {
    effectiveLimitPicoUsd: account.l,
    usedPicoUsd: account.l - account.f,
    resetsAt: resetOf(cap, account, call.gateway.clock.now()),
  };
}

function capHeaders(call: Call, books: Books): [string, string][] {
  const { caps } = call.reserved;
  const cap = tightest(caps, books);
  if (!cap) return [];
  const account = accountOf(books, cap);
  const reset = resetOf(cap, account, call.gateway.clock.now());
  const headers: [string, string][] = [
    ['x-spendcap-cap', cap.id],
    ['x-spendcap-cap-metric', cap.metric],
    ['x-spendcap-cap-limit', inMetric(cap.metric, account.l)],
    ['x-spendcap-cap-remaining', inMetric(cap.metric, account.f > 0n ? account.f : 0n)],
    ['x-spendcap-stage', highestStage(caps, books)],
  ];
  if (reset !== null) headers.push(['x-spendcap-cap-reset', toRfc3339(reset)]);
  return headers;
}

/** The cap with the smallest share left. Shares are compared as fractions, without dividing. */
export function tightest(caps: readonly Cap[], books: Books): Cap | undefined {
  let found: Cap | undefined;
  for (const cap of caps) {
    const account = accountOf(books, cap);
    const best = found && accountOf(books, found);
    if (!best || account.f * best.l < best.f * account.l) found = cap;
  }
  return found;
}
