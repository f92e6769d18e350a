/**
 * What the official SDKs' time-outs really cut, and what they say of retries (docs/retries.md): measured on a server
 * that falls silent where it is told to.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { httpServer } from '../support/socket-servers.ts';
import { ANTHROPIC_MAJORS, OPENAI_MAJORS } from './majors.ts';
import { MODEL } from './refusals.ts';

const TIMEOUT_MS = 100;
/** Many times the time-out: who has not given up by now waits on. */
const FAR_LATER_MS = 1000;

interface Sdk {
  sdk: string;
  /** Whether the time-out goes on while a plain body is read. */
  cutsBodies: boolean;
  timeoutError: new (...args: never[]) => Error;
  /** Where nothing is set. */
  defaults: { timeout: number; maxRetries: number };
  /** One call, with a retry. */
  call: (origin: string, options?: object) => Promise<unknown>;
  /** A stream, read to its end. */
  stream: (origin: string, options?: object) => Promise<unknown>;
}

const messages = [{ role: 'user' as const, content: 'Hello' }];
const settings = (apiKey: string) => ({ apiKey, timeout: TIMEOUT_MS, maxRetries: 1 });

async function readAll(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

const SDKS: Sdk[] = [
  ...OPENAI_MAJORS.map(({ sdk, OpenAI }): Sdk => {
    const clientOf = (origin: string) => new OpenAI({ baseURL: `${origin}/v1`, ...settings('sck_test') });
    const body = { model: MODEL.openai, messages };
    return {
      sdk,
      cutsBodies: sdk === 'openai 7',
      timeoutError: OpenAI.APIConnectionTimeoutError,
      defaults: new OpenAI({ apiKey: 'sck_test' }),
      call: (origin, options) => clientOf(origin).chat.completions.create(body, options),
      stream: async (origin, options) =>
        readAll(await clientOf(origin).chat.completions.create({ ...body, stream: true }, options)),
    };
  }),
  ...ANTHROPIC_MAJORS.map(({ sdk, Anthropic }): Sdk => {
    const clientOf = (origin: string) => new Anthropic({ baseURL: origin, ...settings('sck_test') });
    const body = { model: MODEL.anthropic, max_tokens: 10, messages };
    return {
      sdk,
      cutsBodies: false,
      timeoutError: Anthropic.APIConnectionTimeoutError,
      defaults: new Anthropic({ apiKey: 'sck_test' }),
      call: (origin, options) => clientOf(origin).messages.create(body, options),
      stream: async (origin, options) =>
        readAll(await clientOf(origin).messages.create({ ...body, stream: true }, options)),
    };
  }),
];

/** How a call ended, or that it still waits. */
async function endingOf(call: Promise<unknown>): Promise<unknown> {
  const waiting = new Promise((resolve) => setTimeout(resolve, FAR_LATER_MS, 'waits on'));
  return Promise.race([call.catch((error: unknown) => error), waiting]);
}

const silent = (): void => undefined;
const status = (type: string) => (_request: IncomingMessage, response: ServerResponse) => {
  response.writeHead(200, { 'content-type': type });
  response.flushHeaders();
};

describe.each(SDKS)('$sdk', ({ call, stream, cutsBodies, timeoutError, defaults }) => {
  it('waits ten minutes and tries three times unless told otherwise', () => {
    expect(defaults).toMatchObject({ timeout: 600_000, maxRetries: 2 });
  });

  it('cuts a call without a status, and repeats it', async () => {
    const { origin, requests } = await httpServer(silent);
    await expect(call(origin)).rejects.toBeInstanceOf(timeoutError);
    expect(requests).toHaveLength(2);
  });

  it(cutsBodies ? 'cuts a plain body that does not come' : 'waits on for a plain body', async () => {
    const { origin, requests } = await httpServer(status('application/json'));
    const ending = await endingOf(call(origin));
    if (cutsBodies) expect(ending).toBeInstanceOf(timeoutError);
    else expect(ending).toBe('waits on');
    expect(requests).toHaveLength(cutsBodies ? 2 : 1);
  });

  it('waits on for a stream that fell silent', async () => {
    const { origin, requests } = await httpServer(status('text/event-stream'));
    expect(await endingOf(stream(origin))).toBe('waits on');
    expect(requests).toHaveLength(1);
  });

  it.each([
    ['without a status', silent, call],
    ['with a silent body', status('application/json'), call],
    ['with a silent stream', status('text/event-stream'), stream],
  ])('a signal cuts a call %s, for good', async (_, answer, send) => {
    const { origin, requests } = await httpServer(answer);
    const options = { signal: AbortSignal.timeout(TIMEOUT_MS), timeout: 60_000, maxRetries: 2 };
    expect(await endingOf(send(origin, options))).not.toBe('waits on');
    expect(requests).toHaveLength(1);
  });

  it('sends no Idempotency-Key unless it is given as a header; then the same with each retry', async () => {
    const keysSent = async (options?: object): Promise<unknown[]> => {
      const { origin, requests } = await httpServer((_request, response) => response.writeHead(500).end());
      await expect(call(origin, options)).rejects.toThrow();
      return requests.map(({ headers }) => headers['idempotency-key']);
    };
    expect(await keysSent()).toEqual([undefined, undefined]);
    expect(await keysSent({ idempotencyKey: 'k1' })).toEqual([undefined, undefined]);
    expect(await keysSent({ headers: { 'Idempotency-Key': 'k1' } })).toEqual(['k1', 'k1']);
  });
});
