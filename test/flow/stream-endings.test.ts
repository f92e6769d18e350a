/** Contract 5, "How a call ends in the ledger", for streams; a stream that fails never ends with a clean close. */
import { describe, expect, it } from 'vitest';
import { openGateway } from '../support/gateways.ts';
import { LateAnswer, LiveAnswer, noAnswer, notSent, plain, streamed } from '../support/scripted-upstream.ts';
import { atRest } from '../support/stepped-clock.ts';
import { CALLS, STREAMS, type DialectStream } from './dialects.ts';

/** Opens a stream, writes its first frames and hands over both ends. */
async function midStream(call: DialectStream, frames: number, drainSeconds = 30) {
  const gateway = await openGateway({ policy: { drainSeconds } });
  const answer = new LiveAnswer();
  gateway.upstream.next(answer.script);
  const response = await gateway.call(call.path, call.body, call.headers);
  for (const frame of call.frames.slice(0, frames)) answer.write(frame);
  return { gateway, answer, response };
}

interface Ending {
  upstream: string;
  frames: (call: DialectStream) => string[];
  outcome: string;
  charged: (call: DialectStream) => string;
  isBroken: boolean;
  /** Why nobody knew what it cost. */
  reason?: string;
}
const byHold = (call: DialectStream): string => call.hold;

const ENDINGS: Ending[] = [
  {
    upstream: 'completes',
    frames: ({ frames }) => frames,
    outcome: 'settled',
    charged: ({ cost }) => cost,
    isBroken: false,
  },
  {
    upstream: 'completes without usage',
    frames: ({ framesWithoutUsage }) => framesWithoutUsage,
    outcome: 'presumed_spent',
    charged: byHold,
    isBroken: false,
    reason: 'usage',
  },
  {
    upstream: 'sends unreadable usage',
    frames: ({ frames }) => frames.map((frame) => frame.replace('tokens":10', 'tokens":"ten"')),
    outcome: 'presumed_spent',
    charged: byHold,
    isBroken: false,
    reason: 'its usage cannot be read: usage',
  },
  {
    upstream: 'bills more than the hold',
    frames: ({ overrunFrames }) => overrunFrames,
    outcome: 'overrun',
    charged: ({ overrunCost }) => overrunCost,
    isBroken: false,
  },
  {
    upstream: 'ends early',
    frames: ({ frames }) => frames.slice(0, 1),
    outcome: 'presumed_spent',
    charged: byHold,
    isBroken: true,
    reason: 'the stream ended early',
  },
  {
    upstream: 'ends before its first frame',
    frames: () => [],
    outcome: 'presumed_spent',
    charged: byHold,
    isBroken: true,
    reason: 'the stream ended early',
  },
  {
    upstream: 'ends within a frame',
    frames: ({ frames }) => [...frames.slice(0, -1), frames.at(-1)!.slice(0, -12)],
    outcome: 'presumed_spent',
    charged: byHold,
    isBroken: true,
    reason: 'the stream ended early',
  },
];

describe.each(STREAMS)('$name', (call) => {
  // A chat stream is whole once it told its finish and its usage, with [DONE] or without.
  const endings = ENDINGS.filter(
    ({ upstream }) => call.name !== 'chat' || upstream !== 'ends within a frame',
  );

  it.each(endings)('upstream $upstream: $outcome', async ({ frames, outcome, charged, isBroken, reason }) => {
    const gateway = await openGateway();
    gateway.upstream.next(streamed(frames(call)));
    const response = await gateway.call(call.path, call.body, call.headers);
    const seen = await response.text();
    await gateway.settled();

    expect(response.status).toBe(200);
    if (isBroken) expect(seen).toMatch(call.brokenEnd);
    else expect(seen).not.toMatch(call.brokenEnd);
    const { charge } = await gateway.viewOf(response);
    expect(charge).toMatchObject({ outcome, cost_usd: charged(call), reserved_usd: call.hold });
    expect(charge!.reason).toEqual(reason === undefined ? null : expect.stringContaining(reason));
    expect(await gateway.account()).toMatchObject({ settled: charged(call), held: '0.00', holds: 0 });
    expect(gateway.upstream.sent).toHaveLength(1);
  });

  it.each([
    ['refuses the connection', notSent, 502, 'voided'],
    ['does not answer', noAnswer, 504, 'presumed_spent'],
    ['answers 429', plain('{"error":1.0}', { status: 429 }), 429, 'voided'],
    ['answers 529', plain('{"error":1.0}', { status: 529 }), 529, 'voided'],
    ['answers 504', plain('{"error":1.0}', { status: 504 }), 504, 'presumed_spent'],
  ] as const)('upstream %s before the stream began', async (_, script, status, outcome) => {
    const gateway = await openGateway();
    gateway.upstream.next(script);
    const response = await gateway.call(call.path, call.body, call.headers);
    const cost = outcome === 'voided' ? '0.00' : call.hold;

    expect(response.status).toBe(status);
    expect((await gateway.viewOf(response)).charge).toMatchObject({ outcome, cost_usd: cost });
    expect(await gateway.account()).toMatchObject({ settled: cost, held: '0.00' });
  });

  it('a reset in mid-stream is charged at the hold and ends with the error frame of the dialect', async () => {
    const { gateway, answer, response } = await midStream(call, 1);
    await atRest();
    answer.breakOff();
    const seen = await response.text();
    await gateway.settled();

    expect(seen.startsWith(call.frames[0]!.slice(0, 20))).toBe(true);
    expect(seen).toMatch(call.brokenEnd);
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'presumed_spent',
      cost_usd: call.hold,
      reason: expect.stringContaining('the stream broke (') as string,
    });
  });

  it("the provider's own error frame is passed on, and no second one follows", async () => {
    const { gateway, answer, response } = await midStream(call, 1);
    answer.write(call.providerError);
    answer.end();
    const seen = await response.text();
    await gateway.settled();

    expect(seen.endsWith(call.providerError)).toBe(true);
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'presumed_spent',
      cost_usd: call.hold,
    });
  });

  it('whoever has seen the end has been charged', async () => {
    const { gateway, answer, response } = await midStream(call, call.frames.length);
    await response.text();
    expect(await gateway.account()).toMatchObject({ settled: call.cost, held: '0.00', holds: 0 });
    answer.end();
    await gateway.settled();
    expect(answer.wasAborted).toBe(false);
  });

  it('is held, and visible as in flight, while it runs', async () => {
    const { gateway, answer, response } = await midStream(call, 1);
    const { status, hold, charge } = await gateway.viewOf(response);
    expect({ status, charge }).toEqual({ status: 'in_flight', charge: null });
    expect(hold).toMatchObject({ reserved_usd: call.hold });
    expect(await gateway.account()).toMatchObject({ settled: '0.00', held: call.hold, holds: 1 });
    answer.end();
    await response.text();
  });

  it('a client that leaves in mid-stream is drained to the usage and settled', async () => {
    const { gateway, answer, response } = await midStream(call, 1);
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await gateway.clock.pass(29);
    expect(answer.wasAborted).toBe(false);
    for (const frame of call.frames.slice(1)) answer.write(frame);
    answer.end();
    await gateway.settled();

    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'settled',
      cost_usd: call.cost,
    });
    expect(await gateway.account()).toMatchObject({ settled: call.cost, held: '0.00', holds: 0 });
  });

  it('a client that leaves is drained for drainSeconds only, then the hold is charged', async () => {
    const { gateway, answer, response } = await midStream(call, 1, 7);
    await response.body!.cancel();
    await gateway.clock.pass(6.9);
    expect(answer.wasAborted).toBe(false);
    await gateway.clock.pass(0.2);
    expect(answer.wasAborted).toBe(true);
    await gateway.settled();

    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'presumed_spent',
      cost_usd: call.hold,
    });
    expect(await gateway.account()).toMatchObject({ settled: call.hold, held: '0.00', holds: 0 });
  });
});

describe.each(STREAMS)('$name, seen from a host that only aborts the request', (call) => {
  it('a client that left before the provider answered is drained and settled', async () => {
    const gateway = await openGateway();
    const [answer, client] = [new LateAnswer(), new AbortController()];
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers, client.signal);
    await gateway.upstream.hasSent(1);
    client.abort();
    answer.arrive(streamed([...call.frames]));
    const response = await pending;
    await gateway.settled();
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'settled',
      cost_usd: call.cost,
    });
  });

  it('nor does a provider that never answers keep the hold beyond drainSeconds', async () => {
    const gateway = await openGateway();
    const [answer, client] = [new LateAnswer(), new AbortController()];
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers, client.signal);
    await gateway.upstream.hasSent(1);
    client.abort();
    await gateway.clock.pass(31);
    const response = await pending;
    await gateway.settled();
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'presumed_spent',
      cost_usd: call.hold,
    });
  });

  it('a client that stopped reading and then left is drained and settled', async () => {
    const gateway = await openGateway();
    const [answer, client] = [new LiveAnswer(), new AbortController()];
    gateway.upstream.next(answer.script);
    const response = await gateway.call(call.path, call.body, call.headers, client.signal);
    for (const frame of call.frames) answer.write(frame);
    await atRest();
    client.abort();
    answer.end();
    await gateway.settled();
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'settled',
      cost_usd: call.cost,
    });
  });
});

describe('chat without [DONE]', () => {
  it('is complete once finish and usage were told, as compatible providers leave it', async () => {
    const gateway = await openGateway();
    const [call] = STREAMS;
    gateway.upstream.next(streamed(call!.frames.slice(0, -1)));
    const response = await gateway.call(call!.path, call!.body);
    await response.text();
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'settled',
      cost_usd: '0.00006',
    });
  });
});

describe('when the table fails after the provider answered', () => {
  it('the charge is written as soon as the table is back', async () => {
    const gateway = await openGateway();
    const [call] = CALLS;
    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call!.path, call!.body);
    await gateway.upstream.hasSent(1);
    gateway.setTableDown(true);
    answer.write(call!.answer);
    answer.end();
    const response = await pending;
    expect(response.status).toBe(200);
    gateway.setTableDown(false);
    await gateway.clock.pass(1);
    await gateway.settled();
    expect(await gateway.account()).toMatchObject({ settled: '0.00006', held: '0.00', holds: 0 });
  });

  it('and stays away, the hold stands for the collector and operators are told', async () => {
    const gateway = await openGateway();
    const [call] = CALLS;
    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call!.path, call!.body);
    await gateway.upstream.hasSent(1);
    gateway.setTableDown(true);
    answer.write(call!.answer);
    answer.end();
    await pending;
    await gateway.clock.pass(60);
    await gateway.settled();
    expect(gateway.events).toMatchObject([{ kind: 'charge_not_written' }]);
    gateway.setTableDown(false);
    expect(await gateway.account()).toMatchObject({ settled: '0.00', held: '0.008172', holds: 1 });
  });
});
