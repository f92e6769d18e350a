/** What the official SDKs see when a cheaper model stands in: their usual answers, and headers that say so. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { SDK_CLIENTS, streamed } from './clients.ts';
import { ANTHROPIC_MAJORS, OPENAI_MAJORS } from './majors.ts';
import { PROMPT, TEXT } from './refusals.ts';

const { OpenAI } = OPENAI_MAJORS[0]!;
const { Anthropic } = ANTHROPIC_MAJORS[0]!;
const DEAR = { openai: 'gpt-4.1', anthropic: 'claude-opus-4-5' };
const CHEAP = { openai: 'gpt-4.1-mini', anthropic: 'claude-haiku-4-5' };
/** Less than 256 tokens of the dear models cost, and more than those of the cheap ones. */
const LIMIT = { openai: '0.001', anthropic: '0.003' };

let spendcap: LocalSpendcap;
beforeAll(async () => {
  const modelTiers = [
    [DEAR.openai, CHEAP.openai],
    [DEAR.anthropic, 'claude-sonnet-4-5', CHEAP.anthropic],
  ];
  spendcap = await startSpendcap({ policy: { plans: {}, modelTiers } });
});
afterAll(() => spendcap.close());
beforeEach(() => spendcap.provider.forget());

async function charged(caller: Caller): Promise<unknown> {
  await expect.poll(() => caller.onlyCharge().catch(() => undefined)).toBeDefined();
  return caller.onlyCharge();
}

describe.each(SDK_CLIENTS)('$name', (client) => {
  const dear = DEAR[client.dialect];
  const cheap = CHEAP[client.dialect];
  const askOf = (caller: Caller, headers: Record<string, string> = {}) => ({
    url: spendcap.url,
    key: caller.key,
    model: dear,
    prompt: PROMPT,
    outputTokens: 1000,
    headers,
  });

  it.each(['plain', 'streamed'] as const)('%s: the cheaper model answers, and both are told', async (how) => {
    const caller = await spendcap.newCaller([{ limit: LIMIT[client.dialect] }]);
    const call = askOf(caller);
    const text = how === 'plain' ? await client.ask(call) : await streamed(client.stream(call));
    expect(text).toBe(TEXT);
    const [arrival, ...others] = caller.arrivals();
    expect(others).toEqual([]);
    expect(arrival!.header('x-spendcap-fallback')).toBe(cheap);
    expect(arrival!.header('x-spendcap-model')).toBe(cheap);
    expect(arrival!.header('x-spendcap-model-requested')).toBe(dear);
    expect(await charged(caller)).toMatchObject({
      model_requested: dear,
      model: cheap,
      fallback: cheap,
      outcome: 'settled',
    });
    const sent = spendcap.provider.requests();
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ model: cheap });
  });

  it('gets its usual error where it forbids that, once, and nothing is sent', async () => {
    const caller = await spendcap.newCaller([{ limit: LIMIT[client.dialect] }]);
    const refused = client.ask(askOf(caller, { 'x-spendcap-fallback': 'never' }));
    await expect(refused).rejects.toMatchObject({ status: 429 });
    expect(caller.arrivals()).toHaveLength(1);
    expect(spendcap.provider.requests()).toEqual([]);
  });
});

describe('the refusal', () => {
  it('of an OpenAI call says which model would fit, and how much of it', async () => {
    const caller = await spendcap.newCaller([{ limit: '0.0002' }]);
    const openai = new OpenAI({ baseURL: `${spendcap.url}/v1`, apiKey: caller.key });
    const refused = openai.chat.completions.create({
      model: DEAR.openai,
      max_completion_tokens: 1000,
      messages: [{ role: 'user', content: PROMPT }],
    });
    await expect(refused).rejects.toMatchObject({
      status: 429,
      code: 'insufficient_quota',
      error: { limit: { fits: { model: CHEAP.openai, max_output_tokens: expect.any(Number) as number } } },
    });
  });

  it('of an Anthropic call does, too', async () => {
    const caller = await spendcap.newCaller([{ limit: '0.00125' }]);
    const anthropic = new Anthropic({ baseURL: spendcap.url, apiKey: caller.key });
    const refused = anthropic.messages.create({
      model: DEAR.anthropic,
      max_tokens: 1000,
      messages: [{ role: 'user', content: PROMPT }],
    });
    await expect(refused).rejects.toMatchObject({
      status: 429,
      error: { error: { details: { limit: { fits: { model: CHEAP.anthropic } } } } },
    });
  });
});
