/**
 * Clients that leave (contract 5): the provider is drained to its usage, and the call is settled at what it cost,
 * neither at nothing nor at the hold.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { CLIENTS } from './clients.ts';
import { ANTHROPIC_MAJORS, OPENAI_MAJORS } from './majors.ts';
import { MODEL, OUTPUT_TOKENS, type Dialect } from './refusals.ts';

let spendcap: LocalSpendcap;
beforeAll(async () => {
  spendcap = await startSpendcap();
});
afterAll(() => spendcap.close());

/** 10 tokens in and 20 out. */
const COST: Record<Dialect, string> = { openai: '0.00018', anthropic: '0.00011' };

const newCaller = (): Promise<Caller> => spendcap.newCaller([{ limit: '5.00' }]);
const prompt = ({ user }: Caller, directives: string) =>
  `Say hi. [[sim input=10 output=20 tag=${user} ${directives}]]`;
const upstreamOf = ({ user }: Caller) => spendcap.provider.requests().filter(({ tag }) => tag === user);

async function expectSettledAtActual(caller: Caller, dialect: Dialect): Promise<void> {
  expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled', cost_usd: COST[dialect] });
  expect(caller.arrivals()).toHaveLength(1);
  expect(upstreamOf(caller)).toMatchObject([{ outcome: 'answered', client: 'stayed' }]);
}

describe.each(CLIENTS)('$name', { concurrent: true }, ({ ask, stream, dialect }) => {
  it('leaves a stream by its signal, after some of it', async () => {
    const caller = await newCaller();
    const leaving = new AbortController();
    const pieces = stream({
      url: spendcap.url,
      key: caller.key,
      prompt: prompt(caller, 'chunks=10 chunk-delay=20'),
      signal: leaving.signal,
    });
    for (let text = ''; text === '';) text = (await pieces.next()).value as string;
    leaving.abort();
    // Some throw, some end: the program knows that it left.
    await pieces.next().catch(() => undefined);
    await expectSettledAtActual(caller, dialect);
  });

  it('leaves a stream by no longer reading it', async () => {
    const caller = await newCaller();
    const pieces = stream({
      url: spendcap.url,
      key: caller.key,
      prompt: prompt(caller, 'chunks=10 chunk-delay=20'),
    });
    for (let text = ''; text === '';) text = (await pieces.next()).value as string;
    await pieces.return(undefined);
    await expectSettledAtActual(caller, dialect);
  });

  it('leaves a plain call by its signal, while the provider is at work', async () => {
    const caller = await newCaller();
    const leaving = new AbortController();
    const answer = ask({
      url: spendcap.url,
      key: caller.key,
      prompt: prompt(caller, 'delay=150'),
      signal: leaving.signal,
    });
    await vi.waitFor(() => expect(upstreamOf(caller)).toHaveLength(1));
    leaving.abort();
    await expect(answer).rejects.toThrow(/abort/i);
    await expectSettledAtActual(caller, dialect);
  });
});

describe.each(OPENAI_MAJORS)('$sdk', { concurrent: true }, ({ OpenAI }) => {
  const clientOf = ({ key }: Caller) => new OpenAI({ baseURL: `${spendcap.url}/v1`, apiKey: key });
  const callOf = (caller: Caller, directives: string) => ({
    model: MODEL.openai,
    max_completion_tokens: OUTPUT_TOKENS,
    messages: [{ role: 'user' as const, content: prompt(caller, directives) }],
  });

  it('stream.controller.abort()', async () => {
    const caller = await newCaller();
    const stream = await clientOf(caller).chat.completions.create({
      ...callOf(caller, 'chunks=10 chunk-delay=20'),
      stream: true,
    });
    let chunks = 0;
    for await (const { choices } of stream) {
      chunks += 1;
      if (choices[0]!.delta.content) stream.controller.abort();
    }
    expect(chunks).toBeLessThan(12);
    await expectSettledAtActual(caller, 'openai');
  });

  it('a time-out of the SDK', async () => {
    const caller = await newCaller();
    const call = clientOf(caller).chat.completions.create(callOf(caller, 'delay=500'), {
      timeout: 250,
      maxRetries: 0,
    });
    await expect(call).rejects.toBeInstanceOf(OpenAI.APIConnectionTimeoutError);
    await expectSettledAtActual(caller, 'openai');
  });

  it('a time-out with an idempotency key: its retry is told the charge, and nothing is sent twice', async () => {
    const caller = await newCaller();
    const call = clientOf(caller).chat.completions.create(callOf(caller, 'delay=400'), {
      timeout: 250,
      headers: { 'idempotency-key': 'the-same' },
    });
    await expect(call).rejects.toMatchObject({
      status: 409,
      code: 'already_charged',
      error: { charge: { cost_usd: COST.openai } },
    });
    expect(upstreamOf(caller)).toHaveLength(1);
    expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled', cost_usd: COST.openai });
  });
});

describe.each(ANTHROPIC_MAJORS)('$sdk', { concurrent: true }, ({ Anthropic }) => {
  const clientOf = ({ key }: Caller) => new Anthropic({ baseURL: spendcap.url, apiKey: key });
  const callOf = (caller: Caller, directives: string) => ({
    model: MODEL.anthropic,
    max_tokens: OUTPUT_TOKENS,
    messages: [{ role: 'user' as const, content: prompt(caller, directives) }],
  });

  it('messages.stream().abort()', async () => {
    const caller = await newCaller();
    const stream = clientOf(caller).messages.stream(callOf(caller, 'chunks=10 chunk-delay=20'));
    stream.once('text', () => stream.abort());
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIUserAbortError);
    await expectSettledAtActual(caller, 'anthropic');
  });

  it('a time-out of the SDK', async () => {
    const caller = await newCaller();
    const call = clientOf(caller).messages.create(callOf(caller, 'delay=500'), {
      timeout: 250,
      maxRetries: 0,
    });
    await expect(call).rejects.toBeInstanceOf(Anthropic.APIConnectionTimeoutError);
    await expectSettledAtActual(caller, 'anthropic');
  });
});
