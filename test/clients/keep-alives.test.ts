/** A silent provider (contract 2): what keeps the connection open disturbs no client, and a failure is still one. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startSpendcap, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { CLIENTS, streamed } from './clients.ts';
import { COST, TEXT } from './refusals.ts';

let spendcap: LocalSpendcap;
beforeAll(async () => {
  spendcap = await startSpendcap({ keepAliveMs: 10 });
  // The HTTP server prints every answer that is cut.
  vi.spyOn(console, 'error').mockReturnValue();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await spendcap.close();
});

const newCaller = (): Promise<Caller> => spendcap.newCaller([{ limit: '5.00' }]);
const callOf = ({ key }: Caller, directives: string) => ({
  url: spendcap.url,
  key,
  prompt: `Say hi. [[sim input=10 output=5 ${directives}]]`,
});

describe.each(CLIENTS)('$name', { concurrent: true }, ({ ask, stream, dialect }) => {
  const expectSettled = async (caller: Caller): Promise<void> => {
    expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled', cost_usd: COST[dialect] });
    expect(caller.arrivals()).toHaveLength(1);
  };

  it.each([
    ['silent before its first event', 'delay=80'],
    ['silent within', 'silent=80'],
    ['slow', 'chunks=4 chunk-delay=25'],
  ])('a stream that is %s', async (_, directives) => {
    const caller = await newCaller();
    expect(await streamed(stream(callOf(caller, directives)))).toBe(TEXT);
    await expectSettled(caller);
  });

  it.each([
    ['silent before its status', 'delay=80'],
    ['silent after it', 'silent=80'],
  ])('a plain answer that is %s', async (_, directives) => {
    const caller = await newCaller();
    expect(await ask(callOf(caller, directives))).toBe(TEXT);
    await expectSettled(caller);
  });

  it.each([
    ['refused late', 'delay=80 status=500', 'voided'],
    ['broken off late', 'delay=80 reset=after-20', 'presumed_spent'],
    ['never answered', 'delay=80 reset=before', 'presumed_spent'],
  ])('a plain call that is %s throws', async (_, directives, outcome) => {
    const caller = await newCaller();
    await expect(ask({ ...callOf(caller, directives), maxRetries: 0 })).rejects.toThrow();
    expect(await caller.onlyCharge()).toMatchObject({ outcome });
  });

  it.each([
    ['refused late', 'delay=80 status=500', 'voided'],
    ['never answered', 'delay=80 reset=before', 'presumed_spent'],
    ['broken off in a silence', 'silent=80 reset=after-2', 'presumed_spent'],
  ])('a stream that is %s throws', async (_, directives, outcome) => {
    const caller = await newCaller();
    await expect(streamed(stream({ ...callOf(caller, directives), maxRetries: 0 }))).rejects.toThrow();
    expect(await caller.onlyCharge()).toMatchObject({ outcome });
  });
});
