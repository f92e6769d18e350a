import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startSimulatedProvider } from '../../local/simulated-provider/server.ts';
import type { SimulatedRequest } from '../../local/simulated-provider/truth.ts';
import {
  answerTo,
  CHAT,
  chat,
  eachAt,
  eventsIn,
  firstPieceOf,
  MESSAGES,
  messages,
  post,
  provider,
  RESPONSES,
  responses,
  streamOf,
  typesOf,
  useProvider,
} from './simulated-provider-client.ts';

useProvider();

const AN_HOUR_MS = 3_600_000;

async function onlyRequest(): Promise<SimulatedRequest> {
  await provider().idle();
  const requests = provider().requests();
  expect(requests).toHaveLength(1);
  return requests[0]!;
}

function temporaryFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'spendcap-simulated-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, name);
}

describe('a reset', () => {
  it('before the answer', async () => {
    await expect(post(CHAT, chat('[[sim reset=before]]'))).rejects.toMatchObject({
      cause: { code: 'ECONNRESET' },
    });
    expect(await onlyRequest()).toMatchObject({
      outcome: 'reset',
      status: null,
      client: 'stayed',
      billed: { output: 32 },
    });
  });

  it.each([0, 2, 5])('after %i events', async (count) => {
    const { events, isBroken } = await streamOf(MESSAGES, messages(`[[sim reset=after-${count}]]`));
    expect(isBroken).toBe(true);
    expect(events).toHaveLength(count);
    expect(await onlyRequest()).toMatchObject({ outcome: 'reset', status: 200, billed: { output: 32 } });
  });

  it('after all events, without an end', async () => {
    const { events, isBroken } = await streamOf(MESSAGES, messages('[[sim reset=after-999]]'));
    expect(isBroken).toBe(true);
    expect(typesOf(events).at(-1)).toBe('message_stop');
  });

  it('after some bytes of a plain body', async () => {
    const response = await post(CHAT, chat('[[sim reset=after-20]]'));
    expect(response.status).toBe(200);
    expect(await firstPieceOf(response.clone())).toHaveLength(20);
    await expect(response.text()).rejects.toThrow();
    expect(await onlyRequest()).toMatchObject({ outcome: 'reset', billed: { output: 32 } });
  });
});

describe('an early end', () => {
  it('of a stream is clean and has half of the text', async () => {
    const body = messages('[[sim output=8 chunks=4 end=early]]');
    const { events, isBroken } = await streamOf(MESSAGES, body);
    expect(isBroken).toBe(false);
    expect(typesOf(events)).toEqual([
      'message_start',
      'content_block_start',
      'ping',
      'content_block_delta',
      'content_block_delta',
    ]);
    expect(await onlyRequest()).toMatchObject({ outcome: 'ended_early', billed: { output: 8 } });
  });

  it('of a plain body is clean and half of the JSON', async () => {
    const response = await post(CHAT, chat('[[sim end=early]]'));
    const text = await response.text();
    expect(text).toMatch(/^\{"id":"chatcmpl-/);
    expect(() => JSON.parse(text) as unknown).toThrow();
    expect(await onlyRequest()).toMatchObject({ outcome: 'ended_early', status: 200 });
  });
});

describe('an error in mid-stream', () => {
  it('of chat', async () => {
    const { events, isBroken } = await streamOf(CHAT, chat('[[sim chunks=2 error=mid]]'));
    expect(isBroken).toBe(false);
    expect(events).toHaveLength(3);
    expect(events.at(-1)!.data).toMatchObject({ error: { type: 'server_error', param: null, code: null } });
  });

  it('of responses', async () => {
    const { events } = await streamOf(RESPONSES, responses('[[sim chunks=2 error=mid]]'));
    expect(eachAt(events, 'sequence_number')).toEqual([0, 1, 2, 3, 4, 5]);
    expect(events.at(-1)!.data).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error' }, usage: null },
    });
  });

  it('of messages', async () => {
    const { events } = await streamOf(MESSAGES, messages('[[sim chunks=2 error=mid]]'));
    expect(events.at(-1)).toMatchObject({
      event: 'error',
      data: { type: 'error', error: { type: 'overloaded_error' } },
    });
    expect(await onlyRequest()).toMatchObject({ outcome: 'failed', billed: { output: 32 } });
  });
});

describe('a wait', () => {
  it.each([
    ['delay=30', {}],
    ['silent=30', {}],
    ['silent=30', { stream: true }],
    ['chunks=4 chunk-delay=10', {}],
    ['chunks=4 chunk-delay=10', { stream: true }],
  ])('%s with %o lasts', async (directive, more) => {
    const begun = performance.now();
    const response = await post(MESSAGES, messages(`[[sim ${directive}]]`, more));
    await response.text();
    // Timers may fire a millisecond early.
    expect(performance.now() - begun).toBeGreaterThan(27);
    expect(await onlyRequest()).toMatchObject({ outcome: 'answered', client: 'stayed' });
  });

  it('after the first event leaves the client with that event', async () => {
    const body = messages(`[[sim silent=${AN_HOUR_MS}]]`, { stream: true });
    const response = await post(MESSAGES, body);
    expect(typesOf(eventsIn(await firstPieceOf(response)))).toEqual(['message_start']);
    expect(provider().requests()).toMatchObject([{ outcome: 'open', billed: { output: 32 } }]);
  });

  it('for ever ends when the client leaves', async () => {
    const leaving = new AbortController();
    const answer = post(CHAT, chat('[[sim hang]]'), { signal: leaving.signal });
    await vi.waitFor(() => expect(provider().requests()).toHaveLength(1));
    leaving.abort();
    await expect(answer).rejects.toThrow();
    expect(await onlyRequest()).toMatchObject({
      outcome: 'hung',
      status: null,
      client: 'left',
      billed: { output: 32 },
    });
  });
});

describe('a client that leaves', () => {
  it('a stream is billed for all of it', async () => {
    const leaving = new AbortController();
    const body = messages('[[sim output=100 chunks=5 chunk-delay=5]]', { stream: true });
    const response = await post(MESSAGES, body, { signal: leaving.signal });
    await firstPieceOf(response);
    leaving.abort();
    expect(await onlyRequest()).toMatchObject({
      outcome: 'answered',
      client: 'left',
      billed: { output: 100 },
    });
  });

  it.each(['', 'status=500', 'status=504', 'reset=before', 'chunks=3'])(
    'before the answer (%s) disturbs nobody',
    async (directive) => {
      const leaving = new AbortController();
      const answer = post(CHAT, chat(`[[sim delay=40 ${directive}]]`), { signal: leaving.signal });
      await vi.waitFor(() => expect(provider().requests()).toHaveLength(1), { interval: 1 });
      leaving.abort();
      await expect(answer).rejects.toThrow();
      const { client, billed } = await onlyRequest();
      expect(client).toBe('left');
      expect(billed === null).toBe(directive === 'status=500');
      expect(await answerTo(CHAT, chat('hi'))).toHaveProperty('choices');
    },
  );
});

describe('the truth', () => {
  it('tells over HTTP what arrived, what was billed and how it ended', async () => {
    const body = chat('hi [[sim tag=one output=9]]', { user: 'alice' });
    await answerTo(`${CHAT}?a=1`, body);
    await provider().idle();
    const shown = (await (await fetch(`${provider().url}/_simulated/requests`)).json()) as unknown[];
    expect(shown).toMatchObject([
      {
        endpoint: 'openai-chat',
        dialect: 'openai',
        method: 'POST',
        path: `${CHAT}?a=1`,
        headers: { 'content-type': 'application/json' },
        bodyText: JSON.stringify(body),
        model: 'gpt-4.1-mini',
        stream: false,
        tag: 'one',
        billed: { output: 9 },
        status: 200,
        outcome: 'answered',
        client: 'stayed',
      },
    ]);
    expect(provider().requests()[0]!.body).toEqual(body);
  });

  it('forgets', async () => {
    await answerTo(CHAT, chat('hi'));
    const forgotten = await fetch(`${provider().url}/_simulated/requests`, { method: 'DELETE' });
    expect(forgotten.status).toBe(204);
    expect(provider().requests()).toEqual([]);
  });

  it('has no body where the text is none', async () => {
    await post(CHAT, '{');
    expect((await onlyRequest()).body).toBeUndefined();
  });

  it('is in the log before the first byte of the answer', async () => {
    const logFile = temporaryFile('bills.jsonl');
    const logging = await startSimulatedProvider({ logFile });
    onTestFinished(() => logging.close());
    const body = JSON.stringify(
      messages(`[[sim tag=one input=9 output=5 silent=${AN_HOUR_MS}]]`, { stream: true }),
    );
    const response = await fetch(logging.url + MESSAGES, { method: 'POST', body });
    await firstPieceOf(response);
    expect(JSON.parse(readFileSync(logFile, 'utf8'))).toMatchObject({
      id: response.headers.get('request-id'),
      endpoint: 'anthropic-messages',
      servedModel: 'claude-haiku-4-5',
      tag: 'one',
      billed: { input: 9, output: 5 },
    });
  });
});

describe('closing', () => {
  it('bills what is being made without waiting for it', async () => {
    const logFile = temporaryFile('bills.jsonl');
    const closing = await startSimulatedProvider({ logFile });
    const call = (directive: string): Promise<Response> =>
      fetch(closing.url + CHAT, { method: 'POST', body: JSON.stringify(chat(`[[sim ${directive}]]`)) });
    const calls = Promise.allSettled([
      call(`delay=${AN_HOUR_MS} output=1`),
      call(`silent=${AN_HOUR_MS} output=2`),
      call('hang output=3'),
    ]);
    await vi.waitFor(() => expect(closing.requests()).toHaveLength(3));
    await closing.close();
    await calls;
    const bills = readFileSync(logFile, 'utf8').trimEnd().split('\n');
    expect(bills.map((line) => (JSON.parse(line) as SimulatedRequest).billed!.output).toSorted()).toEqual([
      1, 2, 3,
    ]);
  });

  it('ends the process that SIGTERM is sent to', async () => {
    const logFile = temporaryFile('bills.jsonl');
    const child = spawn(process.execPath, ['--import', 'tsx', 'local/simulated-provider/main.ts'], {
      cwd: resolve(import.meta.dirname, '../..'),
      env: { PATH: process.env['PATH'], PORT: '0', SIMULATED_PROVIDER_LOG: logFile },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
    const url = /http:\/\/127\.0\.0\.1:[0-9]+/.exec(line)![0];
    const body = JSON.stringify(chat('hi'));
    expect((await fetch(url + CHAT, { method: 'POST', body })).status).toBe(200);
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(readFileSync(logFile, 'utf8')).toContain('"output":32');
  });
});
