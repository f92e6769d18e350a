/** Contract 2: comments on silent streams, white space before silent plain bodies; what fails after that is cut. */
import { describe, expect, it } from 'vitest';
import { openGateway } from '../support/gateways.ts';
import { LateAnswer, LiveAnswer, noAnswer, plain, streamed } from '../support/scripted-upstream.ts';
import { CALLS, STREAMS } from './dialects.ts';

type Reader = ReadableStreamDefaultReader<Uint8Array>;
const read = async (reader: Reader): Promise<string> => new TextDecoder().decode((await reader.read()).value);

describe.each(STREAMS)('a $name stream', (call) => {
  it('that is silent for 15 s gets a comment, and no time costs it anything else', async () => {
    const gateway = await openGateway();
    const answer = new LiveAnswer();
    gateway.upstream.next(answer.script);
    const response = await gateway.call(call.path, call.body, call.headers);
    const seen = response.text();
    await gateway.clock.pass(14.9);
    answer.write(call.frames[0]!);
    await gateway.clock.pass(14.9);
    answer.write(call.frames[1]!);
    await gateway.clock.pass(31);
    for (const frame of call.frames.slice(2)) answer.write(frame);
    answer.end();
    const comments = (await seen).split('\n\n').filter((frame) => frame.startsWith(':'));
    await gateway.settled();

    expect(comments).toHaveLength(2);
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'settled',
      cost_usd: call.cost,
    });
  });
});

describe.each(STREAMS)('a $name stream whose provider lets wait for its very status', (call) => {
  it('gets comments meanwhile, and then its stream', async () => {
    const gateway = await openGateway();
    const answer = new LateAnswer();
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers);
    await gateway.upstream.hasSent(1);
    await gateway.clock.pass(61);
    const response = await pending;
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const seen = response.text();
    await gateway.clock.pass(30);
    answer.arrive(streamed(call.frames));
    const text = await seen;
    await gateway.settled();

    expect(text.split('\n\n').filter((frame) => frame.startsWith(':'))).toHaveLength(3);
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'settled',
      cost_usd: call.cost,
    });
  });

  it.each([
    [
      'refuses',
      'voided',
      '0.00',
      plain('{"error": "busy"}', { status: 429 }),
      /429 instead of a stream.*busy/,
    ],
    ['breaks off', 'presumed_spent', call.hold, noAnswer, /may have billed/],
  ] as const)(
    'ends in the dialect’s error frame where it then %s',
    async (_, outcome, cost, script, said) => {
      const gateway = await openGateway();
      const answer = new LateAnswer();
      gateway.upstream.next(answer.script);
      const pending = gateway.call(call.path, call.body, call.headers);
      await gateway.upstream.hasSent(1);
      await gateway.clock.pass(61);
      const response = await pending;
      answer.arrive(script);
      expect(await response.text()).toMatch(said);
      await gateway.settled();
      expect((await gateway.viewOf(response)).charge).toMatchObject({ outcome, cost_usd: cost });
    },
  );
});

it("passes the provider's own comments on", async () => {
  const gateway = await openGateway();
  const answer = new LiveAnswer();
  gateway.upstream.next(answer.script);
  const [call] = STREAMS;
  const response = await gateway.call(call!.path, call!.body);
  answer.write(': OPENROUTER PROCESSING\n\n');
  for (const frame of call!.frames) answer.write(frame);
  answer.end();
  expect((await response.text()).startsWith(': OPENROUTER PROCESSING\n\n')).toBe(true);
});

describe.each(CALLS)('a plain $name call', (call) => {
  it('whose body is silent for 60 s gets white space before it, and is still its JSON with its cost', async () => {
    const gateway = await openGateway();
    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers);
    await gateway.upstream.hasSent(1);
    await gateway.clock.pass(60);
    const response = await pending;
    expect(response.status).toBe(200);
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe(call.hold);
    expect(response.headers.has('x-spendcap-cost-usd')).toBe(false);
    const reader = response.body!.getReader();
    expect(await read(reader)).toMatch(/^\s+$/);

    answer.write(call.answer);
    answer.end();
    let body = '';
    for (let text = await read(reader); text !== ''; text = await read(reader)) body += text;
    expect(JSON.parse(body)).toMatchObject({ usage: { cost: call.cost } });
    await gateway.settled();
    expect(await gateway.account()).toMatchObject({ settled: call.cost, held: '0.00' });
  });

  it('whose provider lets wait for its very status gets white space as well', async () => {
    const gateway = await openGateway();
    const answer = new LateAnswer();
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers);
    await gateway.upstream.hasSent(1);
    await gateway.clock.pass(61);
    answer.arrive(plain(call.answer));
    const response = await pending;
    const text = await response.text();

    expect(text).toMatch(/^\s+\{/);
    expect(JSON.parse(text)).toMatchObject({ usage: { cost: call.cost } });
    await gateway.settled();
    expect(await gateway.account()).toMatchObject({ settled: call.cost, held: '0.00' });
  });

  it.each([
    [
      'breaks off',
      'presumed_spent',
      (answer: LateAnswer) => answer.arrive(() => ({ kind: 'no_answer', reason: 'reset' })),
    ],
    ['refuses', 'voided', (answer: LateAnswer) => answer.arrive(plain(call.errorAnswer, { status: 500 }))],
  ] as const)('that %s after the white space is cut, never ended cleanly', async (_, outcome, fail) => {
    const gateway = await openGateway();
    const answer = new LateAnswer();
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers);
    await gateway.upstream.hasSent(1);
    await gateway.clock.pass(61);
    fail(answer);
    const response = await pending;
    await expect(response.text()).rejects.toThrow();
    await gateway.settled();

    const cost = outcome === 'voided' ? '0.00' : call.hold;
    expect((await gateway.viewOf(response)).charge).toMatchObject({ outcome, cost_usd: cost });
  });

  it('whose body breaks off after the white space is cut', async () => {
    const gateway = await openGateway();
    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers);
    await gateway.upstream.hasSent(1);
    await gateway.clock.pass(61);
    const response = await pending;
    answer.write(call.answer.slice(0, 10));
    answer.breakOff();
    await expect(response.text()).rejects.toThrow();
    await gateway.settled();
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'presumed_spent',
      cost_usd: call.hold,
    });
  });

  it('whose client leaves during the white space is drained for drainSeconds', async () => {
    const gateway = await openGateway();
    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers);
    await gateway.upstream.hasSent(1);
    await gateway.clock.pass(60);
    const response = await pending;
    await response.body!.cancel();
    await gateway.clock.pass(29);
    expect(answer.wasAborted).toBe(false);
    await gateway.clock.pass(2);
    expect(answer.wasAborted).toBe(true);
    await gateway.settled();
    expect((await gateway.viewOf(response)).charge).toMatchObject({ outcome: 'presumed_spent' });
  });
});
