/**
 * Answers that no provider should send. Each is charged: exactly where its usage can be read, at the hold where it
 * cannot; the client gets what was sent, and the books balance.
 */
import { describe, expect, it } from 'vitest';
import { openGateway } from '../support/gateways.ts';
import { plain, streamed } from '../support/scripted-upstream.ts';
import { CALLS, messagesCall, STREAMS, type DialectCall } from './dialects.ts';

async function answered(call: DialectCall, text: string) {
  const gateway = await openGateway();
  gateway.upstream.next(plain(text));
  const response = await gateway.call(call.path, call.body, call.headers);
  const seen = await response.text();
  await gateway.settled();
  const { charge } = await gateway.viewOf(response);
  const account = await gateway.account();
  return { response, seen, charge: charge!, account, events: gateway.events };
}

/** No count, as JSON text. 2 ** 53 + 1 is no number that JSON readers keep. */
const NO_COUNTS = [
  '1e30',
  '1e400',
  '9007199254740993',
  '-1',
  '0.5',
  '1e-9',
  '"12"',
  'null',
  'true',
  '[10]',
  '{"n":10}',
];
const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;

describe.each(CALLS)('$name', (call) => {
  it.each([
    ...NO_COUNTS.map((text): [string, string, string] => [`${text} tokens`, ':10,', `:${text},`]),
    ['a usage nested 100,000 deep', '"usage":{', `"usage":{"odd":${deep},`],
    ['a body nested 100,000 deep', '"usage":{', `"odd":${deep},"usage":{`],
  ])('%s: charged at the hold', async (_, from, to) => {
    const text = call.answer.replace(from, to);
    expect(text).not.toBe(call.answer);
    const { response, seen, charge, account, events } = await answered(call, text);
    expect(response.status).toBe(200);
    expect(seen).toBe(text);
    expect(charge).toMatchObject({ outcome: 'presumed_spent', cost_usd: call.hold });
    expect(account).toMatchObject({ settled: call.hold, held: '0.00', holds: 0 });
    expect(events).toMatchObject([{ kind: 'presumed_spent' }]);
  });

  it.each([
    ['that no header can carry', 'модель'],
    ['of two lines', 'a\\r\\nset-cookie: b'],
    ['without an end', 'm'.repeat(500_000)],
    ['that is empty', ''],
  ])('a served model %s is none: the call is charged as asked', async (_, name) => {
    const { model } = JSON.parse(call.body) as { model: string };
    const { response, charge, account } = await answered(
      call,
      call.answer.replace(/"model":"[^"]+"/, `"model":"${name}"`),
    );
    expect(response.status).toBe(200);
    expect(response.headers.get('x-spendcap-model')).toBe(model);
    expect(charge).toMatchObject({ outcome: 'settled', cost_usd: call.cost, model });
    expect(account).toMatchObject({ settled: call.cost, held: '0.00', holds: 0 });
  });

  it('of a count that stands twice the last one counts, as in every reader of JSON', async () => {
    const { charge } = await answered(
      call,
      call.answer.replace(/"\w+_tokens":10,/, (count) => count.replace('10', '99') + count),
    );
    expect(charge).toMatchObject({ outcome: 'settled', cost_usd: call.cost });
  });
});

describe.each(STREAMS)('$name, streamed', (stream) => {
  it.each(NO_COUNTS)('%s tokens: charged at the hold', async (count) => {
    const gateway = await openGateway();
    const frames = stream.frames.map((frame) => frame.replace(/_tokens":5\b/, `_tokens":${count}`));
    expect(frames.join('')).not.toBe(stream.frames.join(''));
    gateway.upstream.next(streamed(frames));
    const response = await gateway.call(stream.path, stream.body, stream.headers);
    await response.text();
    await gateway.settled();
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'presumed_spent',
      cost_usd: stream.hold,
    });
    expect(await gateway.account()).toMatchObject({ settled: stream.hold, held: '0.00', holds: 0 });
  });
});

describe('messages, in their own ways', () => {
  const withUsage = (members: string): string => messagesCall.answer.replace('"usage":{', `$&${members},`);

  it.each([
    ['a tool named like a member of every object', '"server_tool_use":{"constructor_requests":1}'],
    ['a tier that is no text', '"service_tier":{"a":1}'],
    ['a tier nested 100,000 deep', `"service_tier":${deep}`],
    ['a tier without an end', `"service_tier":"${'t'.repeat(500_000)}"`],
    [
      '100,000 iterations',
      `"iterations":[${Array.from({ length: 100_000 }, () => '{"input_tokens":1,"output_tokens":1}').join()}]`,
    ],
    ['an iteration by nobody', '"iterations":[{"model":"","input_tokens":1,"output_tokens":1}]'],
  ])('%s: charged at the hold', async (_, members) => {
    const { response, charge, account } = await answered(messagesCall, withUsage(members));
    expect(response.status).toBe(200);
    expect(charge).toMatchObject({ outcome: 'presumed_spent', cost_usd: messagesCall.hold });
    expect(account).toMatchObject({ settled: messagesCall.hold, held: '0.00', holds: 0 });
  });

  it('a thousand iterations are priced one by one', async () => {
    const iteration = '{"input_tokens":1,"cache_read_input_tokens":1,"output_tokens":0}';
    const { charge } = await answered(
      messagesCall,
      withUsage(`"iterations":[${Array.from({ length: 1000 }, () => iteration).join()}]`),
    );
    // 1,000 x ($1 + $0.1) a million
    expect(charge).toMatchObject({ outcome: 'settled', cost_usd: '0.0011' });
  });
});
