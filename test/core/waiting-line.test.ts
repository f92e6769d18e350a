import { describe, expect, it } from 'vitest';
import { durationMs } from '../../lambdas/core/brands.ts';
import { WaitingLine } from '../../lambdas/core/admission/waiting-line.ts';
import { atRest, SteppedClock } from '../support/stepped-clock.ts';

const PATIENCE = durationMs(500);
const COMES_BACK = durationMs(1000);

/** One slot of money; `leave` gives it back. */
function world(patience = PATIENCE) {
  const clock = new SteppedClock();
  const line = new WaitingLine({ clock, patience });
  let isTaken = false;
  const log: string[] = [];
  const ahead: Record<string, number> = {};
  const call = async (
    who: string,
    { token = who, mayBeRepeat = true } = {},
  ): Promise<'admitted' | 'held'> => {
    const result = await line.run({
      name: 'alice',
      token: () => Promise.resolve(token),
      mayBeRepeat,
      attempt: (before) => {
        ahead[who] = before;
        if (isTaken) return Promise.resolve('held' as const);
        isTaken = true;
        return Promise.resolve('admitted' as const);
      },
      isWorthWaiting: (outcome) => outcome === 'held',
      comesBackIn: () => COMES_BACK,
    });
    log.push(`${who} ${result}`);
    return result;
  };
  const leave = async (): Promise<void> => {
    isTaken = false;
    line.wake('alice');
    await atRest();
  };
  return { clock, call, leave, log, ahead };
}

describe('a line for money that others hold', () => {
  it('serves in order of arrival, at once when something is given back', async () => {
    const { call, leave, log } = world();
    const calls = ['a', 'b', 'c', 'd'].map((who) => call(who));
    await atRest();
    expect(log).toEqual(['a admitted']);
    await leave();
    await leave();
    await leave();
    await Promise.all(calls);
    expect(log).toEqual(['a admitted', 'b admitted', 'c admitted', 'd admitted']);
  });

  it('lets a newcomer wait behind those who were there, even when it comes first to free money', async () => {
    const { clock, call, leave, log } = world();
    const first = call('a');
    const second = call('b');
    await atRest();
    const third = call('c');
    await leave();
    await clock.pass(0.6);
    await Promise.all([first, second, third]);
    expect(log).toEqual(['a admitted', 'b admitted', 'c held']);
  });

  it('ends the wait after its patience, and says how many are ahead', async () => {
    const { clock, call, log, ahead } = world();
    void call('a');
    await atRest();
    const waiting = [call('b'), call('c'), call('d')];
    await clock.pass(0.499);
    expect(log).toEqual(['a admitted']);
    await clock.pass(0.001);
    await Promise.all(waiting);
    expect(log.sort()).toEqual(['a admitted', 'b held', 'c held', 'd held']);
    expect(ahead).toMatchObject({ b: 0, c: 1, d: 2 });
  });

  it('keeps the place of a call whose client comes back', async () => {
    const { clock, call, leave, log } = world();
    void call('a');
    await atRest();
    const early = call('b');
    await clock.pass(0.5);
    expect(await early).toBe('held');
    const late = call('c');
    await clock.pass(0.2);
    const again = call('b');
    await atRest();
    await leave();
    expect(await again).toBe('admitted');
    await clock.pass(0.5);
    expect(await late).toBe('held');
    expect(log).toEqual(['a admitted', 'b held', 'b admitted', 'c held']);
  });

  it('gives a kept place to nobody who is here for the first time', async () => {
    const { clock, call, leave, log } = world();
    void call('a');
    await atRest();
    const early = call('b', { token: 'same' });
    await clock.pass(0.5);
    await early;
    const behind = call('c');
    const stranger = call('d', { token: 'same', mayBeRepeat: false });
    await atRest();
    await leave();
    await clock.pass(0.5);
    await Promise.all([behind, stranger]);
    expect(log).toEqual(['a admitted', 'b held', 'c admitted', 'd held']);
  });

  it('forgets the place of a client that does not come back', async () => {
    const { clock, call, ahead } = world();
    void call('a');
    await atRest();
    const gone = call('b');
    await clock.pass(0.5);
    await gone;
    await clock.pass(3.1);
    const next = call('c');
    await clock.pass(0.5);
    await next;
    expect(ahead['c']).toBe(0);
  });

  it('looks for itself now and then: other processes give back without a word', async () => {
    const clock = new SteppedClock();
    const line = new WaitingLine({ clock, patience: PATIENCE });
    const attempts: number[] = [];
    const run = line.run({
      name: 'alice',
      token: () => Promise.resolve('t'),
      mayBeRepeat: true,
      attempt: () => Promise.resolve(attempts.push(clock.now())),
      isWorthWaiting: (count) => count < 4,
      comesBackIn: () => COMES_BACK,
    });
    await clock.pass(0.3);
    expect(await run).toBe(4);
    expect(attempts.map((at) => at - attempts[0]!)).toEqual([0, 100, 200, 300]);
  });

  it('without patience is no line', async () => {
    const { call } = world(durationMs(0));
    expect(await call('a')).toBe('admitted');
    expect(await call('b')).toBe('held');
  });

  it('a failing attempt fails its call and nobody else’s', async () => {
    const clock = new SteppedClock();
    const line = new WaitingLine({ clock, patience: PATIENCE });
    const waiting = {
      name: 'alice',
      token: () => Promise.resolve('t'),
      mayBeRepeat: false,
      isWorthWaiting: (result: string) => result === 'held',
      comesBackIn: () => COMES_BACK,
    };
    let tries = 0;
    const broken = line.run({
      ...waiting,
      attempt: () => ((tries += 1) > 1 ? Promise.reject(new Error('down')) : Promise.resolve('held')),
    });
    const failing = expect(broken).rejects.toThrow('down');
    await atRest();
    const next = line.run({ ...waiting, attempt: () => Promise.resolve('admitted') });
    await clock.pass(0.2);
    await failing;
    expect(await next).toBe('admitted');
  });
});
