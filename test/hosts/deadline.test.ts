/** The end of an invocation, and of what it still has to do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TableUnavailable } from '../../lambdas/core/ports.ts';
import { HostedCall } from '../../lambdas/proxy/hosted-call.ts';
import { startDeadline } from '../../lambdas/runtime/deadline.ts';
import { atRest, SteppedClock } from '../support/stepped-clock.ts';
import { contextOf, openLambdaWorld, restEvent, type LambdaWorld } from './lambda-world.ts';

describe('the deadline', () => {
  async function passing(remainingSeconds: number, seconds: number) {
    const clock = new SteppedClock();
    const deadline = startDeadline(remainingSeconds * 1000, clock);
    let isLast = false;
    void deadline.last.then(() => (isLast = true));
    await clock.pass(seconds);
    await atRest();
    return [deadline.upstream.aborted, deadline.client.aborted, isLast];
  }

  it.each([
    [900, 889, [false, false, false]],
    [900, 890, [true, false, false]],
    [900, 892, [true, true, false]],
    [900, 899, [true, true, true]],
    [10, 4.9, [false, false, false]],
    [10, 5, [true, false, false]],
    [10, 6, [true, true, false]],
    [10, 9.5, [true, true, true]],
  ])('of %d s, after %d s', async (remaining, seconds, told) => {
    expect(await passing(remaining, seconds)).toEqual(told);
  });

  it('tells nobody after it was cleared', async () => {
    const clock = new SteppedClock();
    const deadline = startDeadline(900_000, clock);
    deadline.clear();
    await clock.pass(900);
    expect([deadline.upstream.aborted, deadline.client.aborted]).toEqual([false, false]);
  });
});

describe('a call', () => {
  let world: LambdaWorld;
  beforeAll(async () => {
    world = await openLambdaWorld();
  });
  afterAll(() => world.close());

  async function answered(gateway: LambdaWorld['gateway'], remainingMs: number) {
    const lines: Record<string, unknown>[] = [];
    const body = JSON.stringify({
      model: 'gpt-5-mini',
      messages: [{ role: 'user', content: '[[sim output=8]] Hello' }],
      max_completion_tokens: 100,
    });
    const headers = { authorization: `Bearer ${world.key}` };
    const event = restEvent({ path: '/v1/chat/completions', headers, body });
    const call = new HostedCall(
      { gateway: () => gateway, log: (line) => lines.push(line) },
      event,
      contextOf(remainingMs),
    );
    return { answer: await call.answer(), call, lines };
  }

  it('ends once, however often it is ended', async () => {
    const { call, lines } = await answered(world.gateway, 900_000);
    await Promise.all([call.end(), call.end()]);
    await call.end();
    expect(lines.map(({ kind }) => kind)).toEqual(['call']);
  });

  it('that cannot be settled in time is given up shortly before the end, and said so', async () => {
    const down = (): Promise<never> => Promise.reject(new TableUnavailable('down'));
    const ledger = new Proxy(world.gateway.ledger, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (name === 'finish') return down;
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
    const begunAt = performance.now();
    const { answer, call, lines } = await answered({ ...world.gateway, ledger }, 2000);
    expect(answer.statusCode).toBe(200);
    await call.end();
    expect(performance.now() - begunAt).toBeLessThan(2000);
    expect(lines.map(({ kind }) => kind)).toEqual(['failed', 'call']);
    expect(lines[0]!['reason']).toMatch(/not settled before the deadline/);
  });
});
