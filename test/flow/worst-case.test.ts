/** What a call holds (contract 5, design 3): the dearest that it can become, worked out by hand from the cards. */
import { describe, expect, it } from 'vitest';
import { usd } from '../../lambdas/core/money.ts';
import { openGateway, userCap } from '../support/gateways.ts';
import { plain, type Script } from '../support/scripted-upstream.ts';
import { chatCall, embeddingsCall, messagesCall, responsesCall, type DialectCall } from './dialects.ts';

const MARKED = '[{"type":"text","text":"Say hi.","cache_control":{"type":"ephemeral"}}]'; // 71 bytes, for 9
const MARKED_LONG = MARKED.replace('"ephemeral"', '"ephemeral","ttl":"1h"'); // 82 bytes
const IMAGE = `[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"${'A'.repeat(4000)}"}}]`;

/** Two texts of 8,000 letters and a short one: more together than the 8,192 tokens that a text may have. */
const TEXTS = JSON.stringify(['a'.repeat(8000), 'a'.repeat(8000), 'a']); // 16,011 bytes, for 9

const HOLDS: [name: string, call: DialectCall, body: (body: string) => string, hold: string][] = [
  ['chat', chatCall, (body) => body, '0.008172'],
  // 92 bytes x 2 + 3 x 1,000 x 8
  ['three choices', chatCall, (body) => body.replace('"max', '"n":3,"max'), '0.024184'],
  // (86 + 26 bytes) x 2 x 1.75 + 1,000 x 8 x 1.75: the dearer tier that it asks for
  ['a dearer tier', chatCall, (body) => body.replace('"max', '"service_tier":"priority","max'), '0.014392'],
  // (86 + 30 bytes + 1,024) x 2 + 1,000 x 8
  ['tools', chatCall, (body) => body.replace('"max', '"tools":[{"type":"function"}],"max'), '0.010280'],
  // U+FDFA: 3 bytes that normalise to 33, in place of 7 letters: (86 - 7 + 33) x 2 + 8,000
  ['text that grows when normalised', chatCall, (body) => body.replace('Say hi.', '\ufdfa'), '0.008224'],
  // the whole context of 1,047,576 tokens x 2 + 1,000 x 8
  [
    'state at the provider',
    responsesCall,
    (body) => body.replace('"max', '"previous_response_id":"r","max'),
    '2.103152',
  ],
  // (52 - 9 + 16,011 bytes) x 0.02
  ['several texts', embeddingsCall, (body) => body.replace('"Say hi."', TEXTS), '0.00032108'],
  ['messages', messagesCall, (body) => body, '0.006119'],
  // (95 - 9 + 71 bytes + 1,024) x 1.25 + 1,000 x 5
  ['a cache write', messagesCall, (body) => body.replace('"Say hi."', MARKED), '0.00647625'],
  // (95 - 9 + 82 bytes + 1,024) x 2 + 1,000 x 5
  ['a long cache write', messagesCall, (body) => body.replace('"Say hi."', MARKED_LONG), '0.007384'],
  // (95 - 9 + 80 bytes + 1,568 an image + 1,024) x 1 + 1,000 x 5: its bytes are no text
  ['an image', messagesCall, (body) => body.replace('"Say hi."', IMAGE), '0.007758'],
];

describe('a call holds', () => {
  it.each(HOLDS)('%s', async (_, call, body, hold) => {
    const gateway = await openGateway({ caps: { money: userCap('100.00') } });
    gateway.upstream.next(plain(call.answer));
    const response = await gateway.call(call.path, body(call.body), call.headers);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe(hold.replace(/0$/, ''));
  });

  it.each([
    ['a tier that the model has no price for', chatCall, '"service_tier":"flex",'],
    ['a speed that the model has no price for', messagesCall, '"speed":"fast",'],
    ['a speed that nobody has a price for', messagesCall, '"speed":"ludicrous",'],
    ['a geography that nobody has a price for', messagesCall, '"inference_geo":"mars",'],
  ])('nothing for %s: it is refused', async (_, call, member) => {
    const gateway = await openGateway();
    const response = await gateway.call(call.path, call.body.replace('"max', `${member}"max`), call.headers);
    expect(response.status).toBe(400);
    expect(JSON.stringify(await response.json())).toContain('"not_meterable"');
    expect(gateway.upstream.sent).toEqual([]);
    expect(await gateway.account()).toBeUndefined();
  });

  it('nothing for an image whose cost nobody documents: it is refused', async () => {
    const gateway = await openGateway();
    const image = '[{"type":"image_url","image_url":{"url":"https://i.example"}}]';
    const response = await gateway.call(chatCall.path, chatCall.body.replace('"Say hi."', image));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'not_meterable' } });
  });

  it('every cap of the caller at once, each in its metric', async () => {
    const gateway = await openGateway({
      caps: {
        money: userCap('1.00'),
        tokens: userCap('5000', { metric: 'tokens', window: 'day' }),
        requests: userCap('5', { metric: 'requests', window: 'day' }),
        feature: userCap('1.00', { scope: { type: 'user_feature', id: 'alice/default' } }),
        other: userCap('1.00', { scope: { type: 'user_feature', id: 'alice/other' } }),
      },
    });
    gateway.upstream.next(plain(chatCall.answer));
    await gateway.call(chatCall.path, chatCall.body);
    const { caps } = (await (await gateway.get('/v1/budget')).json()) as {
      caps: { id: string; settled: string; reserved: string }[];
    };
    expect(caps.map(({ id, settled }) => [id, settled]).sort()).toEqual([
      ['feature', '0.00006'],
      ['money', '0.00006'],
      ['requests', '1'],
      ['tokens', '15'],
    ]);
    expect(await gateway.account('other')).toBeUndefined();
  });

  it('voided calls count as nothing in any metric', async () => {
    const gateway = await openGateway({
      caps: {
        money: userCap('1.00'),
        requests: userCap('5', { metric: 'requests', window: 'day' }),
      },
    });
    gateway.upstream.next(plain(chatCall.errorAnswer, { status: 503 }));
    const response = await gateway.call(chatCall.path, chatCall.body);
    expect(response.headers.get('x-spendcap-cap-remaining')).toBe('1.00');
    const { caps } = (await (await gateway.get('/v1/budget')).json()) as { caps: { settled: string }[] };
    expect(caps.map(({ settled }) => settled).sort()).toEqual(['0', '0.00']);
  });
});

describe('an overrun', () => {
  it('is recorded, told to operators and quarantines its model, and no other', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(chatCall.overrunAnswer), plain(messagesCall.answer));
    const response = await gateway.call(chatCall.path, chatCall.body);
    const requestId = response.headers.get('x-spendcap-request-id');
    expect(gateway.events).toEqual([
      {
        kind: 'overrun',
        requestId,
        model: 'gpt-4.1',
        heldPicoUsd: 8_172_000_000n,
        chargedPicoUsd: 80_020_000_000n,
      },
    ]);
    expect((await gateway.call(responsesCall.path, responsesCall.body)).status).toBe(503);
    expect(
      (await gateway.call(chatCall.path, chatCall.body.replace('gpt-4.1', 'gpt-4.1-2025-04-14'))).status,
    ).toBe(503);
    expect((await gateway.call(messagesCall.path, messagesCall.body, messagesCall.headers)).status).toBe(200);

    await gateway.gateway.directory.deleteQuarantine('gpt-4.1');
    gateway.upstream.next(plain(chatCall.answer));
    expect((await gateway.call(chatCall.path, chatCall.body)).status).toBe(200);
  });

  it('of tokens alone counts as well', async () => {
    const gateway = await openGateway({ caps: { money: userCap('1.00') } });
    // 5,000 cached tokens at a quarter of the price: cheaper than the hold, but more tokens than were held
    const usage =
      '"usage":{"prompt_tokens":5000,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":5000}}';
    gateway.upstream.next(plain(`{"model":"gpt-4.1",${usage}}`));
    const response = await gateway.call(chatCall.path, chatCall.body);
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'overrun',
      cost_usd: '0.002508',
    });
  });
});

describe('ten calls at once', () => {
  it('never pass the cap together, though each is billed at its very bound', async () => {
    const gateway = await openGateway({ caps: { 'alice-life': userCap('0.02') } });
    const dearest: Script = (request) => {
      const { max_tokens: output } = JSON.parse(String(request.body)) as { max_tokens: number };
      const usage = `"usage":{"prompt_tokens":86,"completion_tokens":${output}}`;
      return plain(`{"model":"gpt-4.1",${usage}}`)(request);
    };
    gateway.upstream.next(...Array.from({ length: 10 }, () => dearest));
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => gateway.call(chatCall.path, chatCall.body)),
    );
    const charges = await Promise.all(
      answers.filter(({ ok }) => ok).map(async (answer) => (await gateway.viewOf(answer)).charge!),
    );

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(new Set(charges.map(({ outcome }) => outcome))).toEqual(new Set(['settled']));
    expect(gateway.upstream.sent).toHaveLength(charges.length);
    const { settled, held } = (await gateway.account())!;
    const total = charges.reduce((sum, { cost_usd: cost }) => sum + usd(cost), 0n);
    expect(held).toBe('0.00');
    expect(usd(settled)).toBe(total);
    expect(total).toBeLessThanOrEqual(usd('0.02'));
  });
});
