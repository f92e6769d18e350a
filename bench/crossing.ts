/**
 * How soon a crossed threshold takes effect: from the last byte of the answer that crosses it until `GET /v1/budget`
 * shows the stage that the ladder set. Fifty users, one after the other, each asked for every few milliseconds.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Admin } from './admin.ts';
import { percentilesOf } from './percentiles.ts';
import { startGateway, startProvider, STORES, type Gateway, type Store } from './processes.ts';
import { plain, type Result } from './results.ts';

const USERS = 50;
const LOOK_EVERY_MS = 5;
const LATE_MS = 10_000;
const P95_MS_TARGET = 1_000;
/** One call is nearly all of it, and no block. */
const LIMIT = '0.082';
const BODY = JSON.stringify({
  model: 'gpt-4.1',
  max_completion_tokens: 10_000,
  messages: [{ role: 'user', content: 'Think. [[sim input=10 output=9900]]' }],
});

export async function measureCrossings(say: (line: string) => void): Promise<Result[]> {
  const results: Result[] = [];
  for (const store of STORES) {
    const samples = await crossingsOf(store);
    const { p50, p95 } = percentilesOf(samples);
    const name = `ladder, ${store}, from a crossing to the stage`;
    results.push(plain(`${name}, p50`, p50, 'ms'), {
      ...plain(`${name}, p95`, p95, 'ms'),
      target: P95_MS_TARGET,
    });
    say(`${name}: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`);
  }
  return results;
}

async function crossingsOf(store: Store): Promise<number[]> {
  const provider = await startProvider();
  const gateway = await startGateway({ store, providerUrl: provider.url, profileFolder: undefined });
  const admin = new Admin(gateway);
  const samples: number[] = [];
  for (let user = 0; user < USERS; user += 1) {
    const name = `user-${user}`;
    await admin.putUserCap(name, LIMIT, {});
    samples.push(await crossing(gateway, await admin.createKey(name)));
  }
  await admin.checkBooks();
  await gateway.stop();
  await provider.stop();
  return samples;
}

async function crossing({ url }: Gateway, key: string): Promise<number> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: BODY });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`status ${answer.status}: ${text}`);
  const crossedAt = performance.now();
  for (;;) {
    const budget = (await (await fetch(`${url}/v1/budget`, { headers })).json()) as {
      caps: { stage: string }[];
    };
    const seenAt = performance.now();
    if (budget.caps.some(({ stage }) => stage === 'throttled')) return seenAt - crossedAt;
    if (seenAt - crossedAt > LATE_MS)
      throw new Error(`no stage after ${LATE_MS} ms: ${JSON.stringify(budget)}`);
    await wait(LOOK_EVERY_MS);
  }
}
