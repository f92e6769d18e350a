/**
 * How much of a cap is really spent before anybody is told that it is gone: eight agents of one user, each asking
 * for far more output than it gets. What is merely set aside must not count as spent.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { usd } from '../lambdas/core/money.ts';
import { Admin } from './admin.ts';
import { PROVIDER_DELAY_MS } from './calls.ts';
import type { Gateway } from './processes.ts';

export const SCENARIO = '8 callers, output limit 32,000, answers of 300, cap $2.00';
const CALLERS = 8;
const LIMIT = '2.00';
const USER = 'agents';
const BODY = JSON.stringify({
  model: 'gpt-5.2',
  max_completion_tokens: 32_000,
  messages: [{ role: 'user', content: `Do the next step. [[sim output=300 delay=${PROVIDER_DELAY_MS}]]` }],
});

/** From 0 to 1. */
export async function shareSpentAtFirstDenial(gateway: Gateway): Promise<number> {
  const admin = new Admin(gateway);
  await admin.putUserCap(USER, LIMIT, { throttle: null });
  const key = await admin.createKey(USER);
  const firstDenials = await Promise.all(
    Array.from({ length: CALLERS }, () => callUntilDenied(gateway.url, key)),
  );
  const first = firstDenials.sort((a, b) => a.atMs - b.atMs)[0]!;
  // Six digits are more than enough of a share.
  return Number((first.settled * 1_000_000n) / usd(LIMIT)) / 1_000_000;
}

interface Denial {
  atMs: number;
  /** Picodollars. */
  settled: bigint;
}

interface Refusal {
  error: { code: string; limit: { settled: string } };
}

/** Waits where it is told to, as an SDK does, and stops at the first answer that says not to ask again. */
async function callUntilDenied(url: string, key: string): Promise<Denial> {
  for (;;) {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: BODY,
    });
    const text = await response.text();
    if (response.ok) continue;
    if (response.status !== 429) throw new Error(`status ${response.status}: ${text}`);
    const { error } = JSON.parse(text) as Refusal;
    if (error.code === 'insufficient_quota')
      return { atMs: performance.now(), settled: usd(error.limit.settled) };
    await wait(Number(response.headers.get('retry-after')) * 1000);
  }
}
