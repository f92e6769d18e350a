/** Speaks to the simulated provider as any HTTP client does, and reads what comes back down to the event. */
import { createParser } from 'eventsource-parser';
import { afterEach, beforeEach, expect } from 'vitest';
import type { JsonObject, JsonValue } from '../../lambdas/core/json-document.ts';
import { startSimulatedProvider, type SimulatedProvider } from '../../local/simulated-provider/server.ts';

export interface StreamEvent {
  event: string | undefined;
  /** `[DONE]` as a text, as it comes. */
  data: JsonValue;
}

let current: SimulatedProvider;
export const provider = (): SimulatedProvider => current;

/** A provider of its own for each test of the file. */
export function useProvider(): void {
  beforeEach(async () => {
    current = await startSimulatedProvider({});
  });
  afterEach(() => current.close());
}

export const post = (path: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
  fetch(current.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  });

/** The JSON of an answer that must be a success. */
export async function answerTo(path: string, body: unknown): Promise<JsonObject> {
  const response = await post(path, body);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text) as JsonObject;
}

/** What stands at a path such as `choices.0.delta`; undefined where nothing does. */
export function at(value: JsonValue | undefined, path: string): JsonValue | undefined {
  let found: unknown = value;
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as JsonObject)[name];
  }
  return found as JsonValue | undefined;
}
/** The same of each event. */
export const eachAt = (events: StreamEvent[], path: string): (JsonValue | undefined)[] =>
  events.map(({ data }) => at(data, path));

export async function streamOf(
  path: string,
  body: JsonObject,
): Promise<{ events: StreamEvent[]; isBroken: boolean; headers: Headers }> {
  const response = await post(path, { ...body, stream: true });
  expect(response.status).toBe(200);
  let text = '';
  let isBroken = false;
  try {
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) text += piece;
  } catch {
    isBroken = true;
  }
  return { events: eventsIn(text), isBroken, headers: response.headers };
}

/** Waits for the first bytes of an answer, and leaves the rest to the caller. */
export async function firstPieceOf(response: Response): Promise<string> {
  const { value } = await response.body!.getReader().read();
  return new TextDecoder().decode(value);
}

export function eventsIn(text: string): StreamEvent[] {
  const events: StreamEvent[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) =>
      events.push({ event, data: data === '[DONE]' ? data : (JSON.parse(data) as JsonValue) }),
  });
  parser.feed(text);
  return events;
}

export const typesOf = (events: StreamEvent[]): (JsonValue | undefined)[] => eachAt(events, 'type');

export const CHAT = '/v1/chat/completions';
export const RESPONSES = '/v1/responses';
export const EMBEDDINGS = '/v1/embeddings';
export const MESSAGES = '/v1/messages';

export const chat = (content: string, more: JsonObject = {}): JsonObject => ({
  model: 'gpt-4.1-mini',
  messages: [{ role: 'user', content }],
  ...more,
});
export const responses = (input: string, more: JsonObject = {}): JsonObject => ({
  model: 'gpt-4.1-mini',
  input,
  ...more,
});
export const messages = (content: string, more: JsonObject = {}): JsonObject => ({
  model: 'claude-haiku-4-5',
  max_tokens: 1000,
  messages: [{ role: 'user', content }],
  ...more,
});
export const embeddings = (input: string, more: JsonObject = {}): JsonObject => ({
  model: 'text-embedding-3-small',
  input,
  ...more,
});
