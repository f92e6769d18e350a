/** Stored answers: a repeat of a charged call gets what the first request got, and nothing is sent or charged again. */
import { describe, expect, it, vi } from 'vitest';
import { collectLeaf } from '../../lambdas/core/ledger/collect.ts';
import { everyItem } from '../../lambdas/core/pages.ts';
import type { Item, WriteOutcome } from '../../lambdas/core/ports.ts';
import { openGateway, userCap, type GatewayOptions, type TestGateway } from '../support/gateways.ts';
import { LiveAnswer, noAnswer, notSent, plain, streamed, type Script } from '../support/scripted-upstream.ts';
import { alice, hours, SeededIds } from '../support/worlds.ts';
import { CALLS, chatCall, chatStream, messagesCall, STREAMS, type DialectCall } from './dialects.ts';

const STORING: GatewayOptions = {
  policy: { apps: [{ id: 'web', team: 'growth', storeAnswers: { retentionHours: 24 } }] },
};
const KEY = { 'idempotency-key': 'k1' };

/** A text that does not shrink. */
const noise = (length: number): string => {
  const ids = new SeededIds();
  let text = '';
  while (text.length < length) text += ids.randomBits(1600).toString(36);
  return text.slice(0, length);
};

type Asked = Pick<DialectCall, 'path' | 'body' | 'headers'>;

async function ask(gateway: TestGateway, { path, body, headers }: Asked, more: Record<string, string> = KEY) {
  const response = await gateway.call(path, body, { ...headers, ...more });
  const text = await response.text();
  await gateway.settled();
  return { status: response.status, headers: response.headers, text };
}
type Answered = Awaited<ReturnType<typeof ask>>;

const isReplayed = ({ headers }: Answered): boolean => headers.get('x-spendcap-replayed') === 'true';
const codeOf = ({ text }: Answered): string => {
  const { error } = JSON.parse(text) as { error: { code?: string; details?: { code: string } } };
  return error.code ?? error.details!.code;
};

async function storedItems({ table }: TestGateway): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of everyItem((at) => table.scan(at))) {
    if ((item['pk'] as string).startsWith('R#')) found.push(item);
  }
  return found;
}

/** A gateway on which the call was answered once, whole. */
async function answeredOnce(call: DialectCall, script: Script = plain(call.answer), options = STORING) {
  const gateway = await openGateway(options);
  gateway.upstream.next(script);
  const first = await ask(gateway, call);
  return { gateway, first };
}

/** From now on puts of such items end as told; resolves once there was one. */
function insteadOfPuts({ table }: TestGateway, prefix: string, outcome: Promise<WriteOutcome>) {
  const put = table.put.bind(table);
  let begin!: () => void;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const spy = vi.spyOn(table, 'put').mockImplementation((write) => {
    if (!write.item.pk.startsWith(prefix)) return put(write);
    begin();
    return outcome;
  });
  return { begun, end: () => spy.mockRestore() };
}
const never = new Promise<never>(() => undefined);

async function expectChargedOnce(gateway: TestGateway, costUsd: string): Promise<void> {
  expect(gateway.upstream.sent).toHaveLength(1);
  expect(await gateway.account()).toMatchObject({ settled: costUsd, held: '0.00', holds: 0 });
}

/** What a repeat tells as the first answer did: all but whose request it is and what is left of which cap. */
const lasting = ({ headers }: Answered): [string, string][] =>
  [...headers].filter(
    ([name]) => !/^(x-spendcap-(request-id|replayed|cap|stage)|anthropic-ratelimit-)/.test(name),
  );

describe.each(CALLS)('$name, plain', (call) => {
  it('is answered again as it was, at no cost', async () => {
    const headers = { 'x-request-id': 'of-the-provider', date: 'Tue, 24 Nov 2026 12:00:00 GMT' };
    const { gateway, first } = await answeredOnce(call, plain(call.answer, { headers }));
    await gateway.clock.pass(3600);
    const again = await ask(gateway, call);

    expect(isReplayed(first)).toBe(false);
    expect(isReplayed(again)).toBe(true);
    expect({ status: again.status, text: again.text }).toEqual({ status: 200, text: first.text });
    expect(lasting(again)).toEqual(lasting(first).filter(([name]) => name !== 'date'));
    expect(again.headers.get('x-spendcap-cost-usd')).toBe(call.cost);
    expect(again.headers.get('x-request-id')).toBe('of-the-provider');
    expect(again.headers.get('x-spendcap-request-id')).not.toBe(first.headers.get('x-spendcap-request-id'));
    await expectChargedOnce(gateway, call.cost);
    expect(gateway.events).toEqual([]);
  });
});

describe.each(STREAMS)('$name, streamed', (call) => {
  it('is answered again as it was, at no cost, and with its cost in a header', async () => {
    const gateway = await openGateway(STORING);
    gateway.upstream.next(streamed(call.frames));
    const first = await ask(gateway, call);
    const again = await ask(gateway, call);

    expect(isReplayed(again)).toBe(true);
    expect(again.text).toBe(first.text);
    expect(again.headers.get('content-type')).toBe('text/event-stream');
    expect(lasting(again)).toEqual([...lasting(first), ['x-spendcap-cost-usd', call.cost]].sort());
    await expectChargedOnce(gateway, call.cost);
  });

  it('of which its client saw only the beginning, is there whole for the repeat', async () => {
    const gateway = await openGateway(STORING);
    const answer = new LiveAnswer();
    gateway.upstream.next(answer.script);
    const response = await gateway.call(call.path, call.body, { ...call.headers, ...KEY });
    answer.write(call.frames[0]!);
    const reader = response.body!.getReader();
    const begun = new TextDecoder().decode((await reader.read()).value);
    await reader.cancel();
    for (const frame of call.frames.slice(1)) answer.write(frame);
    answer.end();
    await gateway.settled();

    const again = await ask(gateway, call);
    expect(isReplayed(again)).toBe(true);
    expect(again.text.startsWith(begun)).toBe(true);
    expect(again.text.length).toBeGreaterThan(begun.length);
    await expectChargedOnce(gateway, call.cost);
  });

  it('is not stored with what kept its connection open', async () => {
    const gateway = await openGateway(STORING);
    const answer = new LiveAnswer();
    gateway.upstream.next(answer.script);
    const pending = ask(gateway, call);
    await gateway.upstream.hasSent(1);
    answer.write(call.frames[0]!);
    await gateway.clock.pass(16);
    for (const frame of call.frames.slice(1)) answer.write(frame);
    answer.end();
    expect((await pending).text).toContain(': keep-alive');
    const again = await ask(gateway, call);
    expect(isReplayed(again)).toBe(true);
    expect(again.text).not.toContain(': keep-alive');
  });

  it.each([
    ['breaks off', (frames: string[]) => streamed(frames.slice(0, 1))],
    ['ends in an error of the provider', (frames: string[]) => streamed([frames[0]!, call.providerError])],
  ])('that %s is not given again: the repeat is told its charge', async (_, script) => {
    const gateway = await openGateway(STORING);
    gateway.upstream.next(script(call.frames));
    await ask(gateway, call);
    expect(await storedItems(gateway)).toEqual([]);
    const again = await ask(gateway, call);
    expect([again.status, codeOf(again)]).toEqual([409, 'already_charged']);
    await expectChargedOnce(gateway, call.hold);
  });

  it('without a usage is charged at its hold, and given again', async () => {
    const gateway = await openGateway(STORING);
    gateway.upstream.next(streamed(call.framesWithoutUsage));
    const first = await ask(gateway, call);
    const again = await ask(gateway, call);
    expect(isReplayed(again)).toBe(true);
    expect(again.text).toBe(first.text);
    expect(again.headers.get('x-spendcap-cost-usd')).toBe(call.hold);
    await expectChargedOnce(gateway, call.hold);
  });
});

describe('is not stored, so that a repeat is told its charge,', () => {
  const expectTold = async (gateway: TestGateway): Promise<void> => {
    expect(await storedItems(gateway)).toEqual([]);
    const again = await ask(gateway, chatCall);
    expect([again.status, codeOf(again)]).toEqual([409, 'already_charged']);
    expect(again.headers.get('x-should-retry')).toBe('false');
    expect(JSON.parse(again.text)).toMatchObject({ error: { charge: { outcome: 'settled' } } });
    expect(gateway.upstream.sent).toHaveLength(1);
  };

  it.each<[string, GatewayOptions]>([
    ['where the policy does not say so', {}],
    ['where the app does not', { policy: { apps: [{ id: 'web', team: 'growth' }] } }],
    [
      'where only another app does',
      { policy: { apps: [{ id: 'other', team: 'growth', storeAnswers: { retentionHours: 1 } }] } },
    ],
  ])('an answer %s', async (_, options) => {
    await expectTold((await answeredOnce(chatCall, plain(chatCall.answer), options)).gateway);
  });

  it('a call without a key leaves nothing behind', async () => {
    const gateway = await openGateway(STORING);
    gateway.upstream.next(plain(chatCall.answer), streamed(chatStream.frames));
    await ask(gateway, chatCall, {});
    await ask(gateway, chatStream, {});
    expect(await storedItems(gateway)).toEqual([]);
  });

  const answerOf = (content: string): string =>
    chatCall.answer.replace('"choices":[]', `"choices":[{"message":{"content":"${content}"}}]`);

  it.each([
    ['what shrinks to less than an item holds', answerOf('Hi. '.repeat(400_000)), true],
    ['what does not shrink to an item', answerOf(noise(800_000)), false],
    ['what is too much to be collected', answerOf('Hi. '.repeat(600_000)), false],
  ])('%s: %#', async (_, text, isStored) => {
    const { gateway, first } = await answeredOnce(chatCall, plain(text));
    expect(first.status).toBe(200);
    expect(gateway.events).toEqual([]);
    if (!isStored) return expectTold(gateway);
    const again = await ask(gateway, chatCall);
    expect(again.text === first.text && isReplayed(again)).toBe(true);
    return expectChargedOnce(gateway, chatCall.cost);
  });

  it('a stream that is too much to be collected', async () => {
    const gateway = await openGateway(STORING);
    const delta = chatStream.frames[0]!.replace('"Hi"', `"${'Hi. '.repeat(1000)}"`);
    gateway.upstream.next(streamed([...Array<string>(600).fill(delta), ...chatStream.frames]));
    await ask(gateway, chatStream);
    expect(await storedItems(gateway)).toEqual([]);
    expect(codeOf(await ask(gateway, chatStream))).toBe('already_charged');
  });

  it.each<[string, (gateway: TestGateway) => unknown]>([
    ['its key cannot be had', (gateway) => gateway.setAnswerKey(undefined)],
    ['its key is too short', (gateway) => gateway.setAnswerKey('short')],
    [
      'the table does not take it',
      (gateway) =>
        insteadOfPuts(gateway, 'R#', Promise.resolve({ kind: 'unavailable', unanswered: 8, reason: 'lost' })),
    ],
  ])('%s: the call is none the worse for it, and operators hear of it', async (_, breakIt) => {
    const gateway = await openGateway(STORING);
    breakIt(gateway);
    gateway.upstream.next(plain(chatCall.answer));
    const first = await ask(gateway, chatCall);
    expect([first.status, first.headers.get('x-spendcap-cost-usd')]).toEqual([200, chatCall.cost]);
    expect(gateway.events).toMatchObject([{ kind: 'answer_not_stored' }]);
    expect(first.headers.get('x-spendcap-request-id')).toBe(
      (gateway.events[0] as { requestId: string }).requestId,
    );
    await expectTold(gateway);
  });

  it('what the table takes more than a second for', async () => {
    const gateway = await openGateway(STORING);
    const { begun } = insteadOfPuts(gateway, 'R#', never);
    gateway.upstream.next(plain(chatCall.answer));
    const pending = ask(gateway, chatCall);
    await begun;
    await gateway.clock.pass(0.9);
    expect(await gateway.account()).toMatchObject({ holds: 1 });
    await gateway.clock.pass(0.2);
    expect((await pending).status).toBe(200);
    expect(gateway.events).toMatchObject([{ kind: 'answer_not_stored', reason: 'it took too long' }]);
    await expectTold(gateway);
  });
});

describe('a stored answer is not given', () => {
  it('after its time, whether or not the table has deleted it', async () => {
    const { gateway } = await answeredOnce(chatCall);
    await gateway.clock.pass(24 * 3600 - 1);
    expect(isReplayed(await ask(gateway, chatCall))).toBe(true);
    await gateway.clock.pass(1);
    expect(await storedItems(gateway)).toHaveLength(1);
    expect(codeOf(await ask(gateway, chatCall))).toBe('already_charged');
  });

  it('once the key was changed; it is again with the old one', async () => {
    const { gateway } = await answeredOnce(chatCall);
    gateway.setAnswerKey('another secret of more than 32 characters');
    expect(codeOf(await ask(gateway, chatCall))).toBe('already_charged');
    gateway.setAnswerKey('a secret of more than 32 characters');
    expect(isReplayed(await ask(gateway, chatCall))).toBe(true);
    await expectChargedOnce(gateway, chatCall.cost);
  });

  it('while its key cannot be had: the repeat may be tried again', async () => {
    const { gateway } = await answeredOnce(chatCall);
    gateway.setAnswerKey(undefined);
    const refused = await ask(gateway, chatCall);
    expect([refused.status, codeOf(refused)]).toEqual([503, 'ledger_unavailable']);
    expect(refused.headers.has('x-should-retry')).toBe(false);
    gateway.setAnswerKey('a secret of more than 32 characters');
    expect(isReplayed(await ask(gateway, chatCall))).toBe(true);
    await expectChargedOnce(gateway, chatCall.cost);
  });

  it('under another call, where somebody moved it', async () => {
    const { gateway } = await answeredOnce(chatCall);
    gateway.upstream.next(plain(chatCall.answer));
    await ask(gateway, chatCall, { 'idempotency-key': 'k2' });
    const [one, other] = await storedItems(gateway);
    await gateway.table.put({ item: { ...one!, pk: other!['pk'] as string, sk: '-' } });
    await gateway.table.put({ item: { ...other!, pk: one!['pk'] as string, sk: '-' } });
    for (const key of ['k1', 'k2']) {
      expect(codeOf(await ask(gateway, chatCall, { 'idempotency-key': key }))).toBe('already_charged');
    }
  });

  it('with another body, nor at another endpoint', async () => {
    const call = {
      ...chatCall,
      body: chatCall.body.replace('"max_tokens"', '"input":"Say hi.","max_tokens"'),
    };
    const { gateway } = await answeredOnce(call);
    for (const other of [
      { ...call, body: call.body.replace('Say', 'say') },
      { ...call, path: '/v1/responses' },
    ]) {
      const refused = await ask(gateway, other);
      expect([refused.status, codeOf(refused)]).toEqual([422, 'idempotency_mismatch']);
    }
    expect(isReplayed(await ask(gateway, call))).toBe(true);
    await expectChargedOnce(gateway, call.cost);
  });

  it('to another user, whose call it never was', async () => {
    const gateway = await openGateway({
      ...STORING,
      caps: { 'alice-life': userCap('1.00'), bob: userCap('1.00', { scope: { type: 'user', id: 'bob' } }) },
      key: { user: null },
    });
    gateway.upstream.next(plain(chatCall.answer), plain(chatCall.answer.replace('c1', 'c2')));
    await ask(gateway, chatCall, { ...KEY, 'x-spendcap-user': 'alice' });
    const bobs = await ask(gateway, chatCall, { ...KEY, 'x-spendcap-user': 'bob' });
    expect(isReplayed(bobs)).toBe(false);
    expect(bobs.text).toContain('"c2"');
    expect(gateway.upstream.sent).toHaveLength(2);
  });

  it('to another app of the same user, whether or not that one stores answers', async () => {
    const storeAnswers = { retentionHours: 24 };
    const gateway = await openGateway({
      policy: {
        apps: [
          { id: 'web', team: 'growth', storeAnswers },
          { id: 'phone', team: 'growth', storeAnswers },
        ],
      },
    });
    gateway.upstream.next(plain(chatCall.answer));
    await ask(gateway, chatCall);
    for (const app of ['phone', 'watch']) {
      const key = await gateway.newKey({ app });
      const refused = await ask(gateway, chatCall, { ...KEY, authorization: `Bearer ${key}` });
      expect([refused.status, codeOf(refused)]).toEqual([409, 'already_charged']);
      expect(refused.text).not.toContain('"choices"');
    }
    expect(isReplayed(await ask(gateway, chatCall))).toBe(true);
    await expectChargedOnce(gateway, chatCall.cost);
  });
});

describe('the endings of a call under a key', () => {
  it('in flight: the repeat waits, and gets the answer afterwards', async () => {
    const gateway = await openGateway(STORING);
    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(answer.script);
    const first = ask(gateway, chatCall);
    await gateway.upstream.hasSent(1);
    const early = await gateway.call(chatCall.path, chatCall.body, KEY);
    expect([early.status, early.headers.get('retry-after')]).toEqual([409, '1']);
    expect(await early.json()).toMatchObject({ error: { code: 'in_flight' } });
    answer.write(chatCall.answer);
    answer.end();
    expect((await first).status).toBe(200);
    expect(isReplayed(await ask(gateway, chatCall))).toBe(true);
  });

  it.each<[string, Script]>([
    ['not reached', notSent],
    ['refused by the provider', plain('{"error":{}}', { status: 500 })],
  ])('%s: it cost nothing, and the repeat is a call that runs', async (_, script) => {
    const { gateway, first } = await answeredOnce(chatCall, script);
    expect(first.status).toBeGreaterThanOrEqual(500);
    gateway.upstream.next(plain(chatCall.answer));
    const second = await ask(gateway, chatCall);
    expect([second.status, isReplayed(second)]).toEqual([200, false]);
    const third = await ask(gateway, chatCall);
    expect(isReplayed(third)).toBe(true);
    expect(third.text).toBe(second.text);
    expect(gateway.upstream.sent).toHaveLength(2);
    expect(await gateway.account()).toMatchObject({ settled: chatCall.cost, held: '0.00', holds: 0 });
  });

  it('without an answer: the hold is charged, and the repeat is told so', async () => {
    const { gateway } = await answeredOnce(chatCall, noAnswer);
    const again = await ask(gateway, chatCall);
    expect(codeOf(again)).toBe('already_charged');
    expect(JSON.parse(again.text)).toMatchObject({ error: { charge: { outcome: 'presumed_spent' } } });
    await expectChargedOnce(gateway, chatCall.hold);
  });

  it('the process dies when the answer is stored and the charge is not: found once the hold is presumed spent', async () => {
    const gateway = await openGateway({
      policy: { apps: [{ id: 'web', team: 'growth', storeAnswers: { retentionHours: 48 } }] },
    });
    const { begun, end } = insteadOfPuts(gateway, 'C#', never);
    gateway.upstream.next(plain(chatCall.answer));
    void gateway.call(chatCall.path, chatCall.body, KEY);
    await begun;
    end();
    expect(await storedItems(gateway)).toHaveLength(1);
    const response = await gateway.call(chatCall.path, chatCall.body, KEY);
    expect(await response.json()).toMatchObject({ error: { code: 'in_flight' } });

    await gateway.clock.pass(hours(25) / 1000);
    await collectLeaf(gateway.ledger, alice, gateway.clock.now(), 1n);
    const again = await gateway.call(chatCall.path, chatCall.body, KEY);
    expect(again.headers.get('x-spendcap-replayed')).toBe('true');
    expect(again.headers.get('x-spendcap-cost-usd')).toBe(chatCall.hold);
    await expectChargedOnce(gateway, chatCall.hold);
  });

  it('more than its hold: the model is quarantined, and nobody is charged twice', async () => {
    const { gateway } = await answeredOnce(chatCall, plain(chatCall.overrunAnswer));
    expect(codeOf(await ask(gateway, chatCall))).toBe('model_quarantined');
    await gateway.gateway.directory.deleteQuarantine('gpt-4.1');
    const again = await ask(gateway, chatCall);
    expect(again.headers.get('x-spendcap-cost-usd')).toBe(chatCall.overrunCost);
    expect(isReplayed(again)).toBe(true);
    await expectChargedOnce(gateway, chatCall.overrunCost);
  });
});

describe('many at once under one key', () => {
  const AT_ONCE = 50;

  it.each([
    ['plain', messagesCall],
    ['streamed', chatStream],
  ])('%s: one is sent, one is charged, and all that are answered are answered alike', async (kind, call) => {
    const gateway = await openGateway(STORING);
    const answer = new LiveAnswer(kind === 'plain' ? 'application/json' : 'text/event-stream');
    gateway.upstream.next(answer.script);
    const send = () => gateway.call(call.path, call.body, { ...call.headers, ...KEY });
    const first = Array.from({ length: AT_ONCE }, send);
    await gateway.upstream.hasSent(1);
    // Some come while it runs, some while it is stored, charged and settled, some afterwards.
    const meanwhile = Array.from({ length: AT_ONCE }, send);
    for (const text of 'answer' in call ? [call.answer] : call.frames) answer.write(text);
    answer.end();
    const responses = await Promise.all([...first, ...meanwhile]);
    const texts = await Promise.all(responses.map((response) => response.text()));
    await gateway.settled();
    const late = await Promise.all(Array.from({ length: AT_ONCE }, () => ask(gateway, call)));

    const isAnswered = responses.map(({ status }) => status === 200);
    const answered = texts.filter((_text, i) => isAnswered[i]);
    const refused = texts.filter((_text, i) => !isAnswered[i]);
    expect(new Set([...answered, ...late.map(({ text }) => text)]).size).toBe(1);
    expect(late.every(isReplayed)).toBe(true);
    for (const text of refused) expect(text).toContain('"in_flight"');
    await expectChargedOnce(gateway, call.cost);
  });
});

it('only stored answers have the attribute that DynamoDB expires items by', async () => {
  const { gateway } = await answeredOnce(chatCall);
  gateway.upstream.next(plain(chatCall.overrunAnswer));
  await ask(gateway, chatCall, {});
  const expiring: string[] = [];
  let items = 0;
  for await (const item of everyItem((at) => gateway.table.scan(at))) {
    items += 1;
    if ('ttl' in item) expiring.push(item['pk'] as string);
  }
  expect(items).toBeGreaterThan(5);
  expect(expiring).toEqual([expect.stringMatching(/^R#/)]);
});
