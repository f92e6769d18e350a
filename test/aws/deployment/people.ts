/** People at the deployed gateway, each with a key and a cap of their own. */
import OpenAI, { RateLimitError } from 'openai';
import { setTimeout as sleep } from 'node:timers/promises';
import { same, type Caller } from './calls.ts';

const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 500;

export type Refusal = InstanceType<typeof RateLimitError>;

export interface Person {
  user: string;
  keyId: string;
  cap: string;
  call: (
    other?: Partial<Call>,
  ) => ReturnType<ReturnType<OpenAI['chat']['completions']['create']>['withResponse']>;
  stopped: (other?: Partial<Call>) => Promise<Refusal>;
  /** One call, after which another one does not fit. */
  spendAll: () => Promise<void>;
  ask: () => Promise<string>;
  grant: (id: string) => Promise<{ status: string; denial_reason: string | null }>;
  limit: () => Promise<string>;
  budget: () => Promise<Budget>;
  stage: () => Promise<string>;
}

interface Call {
  model: string;
  outputTokens: number;
}
interface Budget {
  effective_limit: string;
  settled: string;
  stage: string;
}

const NO_RUNGS = { warn: null, throttle: null, block: null };

/** Somebody with $0.005 and no rungs, where nothing else is said, and calls of gpt-4.1 that cost $0.00402. */
export async function person(
  caller: Caller,
  user: string,
  { model = 'gpt-4.1', ...more }: { model?: string; [member: string]: unknown } = {},
): Promise<Person> {
  const cap = `${user}-cap`;
  await caller.admin.ask('PUT', `/caps/${cap}`, {
    ...{ scope: { type: 'user', id: user }, metric: 'usd', window: 'lifetime', limit: '0.005' },
    ...{ thresholds: NO_RUNGS, ...more },
  });
  const { id: keyId, key } = await caller.admin.ask<{ id: string; key: string }>('POST', '/keys', {
    ...{ app: 'shop', team: 'web', scopes: ['call'], user },
  });
  const openai = new OpenAI({
    ...{ baseURL: `${caller.url}/v1`, apiKey: key, maxRetries: 0 },
    defaultHeaders: { 'x-spendcap-clamp': 'never' },
  });
  const call = ({ model: asked = model, outputTokens = 500 }: Partial<Call> = {}) =>
    openai.chat.completions
      .create({
        ...{ model: asked, max_completion_tokens: outputTokens },
        messages: [{ role: 'user', content: 'Say many words. [[sim input=10 output=500]]' }],
      })
      .withResponse();
  const v1 = async <T>(path: string, body?: object): Promise<T> => {
    const answer = await fetch(`${caller.url}/v1${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${key}` },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const stopped = async (other: Partial<Call> = {}): Promise<Refusal> => {
    const refusal = await call(other).catch((error: unknown) => error);
    if (!(refusal instanceof RateLimitError)) throw new Error(`not refused: ${String(refusal)}`);
    return refusal;
  };
  const budget = async () => (await v1<{ caps: Budget[] }>('/budget')).caps[0]!;
  return {
    ...{ user, keyId, cap, call, stopped, budget },
    async spendAll() {
      await call();
      same((await stopped()).code, 'insufficient_quota');
    },
    async ask() {
      const wish = { cap, amount: '0.01', reason: 'The report is due' };
      return (await v1<{ id: string }>('/grants', wish)).id;
    },
    grant: (id) => v1(`/grants/${id}`),
    async limit() {
      const { effective_limit: limit } = await budget();
      same(limit, '0.015');
      return `$${limit}`;
    },
    stage: async () => (await budget()).stage,
  };
}

export async function until(
  expected: string,
  look: () => Promise<string>,
  everyMs = LOOK_EVERY_MS,
): Promise<string> {
  const started = performance.now();
  for (;;) {
    const seen = await look();
    if (seen === expected) return seen;
    if (performance.now() - started > PATIENCE_MS) same(seen, expected);
    await sleep(everyMs);
  }
}
