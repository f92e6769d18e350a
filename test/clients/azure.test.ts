/** The Azure client of the OpenAI SDKs, with nothing set but its endpoint, its key and the version that it demands. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSpendcap, type LocalSpendcap } from '../support/local-spendcap.ts';
import { OPENAI_MAJORS } from './majors.ts';
import { COST, PROMPT, TEXT } from './refusals.ts';

let spendcap: LocalSpendcap;
beforeAll(async () => {
  spendcap = await startSpendcap({ policy: { plans: {}, azureDeployments: { 'house-model': 'gpt-4.1' } } });
});
afterAll(() => spendcap.close());

const apiVersion = '2024-10-21';
const call = (model: string) => ({
  model,
  max_completion_tokens: 100,
  messages: [{ role: 'user' as const, content: PROMPT }],
});

describe.each(OPENAI_MAJORS)('$sdk', ({ AzureOpenAI }) => {
  it.each([
    ['names its deployment at once', { deployment: 'gpt-4.1' }, 'gpt-4.1'],
    ['names it as the model', {}, 'gpt-4.1'],
  ])('a client that %s', async (_, options, model) => {
    const caller = await spendcap.newCaller([{ limit: '5.00' }]);
    const client = new AzureOpenAI({ endpoint: spendcap.url, apiKey: caller.key, apiVersion, ...options });
    const { data, response } = await client.chat.completions.create(call(model)).withResponse();
    expect(data.choices[0]!.message.content).toBe(TEXT);
    expect(response.headers.get('x-spendcap-cost-usd')).toBe(COST.openai);
    const charge = await caller.chargeOf(response.headers.get('x-spendcap-request-id')!);
    expect(charge).toMatchObject({ outcome: 'settled', cost_usd: COST.openai });
    const seen = spendcap.provider.requests().at(-1)!;
    expect(seen.path).toBe(`/openai/deployments/gpt-4.1/chat/completions?api-version=${apiVersion}`);
  });

  it('streams', async () => {
    const caller = await spendcap.newCaller([{ limit: '5.00' }]);
    const client = new AzureOpenAI({ endpoint: spendcap.url, apiKey: caller.key, apiVersion });
    let text = '';
    const chunks = await client.chat.completions.create({ ...call('gpt-4.1'), stream: true });
    for await (const { choices } of chunks) text += choices[0]?.delta.content ?? '';
    expect(text).toBe(TEXT);
  });

  it('is told of a deployment without a price, once', async () => {
    const caller = await spendcap.newCaller([{ limit: '5.00' }]);
    const client = new AzureOpenAI({ endpoint: spendcap.url, apiKey: caller.key, apiVersion });
    await expect(client.chat.completions.create(call('unheard-of'))).rejects.toMatchObject({
      status: 400,
      code: 'model_not_priced',
    });
    expect(caller.arrivals()).toHaveLength(1);
  });

  it('is told of a cap that is reached, once', async () => {
    const caller = await spendcap.newCaller([{ limit: '0.00001' }]);
    const client = new AzureOpenAI({ endpoint: spendcap.url, apiKey: caller.key, apiVersion });
    await expect(client.chat.completions.create(call('house-model'))).rejects.toMatchObject({
      status: 429,
      code: 'insufficient_quota',
    });
    expect(caller.arrivals()).toHaveLength(1);
  });
});
