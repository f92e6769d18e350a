/**
 * Refusals that pass by themselves (contract 5): the client's own retry succeeds once the cause has passed, after
 * the wait that we named.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import { startSpendcap, type Arrival, type Caller, type LocalSpendcap } from '../support/local-spendcap.ts';
import { CLIENTS } from './clients.ts';
import { COST, ONE_CALL, TEXT } from './refusals.ts';

let spendcap: LocalSpendcap;
/** Users whose next call meets a ledger that cannot be reached. */
const unreachableFor = new Set<string | null>();

beforeAll(async () => {
  // Calls that others' holds stand in the way of would wait at the gateway first.
  spendcap = await startSpendcap({ policy: { plans: {}, heldWaitMs: 0 } });
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called below with the `this` that it had
  const { reserve } = Ledger.prototype;
  vi.spyOn(Ledger.prototype, 'reserve').mockImplementation(async function (this: Ledger, call) {
    if (unreachableFor.delete(call.info.us)) return { kind: 'unavailable', reason: 'for a test' };
    return reserve.call(this, call);
  });
});
afterAll(async () => {
  vi.restoreAllMocks();
  await spendcap.close();
});

/** The tag tells whose call arrived at the provider. */
const quick = ({ user }: Caller) => `Say hi. [[sim input=10 output=5 tag=${user}]]`;
/** Long enough for a second call to come in between, also on a busy machine. */
const slow = ({ user }: Caller) => `Say hi. [[sim input=10 output=5 delay=400 tag=${user}]]`;
const sentUpstream = ({ user }: Caller): number =>
  spendcap.provider.requests().filter(({ tag }) => tag === user).length;

/** Waits double from at least 100 ms on, so that these outlast the slow call by far. */
const PATIENT = 6;

const answeredWith = (caller: Caller, status: number): number =>
  caller.arrivals().filter((arrival) => arrival.status() === status).length;

/** What a refusal asks for in milliseconds, as the SDKs read it. */
const waitAskedFor = ({ header }: Arrival): number =>
  Number(header('retry-after-ms') ?? Number(header('retry-after')) * 1000);

function expectWaited(refused: Arrival, again: Arrival): void {
  expect(refused.header('x-should-retry')).toBeUndefined();
  expect(Number(refused.header('retry-after'))).toBeGreaterThanOrEqual(1);
  // Less the grain of timers.
  expect(again.atMs - refused.atMs).toBeGreaterThanOrEqual(waitAskedFor(refused) - 2);
}

describe.each(CLIENTS)('$name', { concurrent: true }, ({ name, ask, dialect }) => {
  const isLangChain = name.startsWith('langchain');

  it.each([
    ['held', (limit: string) => [{ limit }]],
    ['throttled', () => [{ metric: 'concurrent', limit: '1' }, { limit: '5.00' }]],
  ])('%s: comes through when the call in flight has settled', async (_, caps) => {
    const caller = await spendcap.newCaller(caps(ONE_CALL[dialect]));
    const call = { url: spendcap.url, key: caller.key };
    const first = ask({ ...call, prompt: slow(caller) });
    await vi.waitFor(() => expect(sentUpstream(caller)).toBe(1));

    // LangChain waits by its own clock, a second and more.
    const patience = isLangChain ? {} : { maxRetries: PATIENT };
    const second = await ask({ ...call, prompt: quick(caller), ...patience });
    expect([await first, second]).toEqual([TEXT, TEXT]);
    const [, refused, again] = caller.arrivals();
    expect(refused!.status()).toBe(429);
    expectWaited(refused!, again!);
    expect(answeredWith(caller, 200)).toBe(2);
    expect(sentUpstream(caller)).toBe(2);
  });

  it('ledger_unavailable: comes through when the ledger is back', async () => {
    const caller = await spendcap.newCaller([{ limit: '5.00' }]);
    unreachableFor.add(caller.user);
    expect(await ask({ url: spendcap.url, key: caller.key, prompt: quick(caller) })).toBe(TEXT);

    const [refused, again] = caller.arrivals();
    expect([refused!.status(), again!.status()]).toEqual([503, 200]);
    expect(refused!.header('retry-after')).toBe('1');
    expectWaited(refused!, again!);
    expect(sentUpstream(caller)).toBe(1);
    expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled', cost_usd: COST[dialect] });
  });

  it('in_flight: never sent twice, and told the charge when there is one', async () => {
    const caller = await spendcap.newCaller([{ limit: '5.00' }]);
    const headers = { 'idempotency-key': 'the-same' };
    const call = { url: spendcap.url, key: caller.key, prompt: slow(caller), headers };
    const first = ask(call);
    await vi.waitFor(() => expect(sentUpstream(caller)).toBe(1));

    // LangChain takes any 409 as final, the AI SDK none: without a limit it would ask once more for the charge.
    const told = isLangChain ? /is in flight \(request req_\w+\)/ : /was used and charged by request req_\w+/;
    const patience = name.startsWith('ai 7') ? { maxRetries: 1 } : {};
    await expect(ask({ ...call, ...patience })).rejects.toThrow(told);
    expect(await first).toBe(TEXT);
    const [, refused, again] = caller.arrivals();
    expect(refused!.status()).toBe(409);
    expect(refused!.header('retry-after')).toBe('1');
    if (again) expectWaited(refused!, again);
    expect(sentUpstream(caller)).toBe(1);
    expect(await caller.onlyCharge()).toMatchObject({ outcome: 'settled', cost_usd: COST[dialect] });
  });
});
