import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../lambdas/core/json-document.ts';
import {
  DIRECTIVE_WORDS,
  ERROR_STATUSES,
  parseDirectives,
} from '../../local/simulated-provider/directives.ts';
import { countTokens, inPieces } from '../../local/simulated-provider/tokens.ts';
import type { BilledTokens } from '../../local/simulated-provider/truth.ts';
import {
  answerTo,
  at,
  CHAT,
  chat,
  eachAt,
  EMBEDDINGS,
  embeddings,
  MESSAGES,
  messages,
  post,
  provider,
  RESPONSES,
  responses,
  streamOf,
  useProvider,
} from './simulated-provider-client.ts';

useProvider();

async function lastBill(): Promise<BilledTokens | null> {
  await provider().idle();
  return provider().requests().at(-1)!.billed;
}

describe('the words', () => {
  it('are those of the table in the README', () => {
    const readme = readFileSync(
      resolve(import.meta.dirname, '../../local/simulated-provider/README.md'),
      'utf8',
    );
    const table = readme.slice(readme.indexOf('\n## Directives'), readme.indexOf('\n## Its own truth'));
    const words = [...table.matchAll(/^\| `([a-z0-9-]+)`/gm)].map((match) => match[1]!);
    expect(words.toSorted()).toEqual(DIRECTIVE_WORDS.toSorted());
  });

  it('are read wherever they stand, as one', () => {
    expect(parseDirectives('a [[sim output=3]] b [[sim hang\n tag=x]] [[sim]]')).toEqual({
      directives: { output: 3, hang: true, tag: 'x' },
    });
  });

  it.each([
    ['outputs=3', '"outputs"'],
    ['output', '"output"'],
    ['output=', '"output="'],
    ['output=-1', '"output=-1"'],
    ['output=1.5', '"output=1.5"'],
    ['output=1000001', '"output=1000001"'],
    ['chunks=0', '"chunks=0"'],
    ['hang=1', '"hang=1"'],
    ['status=418', '"status=418"'],
    ['reset=after', '"reset=after"'],
    ['reset=after-x', '"reset=after-x"'],
    ['end=late', '"end=late"'],
    ['error', '"error"'],
    ['served=', '"served="'],
    ['constructor', '"constructor"'],
  ])('are refused by name: %s', async (directive, named) => {
    for (const [path, body] of [
      [CHAT, chat(`hi [[sim ${directive}]]`)],
      [MESSAGES, messages(`hi [[sim ${directive}]]`)],
    ] as const) {
      const response = await post(path, body);
      expect(response.status).toBe(400);
      expect(at((await response.json()) as JsonObject, 'error.message')).toContain(named);
      expect(await lastBill()).toBeNull();
    }
  });

  it('are refused where the bracket stays open', async () => {
    expect((await post(CHAT, chat('hi [[sim output=3]'))).status).toBe(400);
  });

  it.each<[string, string, JsonObject, string]>([
    ['no text', EMBEDDINGS, embeddings('hi [[sim output=3]]'), '"output"'],
    ['nothing to bill', '/v1/messages/count_tokens', messages('hi [[sim unbilled]]'), '"unbilled"'],
    ['no hour', CHAT, chat('hi [[sim cache-write-1h=3]]'), '"cache-write-1h"'],
    ['no region', RESPONSES, responses('hi [[sim geo=us]]'), '"geo"'],
    ['no stream', CHAT, chat('hi [[sim error=mid]]'), '"error=mid"'],
    ['no limit', CHAT, chat('hi [[sim output=limit]]'), '"output=limit"'],
    ['no tool', CHAT, chat('hi [[sim tool]]'), '"tool"'],
    ['another tool', MESSAGES, messages('[[sim tool=b]]', { tools: [{ name: 'a' }] }), '"tool"'],
    ['less input', CHAT, chat('hi [[sim input=5 cached=3 cache-write=3]]'), 'cached tokens'],
    ['less output', CHAT, chat('hi [[sim output=5 reasoning=6]]'), 'reasoning'],
  ])('are refused where there is %s', async (_, path, body, named) => {
    const response = await post(path, body);
    expect(response.status).toBe(400);
    expect(at((await response.json()) as JsonObject, 'error.message')).toContain(named);
  });
});

describe('tokens', () => {
  it.each<[string, JsonObject, BilledTokens]>([
    ['output=300', {}, bill({ output: 300 })],
    ['output=300', { max_tokens: 200 }, bill({ output: 200 })],
    ['output=limit', { max_tokens: 200 }, bill({ output: 200 })],
    ['output=0', {}, bill({ output: 0 })],
    ['overrun=500', { max_tokens: 200 }, bill({ output: 500 })],
    ['reasoning=10', {}, bill({ output: 42, reasoning: 10 })],
    ['output=30 reasoning=10', { max_tokens: 5 }, bill({ output: 5, reasoning: 5 })],
    ['cached=40', {}, bill({ input: 60, cacheRead: 40 })],
    ['cached=40 cache-write=60', {}, bill({ input: 0, cacheRead: 40, cacheWrite: 60 })],
  ])('%s with %o', async (directive, more, expected) => {
    await answerTo(CHAT, chat(`hi [[sim input=100 ${directive}]]`, more));
    expect(await lastBill()).toEqual(expected);
    await answerTo(MESSAGES, messages(`hi [[sim input=100 ${directive}]]`, more));
    expect(await lastBill()).toEqual(expected);
  });

  it('are told as chat tells them', async () => {
    const directive = '[[sim input=100 cached=40 cache-write=10 output=20 reasoning=5]]';
    expect((await answerTo(CHAT, chat(directive)))['usage']).toMatchObject({
      prompt_tokens: 100,
      completion_tokens: 20,
      total_tokens: 120,
      prompt_tokens_details: { cached_tokens: 40, cache_write_tokens: 10 },
      completion_tokens_details: { reasoning_tokens: 5 },
    });
    expect((await answerTo(RESPONSES, responses(directive)))['usage']).toMatchObject({
      input_tokens: 100,
      output_tokens: 20,
      input_tokens_details: { cached_tokens: 40, cache_write_tokens: 10 },
      output_tokens_details: { reasoning_tokens: 5 },
    });
  });

  it('are told as messages tell them', async () => {
    const directive = '[[sim input=100 cached=40 cache-write=10 cache-write-1h=20 output=20 reasoning=5]]';
    expect((await answerTo(MESSAGES, messages(directive)))['usage']).toMatchObject({
      input_tokens: 30,
      cache_read_input_tokens: 40,
      cache_creation_input_tokens: 30,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
      output_tokens: 20,
      output_tokens_details: { thinking_tokens: 5 },
    });
  });

  it('of the text are what is billed', async () => {
    const answer = await answerTo(CHAT, chat('[[sim output=5000]]'));
    expect(at(answer, 'choices.0.message.content')).toHaveLength(20_000);
  });

  it('are never more than the bytes of the same JSON', () => {
    const images = fc.constantFrom({ type: 'image' }, { type: 'image_url' }, { type: 'input_image' });
    const json = fc.oneof(fc.jsonValue(), images, fc.array(images));
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        expect(countTokens(JSON.parse(text) as JsonValue)).toBeLessThanOrEqual(Buffer.byteLength(text));
      }),
    );
  });

  it('survive any depth', () => {
    const deep = `${'['.repeat(100_000)}1${']'.repeat(100_000)}`;
    expect(countTokens(JSON.parse(deep) as JsonValue)).toBe(1);
  });
});

describe('what an answer names', () => {
  it.each<[string, JsonObject, string]>([
    [CHAT, chat('[[sim served=gpt-5 service-tier=priority]]'), 'service_tier'],
    [RESPONSES, responses('[[sim served=gpt-5 service-tier=priority]]'), 'service_tier'],
    [MESSAGES, messages('[[sim served=gpt-5 service-tier=priority geo=eu]]'), 'usage.service_tier'],
  ])('%s', async (path, body, tierPath) => {
    const answer = await answerTo(path, body);
    expect(answer['model']).toBe('gpt-5');
    expect(at(answer, tierPath)).toBe('priority');
    if (path === MESSAGES) expect(at(answer, 'usage.inference_geo')).toBe('eu');
    await provider().idle();
    expect(provider().requests()).toMatchObject([
      { model: body['model'], servedModel: 'gpt-5', serviceTier: 'priority' },
    ]);
  });
});

describe('usage', () => {
  const CALLS: [string, JsonObject][] = [
    [CHAT, chat('[[sim no-usage]]')],
    [RESPONSES, responses('[[sim no-usage]]')],
    [EMBEDDINGS, embeddings('[[sim no-usage]]')],
    [MESSAGES, messages('[[sim no-usage]]')],
  ];

  it.each(CALLS)('is missing from %s and billed', async (path, body) => {
    expect(await answerTo(path, body)).not.toHaveProperty('usage');
    expect(await lastBill()).not.toBeNull();
  });

  it.each(CALLS)('is no usage in %s', async (path, body) => {
    const bad = JSON.parse(JSON.stringify(body).replace('no-usage', 'bad-usage')) as JsonObject;
    const counts = Object.values((await answerTo(path, bad))['usage'] as JsonObject);
    expect(counts.filter((value) => typeof value === 'number' && value !== -1)).toEqual([]);
    expect(counts).toContain(-1);
  });

  it('is missing from streams', async () => {
    const asked = { stream_options: { include_usage: true } };
    const inChat = await streamOf(CHAT, chat('[[sim no-usage]]', asked));
    expect(new Set(eachAt(inChat.events, 'usage'))).toEqual(new Set([null, undefined]));
    expect(inChat.events.at(-1)!.data).toBe('[DONE]');
    const inResponses = await streamOf(RESPONSES, responses('[[sim no-usage]]'));
    expect(at(inResponses.events.at(-1)!.data, 'response')).not.toHaveProperty('usage');
    const inMessages = await streamOf(MESSAGES, messages('[[sim no-usage]]'));
    expect(eachAt(inMessages.events, 'usage')).toEqual(Array(inMessages.events.length).fill(undefined));
    expect(at(inMessages.events.at(-1)!.data, 'type')).toBe('message_stop');
  });

  it('is no usage in streams', async () => {
    const { events } = await streamOf(MESSAGES, messages('[[sim bad-usage]]'));
    expect(at(events.at(-2)!.data, 'usage')).toMatchObject({ input_tokens: -1, output_tokens: -1 });
  });
});

describe('errors', () => {
  const TYPES: Record<(typeof ERROR_STATUSES)[number], [openAi: string, anthropic: string]> = {
    400: ['invalid_request_error', 'invalid_request_error'],
    401: ['invalid_request_error', 'authentication_error'],
    404: ['invalid_request_error', 'not_found_error'],
    429: ['requests', 'rate_limit_error'],
    500: ['server_error', 'api_error'],
    502: ['server_error', 'api_error'],
    503: ['server_error', 'api_error'],
    504: ['server_error', 'timeout_error'],
    529: ['server_error', 'overloaded_error'],
  };

  it.each(ERROR_STATUSES)('%s', async (status) => {
    const directive = `[[sim status=${status} retry-after=7 input=10]]`;
    for (const [i, [path, body]] of [
      [CHAT, chat(directive, { stream: true })] as const,
      [MESSAGES, messages(directive)] as const,
    ].entries()) {
      const response = await post(path, body);
      expect(response.status).toBe(status);
      expect(response.headers.get('retry-after')).toBe('7');
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(at((await response.json()) as JsonObject, 'error.type')).toBe(TYPES[status][i]);
      expect(await lastBill()).toEqual(status === 504 ? bill({ input: 10, output: 32 }) : null);
    }
  });

  it('are not billed where they say so, nor is an answer', async () => {
    await post(CHAT, chat('[[sim status=504 unbilled]]'));
    expect(await lastBill()).toBeNull();
    await answerTo(CHAT, chat('[[sim unbilled]]'));
    expect(await lastBill()).toBeNull();
  });
});

it('cuts texts and bytes into pieces that add up', () => {
  expect(inPieces('abcdefg', 3)).toEqual(['ab', 'cd', 'efg']);
  expect(inPieces('ab', 5)).toEqual(['a', 'b']);
  expect(inPieces('', 5)).toEqual([]);
  expect(inPieces(new Uint8Array([1, 2, 3]), 2)).toEqual([new Uint8Array([1]), new Uint8Array([2, 3])]);
});

function bill(tokens: Partial<BilledTokens>): BilledTokens {
  return {
    input: 100,
    cacheRead: 0,
    cacheWrite: 0,
    cacheWrite1h: 0,
    output: 32,
    reasoning: 0,
    ...tokens,
  };
}
