/** An application with the official SDK at the deployed gateway: a call, a stream, a refusal. */
import OpenAI, { RateLimitError } from 'openai';
import type { SimulatedProvider } from '../../../local/simulated-provider/server.ts';
import type { Story } from '../story.ts';
import { quietMonth } from './quiet-month.ts';
import type { Recorder } from './recorder.ts';
import { signedAdmin, type SignedAdmin } from './signed-admin.ts';

export interface Caller {
  url: string;
  admin: SignedAdmin;
  openai: OpenAI;
}

export const CAP = 'alice-month';
/** $0.00006 of the prices of gpt-4.1: $2 and $8 a million tokens. */
const SMALL = 'Say a word. [[sim input=10 output=5]]';
const SMALL_COST = '0.00006';
/** $0.00402. */
const LARGE = 'Say many words. [[sim input=10 output=500]]';
const model = 'gpt-4.1';

export async function makeCaller(story: Story, url: string): Promise<Caller | undefined> {
  const admin = signedAdmin(url);
  let key = '';
  const made = await story.check('a signed request makes a key and a cap of $0.01', async () => {
    ({ key } = await admin.ask<{ key: string }>('POST', '/keys', {
      ...{ app: 'shop', team: 'web', scopes: ['call'], user: 'alice' },
    }));
    await admin.ask('PUT', `/caps/${CAP}`, {
      ...{ scope: { type: 'user', id: 'alice' }, metric: 'usd', limit: '0.01' },
      ...quietMonth(Date.now()),
    });
    return `key ${key.slice(0, 8)}…`;
  });
  await story.check('an unsigned one is refused', async () => {
    const { status } = await fetch(`${url}/admin/v1/caps`);
    same(status, 403);
    return undefined;
  });
  return made ? { url, admin, openai: new OpenAI({ baseURL: `${url}/v1`, apiKey: key }) } : undefined;
}

export async function tellCalls(
  story: Story,
  {
    caller: { openai, url },
    provider,
    recorder,
  }: { caller: Caller; provider: SimulatedProvider; recorder: Recorder },
): Promise<void> {
  story.step('An application calls with the official SDK');
  await story.check('a call is answered, with what it cost and what is left', async () => {
    const { data, response } = await openai.chat.completions.create(ask(SMALL, 100)).withResponse();
    same(data.usage?.completion_tokens, 5);
    same(response.headers.get('x-spendcap-cost-usd'), SMALL_COST);
    same(response.headers.get('x-spendcap-cap'), CAP);
    same(response.headers.get('x-spendcap-cap-remaining'), '0.00994');
    same(response.headers.get('x-spendcap-stage'), 'normal');
    same(provider.requests().length, 1);
    return `$${SMALL_COST}, $0.00994 left`;
  });
  await story.check('a stream ends with its cost inside its usage', async () => {
    const stream = await openai.chat.completions.create({
      ...ask(SMALL, 100),
      stream: true,
      stream_options: { include_usage: true },
    });
    let cost: unknown;
    for await (const { usage } of stream)
      cost = (usage as { cost?: string } | null | undefined)?.cost ?? cost;
    same(cost, SMALL_COST);
    return `$${SMALL_COST}`;
  });
  await story.check('a call writes once before it goes upstream and twice after', async () => {
    const before = provider.requests().length;
    recorder.forget();
    await openai.chat.completions.create(ask(SMALL, 100));
    const expected = [
      `UpdateItem after ${before} upstream`,
      `PutItem after ${before + 1} upstream`,
      `UpdateItem after ${before + 1} upstream`,
    ];
    same(recorder.writes().join(', '), expected.join(', '));
    return 'hold; charge, settle';
  });
  await story.check('two large calls take the cap past 80 %', async () => {
    for (let i = 0; i < 2; i += 1) await openai.chat.completions.create(ask(LARGE, 500));
    const { response } = await openai.chat.completions.create(ask(SMALL, 10)).withResponse();
    return `$${response.headers.get('x-spendcap-cap-remaining') ?? '?'} left`;
  });
  await story.check('a call that does not fit is refused, once, without any request upstream', async () => {
    const before = provider.requests().length;
    const refusal = await openai.chat.completions.create(ask(LARGE, 500)).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(refusal instanceof RateLimitError)) throw new Error(`not refused: ${String(refusal)}`);
    same(refusal.code, 'insufficient_quota');
    same(refusal.headers.get('x-should-retry'), 'false');
    same(provider.requests().length, before);
    return refusal.message;
  });
  await story.check('a wrong key is refused', async () => {
    const { status } = await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer sck_test_x' } });
    same(status, 401);
    return undefined;
  });
}

const ask = (content: string, limit: number) => ({
  model,
  max_completion_tokens: limit,
  messages: [{ role: 'user' as const, content }],
});

export function same(seen: unknown, expected: unknown): void {
  if (seen !== expected) throw new Error(`expected ${JSON.stringify(expected)}, saw ${JSON.stringify(seen)}`);
}
