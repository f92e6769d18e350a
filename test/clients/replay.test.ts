/**
 * Repeats under one `Idempotency-Key` where the app has its answers stored: every client reads the stored answer as it
 * read the first, and one whose time-out cut the first gets it by its own retry.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { CLIENTS, streamed } from './clients.ts';
import { ANTHROPIC_MAJORS, OPENAI_MAJORS } from './majors.ts';
import { COST, MODEL, OUTPUT_TOKENS, TEXT } from './refusals.ts';

let spendcap: LocalSpendcap;
beforeAll(async () => {
  const apps = [{ id: 'web', team: 'growth', storeAnswers: { retentionHours: 1 } }];
  spendcap = await startSpendcap({ policy: { plans: {}, apps } });
});
afterAll(() => spendcap.close());

const KEY = { 'idempotency-key': 'the-same' };
const newCaller = (): Promise<Caller> => spendcap.newCaller([{ limit: '5.00' }]);
const prompt = ({ user }: Caller, directives = '') =>
  `Say hi. [[sim input=10 output=5 tag=${user} ${directives}]]`;
const sentUpstream = ({ user }: Caller): number =>
  spendcap.provider.requests().filter(({ tag }) => tag === user).length;
const replays = (caller: Caller): (string | undefined)[] =>
  caller.arrivals().map(({ header }) => header('x-spendcap-replayed'));

describe.each(CLIENTS)('$name', { concurrent: true }, ({ ask, stream, dialect }) => {
  it('reads a plain answer again', async () => {
    const caller = await newCaller();
    const call = { url: spendcap.url, key: caller.key, prompt: prompt(caller), headers: KEY };
    expect([await ask(call), await ask(call)]).toEqual([TEXT, TEXT]);
    expect(replays(caller)).toEqual([undefined, 'true']);
    expect(sentUpstream(caller)).toBe(1);
    expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled', cost_usd: COST[dialect] });
  });

  it('reads a stream again', async () => {
    const caller = await newCaller();
    const call = { url: spendcap.url, key: caller.key, prompt: prompt(caller), headers: KEY };
    expect([await streamed(stream(call)), await streamed(stream(call))]).toEqual([TEXT, TEXT]);
    expect(replays(caller)).toEqual([undefined, 'true']);
    expect(sentUpstream(caller)).toBe(1);
    expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled', cost_usd: COST[dialect] });
  });

  it('reads all of a stream that it left', async () => {
    const caller = await newCaller();
    const call = {
      url: spendcap.url,
      key: caller.key,
      prompt: prompt(caller, 'chunks=4 chunk-delay=20'),
      headers: KEY,
    };
    const pieces = stream(call);
    for (let text = ''; text === '';) text = (await pieces.next()).value as string;
    await pieces.return(undefined);
    await caller.onlyCharge();
    expect(await streamed(stream(call))).toBe(TEXT);
    expect(sentUpstream(caller)).toBe(1);
  });
});

/** The retry comes half a second after the time-out, and is told to wait as long as the call runs. */
const SLOW = 'delay=700';
const IMPATIENT = { timeout: 250, headers: KEY };

async function expectGotByRetry(caller: Caller): Promise<void> {
  expect(replays(caller).at(-1)).toBe('true');
  expect(caller.arrivals().length).toBeGreaterThan(1);
  expect(sentUpstream(caller)).toBe(1);
  await vi.waitFor(async () => expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled' }));
}

describe.each(OPENAI_MAJORS)('$sdk', { concurrent: true }, ({ OpenAI }) => {
  it('whose time-out cut the call gets the answer by its own retry', async () => {
    const caller = await newCaller();
    const client = new OpenAI({ baseURL: `${spendcap.url}/v1`, apiKey: caller.key });
    const { choices } = await client.chat.completions.create(
      {
        model: MODEL.openai,
        max_completion_tokens: OUTPUT_TOKENS,
        messages: [{ role: 'user', content: prompt(caller, SLOW) }],
      },
      IMPATIENT,
    );
    expect(choices[0]!.message.content).toBe(TEXT);
    await expectGotByRetry(caller);
  });
});

describe.each(ANTHROPIC_MAJORS)('$sdk', { concurrent: true }, ({ Anthropic }) => {
  it('whose time-out cut the call gets the answer by its own retry', async () => {
    const caller = await newCaller();
    const client = new Anthropic({ baseURL: spendcap.url, apiKey: caller.key });
    const { content } = await client.messages.create(
      {
        model: MODEL.anthropic,
        max_tokens: OUTPUT_TOKENS,
        messages: [{ role: 'user', content: prompt(caller, SLOW) }],
      },
      IMPATIENT,
    );
    expect(content).toMatchObject([{ type: 'text', text: TEXT }]);
    await expectGotByRetry(caller);
  });
});
