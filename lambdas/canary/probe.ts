/**
 * Whether the gateway still holds its promise, asked as a caller: a user with a cap of one cent makes a call that
 * fits and one that does not. The second must be refused for the cap, and cost nothing.
 */
import * as z from 'zod';
import { parseInMetric } from '../core/caps/amounts.ts';

export type Verdict = { kind: 'held'; costUsd: string } | { kind: 'failed'; reason: string };

export interface ProbeTarget {
  /** With or without a path and its last slash: https://….execute-api.….amazonaws.com/prod/ */
  gatewayUrl: string;
  key: string;
}

/** A model whose price is in the snapshot, does not think before it answers, and is among the cheapest. */
const MODEL = 'gpt-4.1-nano';
const LIMIT_USD = '0.01';
/** $0.000007 at $0.40 a million tokens. */
const SMALL_OUTPUT_TOKENS = 16;
/** $0.0128: more than the cent. The provider would answer with a word all the same, should the call get through. */
const LARGE_OUTPUT_TOKENS = 32_000;
const REQUEST_TIMEOUT_MS = 20_000;

/** Throws only where a request gets no answer at all. */
export async function probeCap(target: ProbeTarget): Promise<Verdict> {
  const first = await complete(target, SMALL_OUTPUT_TOKENS);
  if (first.status !== 200) return failed(`the first call was answered ${await shown(first)}`);
  await first.text();
  const costUsd = first.headers.get('x-spendcap-cost-usd') ?? '';
  const cost = parseInMetric('usd', costUsd);
  if (cost === undefined || cost <= 0n) return failed('the first call says no cost');
  const before = await standingOf(target);
  if ('reason' in before) return before;
  if (before.settled < cost) return failed(`the first call cost $${costUsd} and was not charged`);

  const second = await complete(target, LARGE_OUTPUT_TOKENS);
  if (second.status !== 429) return failed(`the second call was not refused but answered ${second.status}`);
  const code = refusalSchema.safeParse(await second.json()).data?.error.code;
  if (code !== 'insufficient_quota') return failed(`the second call was refused with ${String(code)}`);
  const after = await standingOf(target);
  if ('reason' in after) return after;
  if (after.settled > before.settled || after.reserved > before.reserved)
    return failed('the refused call was charged');
  return { kind: 'held', costUsd };
}

const failed = (reason: string): Verdict & { kind: 'failed' } => ({ kind: 'failed', reason });

/** What we print of an answer: the code of a refusal is ours, the text of anything else may be anybody's. */
async function shown(response: Response): Promise<string> {
  const text = await response.text();
  const code = /"code": ?"([a-z_]{1,40})"/.exec(text)?.[1];
  return code === undefined ? String(response.status) : `${response.status} ${code}`;
}

const refusalSchema = z.object({ error: z.object({ code: z.string() }) });

function complete({ gatewayUrl, key }: ProbeTarget, maxOutputTokens: number): Promise<Response> {
  return fetch(addressOf(gatewayUrl, 'v1/chat/completions'), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      // Otherwise the output limit would be lowered to what the cent can pay.
      'x-spendcap-clamp': 'never',
    },
    body: JSON.stringify({
      model: MODEL,
      max_completion_tokens: maxOutputTokens,
      messages: [{ role: 'user', content: 'Answer with the one word: yes' }],
    }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
}

const budgetSchema = z.object({
  caps: z.array(
    z.object({ metric: z.string(), limit: z.string(), settled: z.string(), reserved: z.string() }),
  ),
});

type Standing = { settled: bigint; reserved: bigint };

async function standingOf({
  gatewayUrl,
  key,
}: ProbeTarget): Promise<Standing | (Verdict & { kind: 'failed' })> {
  const response = await fetch(addressOf(gatewayUrl, 'v1/budget'), {
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  if (response.status !== 200) return failed(`/v1/budget was answered ${await shown(response)}`);
  const budget = budgetSchema.safeParse(await response.json());
  const cap = budget.data?.caps.find(({ metric, limit }) => metric === 'usd' && limit === LIMIT_USD);
  const settled = cap && parseInMetric('usd', cap.settled);
  const reserved = cap && parseInMetric('usd', cap.reserved);
  if (settled === undefined || reserved === undefined)
    return failed(`the canary’s user has no cap of $${LIMIT_USD}`);
  return { settled, reserved };
}

const addressOf = (gatewayUrl: string, path: string): string => `${gatewayUrl.replace(/\/$/, '')}/${path}`;
