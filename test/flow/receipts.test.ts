/** Receipts of calls: what each shows, that it can be computed again from itself alone, and that damage is found. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { epochMs, picoUsd } from '../../lambdas/core/brands.ts';
import { takeEvidence } from '../../lambdas/core/ledger/evidence.ts';
import { formatUsd, usd } from '../../lambdas/core/money.ts';
import type { PriceOverride } from '../../lambdas/core/pricing/override.ts';
import { overrideToItem, raiseHead } from '../../lambdas/core/pricing/price-items.ts';
import { chargeToItem } from '../../lambdas/core/ledger/charge.ts';
import { holdOfRequest } from '../../lambdas/core/request-ids.ts';
import { canonicalJson } from '../../lambdas/core/canonical-json.ts';
import { hashOf } from '../../lambdas/core/receipts/receipt.ts';
import type { Receipt } from '../../lambdas/core/receipts/receipt-document.ts';
import { verifyReceipt } from '../../lambdas/core/receipts/verify-receipt.ts';
import { wav } from '../support/audio-files.ts';
import { openGateway, userCap, type TestGateway } from '../support/gateways.ts';
import { LiveAnswer, noAnswer, notSent, plain, streamed } from '../support/scripted-upstream.ts';
import { SeededIds } from '../support/worlds.ts';
import { CALLS, chatCall, messagesCall, STREAMS, type DialectCall } from './dialects.ts';

type Sent = Pick<DialectCall, 'path' | 'body' | 'headers'>;

async function receiptAfter(gateway: TestGateway, call: Sent): Promise<Receipt> {
  const response = await gateway.call(call.path, call.body, call.headers);
  await response.text();
  await gateway.settled();
  const { receipt } = await gateway.viewOf(response);
  if (!receipt) throw new Error('no receipt');
  return receipt;
}

const sumOf = (receipt: Receipt): bigint =>
  receipt.pricing!.lines.reduce((sum, { amount_usd }) => sum + usd(amount_usd), 0n);

const differencesOf = async (document: unknown) => {
  const check = await verifyReceipt(JSON.parse(JSON.stringify(document)));
  return check.kind === 'checked' ? check.differences : check;
};

describe.each([
  ...CALLS.map((call) => ({
    name: `${call.name}, plain`,
    call,
    cost: call.cost,
    script: plain(call.answer),
  })),
  ...STREAMS.map((call) => ({
    name: `${call.name}, streamed`,
    call,
    cost: call.cost,
    script: streamed(call.frames),
  })),
])('$name', ({ call, cost, script }) => {
  it('has lines that sum to the charge, and computes again to the same', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(script);
    const receipt = await receiptAfter(gateway, call);
    expect(receipt).toMatchObject({ format: 'spendcap-receipt/1', cost_usd: cost, final_cost_usd: cost });
    expect(receipt.pricing).toMatchObject({ total_usd: cost });
    expect(sumOf(receipt)).toBe(usd(cost));
    expect(receipt.usage_block).not.toBeNull();
    expect(receipt.accounts).toEqual([
      { account: 'alice-life', metric: 'usd', window_key: '0', held: call.hold, charged: cost },
    ]);
    expect(await differencesOf(receipt)).toEqual([]);
  });
});

describe('a receipt of what is billed otherwise', () => {
  const seen = async (
    send: (gateway: TestGateway) => Promise<Response>,
    answer: string,
  ): Promise<Receipt> => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(answer));
    const response = await send(gateway);
    await response.text();
    await gateway.settled();
    const { receipt } = await gateway.viewOf(response);
    expect(await differencesOf(receipt)).toEqual([]);
    expect(formatUsd(picoUsd(sumOf(receipt!)))).toBe(receipt!.cost_usd);
    return receipt!;
  };

  it('has a line of each kind of an image', async () => {
    const usage = '{"input_tokens":9,"input_tokens_details":{"text_tokens":9},"output_tokens":196}';
    const body = '{"model":"gpt-image-2","prompt":"A cat.","quality":"low","size":"1024x1024"}';
    const receipt = await seen(
      (gateway) => gateway.call('/v1/images/generations', body),
      `{"usage":${usage}}`,
    );
    // 9 x $5 + 196 x $30
    expect(receipt).toMatchObject({ cost_usd: '0.005925' });
    expect(receipt.pricing!.lines.map(({ what }) => what)).toEqual(['input', 'output_image']);
  });

  it('has the seconds of a transcription, with their fraction', async () => {
    const form = new FormData();
    form.append('model', 'whisper-1');
    form.append('file', new File([wav({ dataBytes: 319_956 })], 'speech.wav', { type: 'audio/wav' }));
    const receipt = await seen(
      (gateway) => gateway.request('POST', '/v1/audio/transcriptions', form),
      '{"text":"Hi.","usage":{"type":"duration","seconds":8.25}}',
    );
    expect(receipt.pricing).toMatchObject({
      usage: { parts: [], fees: { audio_second: '8.25' } },
      lines: [
        { what: 'fee:audio_second', quantity: '8.25', usd: '0.006', per: '60', amount_usd: '0.000825' },
      ],
    });
  });

  it('of speech has the characters of the request, and no block', async () => {
    const body = '{"model":"tts-1","input":"Say hi.","voice":"ash"}';
    const receipt = await seen((gateway) => gateway.call('/v1/audio/speech', body), 'sound');
    expect(receipt).toMatchObject({
      usage_block: null,
      usage_note: 'this endpoint answers no usage; the request says what is billed',
      pricing: { lines: [{ quantity: '7' }] },
    });
  });

  it('has a card for each model that took part', async () => {
    const iterations = [
      { type: 'message', input_tokens: 412, output_tokens: 89 },
      { type: 'advisor_message', model: 'claude-opus-4-6', input_tokens: 823, output_tokens: 1612 },
      { type: 'message', input_tokens: 1348, cache_read_input_tokens: 412, output_tokens: 442 },
    ];
    const usage = { input_tokens: 412, output_tokens: 531, iterations };
    const receipt = await seen(
      (gateway) => gateway.call(messagesCall.path, messagesCall.body, messagesCall.headers),
      JSON.stringify({ id: 'm1', model: 'claude-haiku-4-5', content: [], usage }),
    );
    // 412 x $1 + 89 x $5, 823 x $5 + 1,612 x $25, 1,348 x $1 + 412 x $0.1 + 442 x $5
    expect(receipt).toMatchObject({ cost_usd: '0.0488712', usage_block: usage });
    expect(receipt.pricing!.cards.map(({ models, card }) => [models, card['model']])).toEqual([
      [[], 'claude-haiku-4-5'],
      [['claude-opus-4-6'], 'claude-opus-4-6'],
    ]);
  });

  it('says that a long block was not kept; what was read from it was', async () => {
    const usage = { prompt_tokens: 10, completion_tokens: 5, odd: 'x'.repeat(3000) };
    const receipt = await seen(
      (gateway) => gateway.call(chatCall.path, chatCall.body),
      JSON.stringify({ id: 'c1', model: 'gpt-4.1', choices: [], usage }),
    );
    expect(receipt).toMatchObject({
      usage_block: null,
      usage_note: 'the usage block was longer than is kept: 3051 bytes',
      cost_usd: chatCall.cost,
    });
  });
});

describe('a receipt', () => {
  it('shows block, reading, card, lines and accounts', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(messagesCall.answer));
    const receipt = await receiptAfter(gateway, messagesCall);
    expect(receipt).toMatchObject({
      usage_block: { input_tokens: 10, output_tokens: 5 },
      usage_note: null,
      pricing_note: null,
      tokens_charged: '15',
      pricing: {
        usage: {
          parts: [{ model: null, tokens: { input: '10', output: '5' }, tier_input_tokens: '10' }],
          fees: {},
        },
        lines: [
          { what: 'input', quantity: '10', usd: '1', per: '1000000', factor: '1', amount_usd: '0.00001' },
          { what: 'output', quantity: '5', usd: '5', per: '1000000', factor: '1', amount_usd: '0.000025' },
        ],
      },
    });
    const [card, ...others] = receipt.pricing!.cards;
    expect(others).toEqual([]);
    expect(card).toMatchObject({ paid_factor: null, card: { model: 'claude-haiku-4-5' } });
    expect(card!.sha256).toBe(await hashOf(card!.card));
    expect(card!.card['sources']).toContainEqual(expect.stringContaining('https://'));
  });

  it('says why there is nothing to compute', async () => {
    const gateway = await openGateway({ caps: { 'alice-life': userCap('10.00') } });
    gateway.upstream.next(noAnswer, notSent, plain(chatCall.answerWithoutUsage));
    const receipts = [
      await receiptAfter(gateway, chatCall),
      await receiptAfter(gateway, chatCall),
      await receiptAfter(gateway, chatCall),
    ];
    expect(receipts.map(({ pricing, pricing_note, cost_usd }) => [pricing, pricing_note, cost_usd])).toEqual([
      [
        null,
        expect.stringContaining('nobody could read what the provider billed (timed out)'),
        chatCall.hold,
      ],
      [null, 'the provider did nothing that it bills', '0.00'],
      [null, expect.stringContaining('(the answer carries no usage)'), chatCall.hold],
    ]);
    for (const receipt of receipts) expect(await differencesOf(receipt)).toEqual([]);
  });

  it('of a charge from before says so', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(plain(chatCall.answer));
    const { request_id } = await receiptAfter(gateway, chatCall);
    const { reading, ...old } = (await gateway.ledger.readCharge(holdOfRequest(request_id)!))!;
    expect(reading).toBeDefined();
    await gateway.table.put({ item: chargeToItem(old) });
    const { receipt } = await gateway.view(request_id);
    expect(receipt).toMatchObject({
      pricing: null,
      pricing_note: 'charged before charges kept what a receipt needs',
      usage_block: null,
      cost_usd: chatCall.cost,
    });
    expect(await differencesOf(receipt)).toEqual([]);
  });

  it('shows the list price and the share of it that is paid', async () => {
    const gateway = await openGateway();
    const discount: PriceOverride = {
      provider: 'openai',
      model: '*',
      from: epochMs(gateway.clock.now() - 1000),
      set: { kind: 'factor', factor: '0.85' },
    };
    await gateway.table.put({ item: overrideToItem(discount) });
    await gateway.table.update(raiseHead());
    gateway.upstream.next(plain(chatCall.answer));
    const receipt = await receiptAfter(gateway, chatCall);
    expect(receipt).toMatchObject({
      cost_usd: '0.000051',
      pricing: { lines: [{ usd: '1.7' }, { usd: '6.8' }] },
    });
    expect(receipt.pricing!.cards).toMatchObject([
      { paid_factor: '0.85', card: { id: 'openai/gpt-4.1@2025-04-14', rates: { input: '2', output: '8' } } },
    ]);
    expect(await differencesOf(receipt)).toEqual([]);
  });

  it('shows what evidence corrected', async () => {
    const gateway = await openGateway();
    gateway.upstream.next(noAnswer);
    const { request_id } = await receiptAfter(gateway, chatCall);
    const { table, ledger, clock } = gateway;
    const evidence = { billed: usd('0.001'), tokens: 50n, source: 'log 7' };
    const call = { id: holdOfRequest(request_id)!, leaf: undefined };
    await takeEvidence({ table, ledger, clock, ids: new SeededIds() }, call, evidence);
    const { receipt } = await gateway.view(request_id);
    expect(receipt).toMatchObject({
      cost_usd: '0.008172',
      adjustments: [{ cost_usd: '-0.007172', requests: '0', evidence: 'log 7' }],
      final_cost_usd: '0.001',
    });
    expect(await differencesOf(receipt)).toEqual([]);
    expect(await differencesOf({ ...receipt, final_cost_usd: '0.002' })).toMatchObject([
      { where: 'sha256' },
      { where: 'final_cost_usd', expected: '0.001', found: '0.002' },
    ]);
  });

  it('comes with the charge, not before', async () => {
    const gateway = await openGateway();
    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(answer.script);
    const key = { 'idempotency-key': 'k1' };
    const pending = gateway.call(chatCall.path, chatCall.body, key);
    await gateway.upstream.hasSent(1);
    const open = await gateway.get('/v1/requests', key);
    expect(await open.json()).toMatchObject({ status: 'in_flight', receipt: null });
    answer.write(chatCall.answer);
    answer.end();
    await pending;
  });
});

/** One of each kind, made once: a digit changed in any of them must be found. */
const samples = await Promise.all(
  [...CALLS.map((call) => ({ call, script: plain(call.answer) })), { call: chatCall, script: noAnswer }].map(
    async ({ call, script }) => {
      const gateway = await openGateway();
      gateway.upstream.next(script);
      return receiptAfter(gateway, call);
    },
  ),
);

/** The text with another digit at the `at`th of those that `isMeant` names, as a share of all of them. */
function withOtherDigit(text: string, share: number, add: number): string {
  const places = [...text.matchAll(/[0-9]/g)].map(({ index }) => index);
  const place = places[Math.floor(share * places.length)]!;
  return `${text.slice(0, place)}${(Number(text[place]) + add) % 10}${text.slice(place + 1)}`;
}

const isFound = async (text: string): Promise<boolean> => {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return true; // a number that begins with a zero: no JSON any more
  }
  const check = await verifyReceipt(document);
  return check.kind === 'not_a_receipt' || check.differences.length > 0;
};

const digit = {
  sample: fc.constantFrom(...samples),
  share: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  add: fc.integer({ min: 1, max: 9 }),
};

test('a changed digit is found, wherever it stands', async () => {
  await fc.assert(
    fc.asyncProperty(digit.sample, digit.share, digit.add, async (sample, share, add) => {
      expect(await isFound(withOtherDigit(JSON.stringify(sample), share, add))).toBe(true);
    }),
    { numRuns: 400 },
  );
});

/** Parts of a receipt with arithmetic, each of which follows from the others. */
const FORGED: ((receipt: Receipt, change: (text: string) => string) => void)[] = [
  (receipt, change) => (receipt.cost_usd = change(receipt.cost_usd)),
  (receipt, change) => (receipt.final_cost_usd = change(receipt.final_cost_usd)),
  (receipt, change) => (receipt.tokens_charged = change(receipt.tokens_charged)),
  (receipt, change) => (receipt.accounts[0]!.charged = change(receipt.accounts[0]!.charged)),
  (receipt, change) => (receipt.accounts[0]!.held = change(receipt.accounts[0]!.held)),
  (receipt, change) => (receipt.pricing!.total_usd = change(receipt.pricing!.total_usd)),
  ...(['quantity', 'usd', 'per', 'factor', 'amount_usd'] as const).map(
    (name) => (receipt: Receipt, change: (text: string) => string) => {
      const line = receipt.pricing!.lines[0]!;
      line[name] = change(line[name]);
    },
  ),
  (receipt, change) => {
    const [part] = receipt.pricing!.usage.parts;
    part!.tokens['input'] = change(part!.tokens['input']!);
  },
  (receipt, change) => {
    const rates = receipt.pricing!.cards[0]!.card['rates'] as Record<string, string>;
    rates['input'] = change(rates['input']!);
  },
  (receipt) => (receipt.pricing!.cards[0]!.paid_factor = '0.9'),
  (receipt) => receipt.pricing!.lines.push(receipt.pricing!.lines[0]!),
  (receipt) => void receipt.pricing!.lines.pop(),
];

test('a forged part is found, also where every hash was made to fit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...samples.filter(({ pricing }) => pricing)),
      fc.constantFrom(...FORGED),
      digit.share,
      digit.add,
      async (sample, forge, share, add) => {
        const forged = structuredClone(sample);
        forge(forged, (text) => withOtherDigit(text, share, add));
        const [card] = forged.pricing!.cards;
        card!.sha256 = await hashOf(card!.card);
        const { sha256, ...rest } = forged;
        expect(sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(await isFound(JSON.stringify({ ...rest, sha256: await hashOf(rest) }))).toBe(true);
      },
    ),
    { numRuns: 400 },
  );
});

test('what is no receipt is said to be none', async () => {
  expect(await verifyReceipt({ format: 'spendcap-receipt/2' })).toMatchObject({ kind: 'not_a_receipt' });
  expect(await verifyReceipt(null)).toMatchObject({ kind: 'not_a_receipt' });
});

test('canonical JSON has one text for one value', () => {
  expect(canonicalJson({ b: [{ d: 1, c: 'é"' }, null], a: undefined, B: true })).toBe(
    '{"B":true,"b":[{"c":"é\\"","d":1},null]}',
  );
});
