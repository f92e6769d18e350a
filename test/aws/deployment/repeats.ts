/** A call that is sent again with its idempotency key: by an app whose answers are stored, and by one whose are not. */
import OpenAI, { ConflictError, UnprocessableEntityError } from 'openai';
import type { SimulatedProvider } from '../../../local/simulated-provider/server.ts';
import type { Story } from '../story.ts';
import { same, type Caller } from './calls.ts';
import { STORING_APP } from './policy.ts';

const ask = (content: string) => ({
  ...{ model: 'gpt-4.1', max_completion_tokens: 100 },
  messages: [{ role: 'user' as const, content }],
});
const SMALL = ask('Say a word. [[sim input=10 output=5]]');

export async function tellRepeats(
  story: Story,
  { caller, provider }: { caller: Caller; provider: SimulatedProvider },
): Promise<void> {
  story.step('A call is sent again with its idempotency key');
  const clientOf = async (app: string, user: string): Promise<OpenAI> => {
    const { key } = await caller.admin.ask<{ key: string }>('POST', '/keys', {
      ...{ app, team: 'web', scopes: ['call'], user },
    });
    return new OpenAI({ baseURL: `${caller.url}/v1`, apiKey: key, maxRetries: 0 });
  };
  const chargesOf = async (user: string): Promise<string> => {
    const { items } = await caller.admin.ask<{ items: { outcome: string; cost_usd: string }[] }>(
      'GET',
      `/usage?user=${user}`,
    );
    return items.map(({ outcome, cost_usd }) => `${outcome} ${cost_usd}`).join(', ');
  };
  const once = { headers: { 'Idempotency-Key': 'order-4711' } };

  await story.check(
    'where answers are stored: the same answer, asked of nobody and charged once',
    async () => {
      const openai = await clientOf(STORING_APP, 'edith');
      const first = await openai.chat.completions.create(SMALL, once).withResponse();
      const asked = provider.requests().length;
      const again = await openai.chat.completions.create(SMALL, once).withResponse();
      same(JSON.stringify(again.data), JSON.stringify(first.data));
      same(again.response.headers.get('x-spendcap-replayed'), 'true');
      same(provider.requests().length, asked);
      same(await chargesOf('edith'), 'settled 0.00006');
      return again.data.id;
    },
  );
  await story.check('where none are stored: the charge, and no second call', async () => {
    const openai = await clientOf('shop', 'frank');
    await openai.chat.completions.create(SMALL, once);
    const asked = provider.requests().length;
    const refusal = await openai.chat.completions.create(SMALL, once).catch((error: unknown) => error);
    if (!(refusal instanceof ConflictError)) throw new Error(`not refused: ${String(refusal)}`);
    same(refusal.code, 'already_charged');
    same(provider.requests().length, asked);
    same(await chargesOf('frank'), 'settled 0.00006');
    return refusal.message;
  });
  await story.check('with another body it is refused', async () => {
    const openai = await clientOf(STORING_APP, 'edith');
    const refusal = await openai.chat.completions
      .create(ask('Say another word. [[sim input=10 output=5]]'), once)
      .catch((error: unknown) => error);
    if (!(refusal instanceof UnprocessableEntityError)) throw new Error(`not refused: ${String(refusal)}`);
    same(refusal.code, 'idempotency_mismatch');
    return undefined;
  });
}
