/** A body of twice the length is twice the work, whatever it holds: counted in members read, not in time. */
import { describe, expect, it } from 'vitest';
import { anthropicMessages } from '../../../lambdas/adapters/providers/anthropic/messages.ts';
import { openAiChat } from '../../../lambdas/adapters/providers/openai/chat.ts';
import { openAiEmbeddings } from '../../../lambdas/adapters/providers/openai/embeddings.ts';
import { openAiResponses } from '../../../lambdas/adapters/providers/openai/responses.ts';
import type { JsonEndpoint } from '../../../lambdas/core/endpoint.ts';
import type { JsonObject } from '../../../lambdas/core/json-document.ts';
import { excessBytes } from '../../../lambdas/core/pricing/input-bound.ts';

/** The value, and how often anything in it was looked at. */
function counted(value: JsonObject): { value: JsonObject; reads: () => number } {
  let reads = 0;
  const wrapped = <T>(inner: T): T =>
    typeof inner === 'object' && inner !== null
      ? new Proxy(inner, {
          get: (target, name) => {
            reads += 1;
            return wrapped<unknown>(Reflect.get(target, name));
          },
          ownKeys: (target) => {
            const keys = Reflect.ownKeys(target);
            reads += keys.length;
            return keys;
          },
        })
      : inner;
  return { value: wrapped(value), reads: () => reads };
}

function workOf(endpoint: JsonEndpoint, body: JsonObject): number {
  const { value, reads } = counted(body);
  endpoint.readCall({ text: '', value }, new Headers());
  excessBytes(value);
  return reads();
}

type Elements = (n: number) => JsonObject[];
const times =
  (element: JsonObject): Elements =>
  (n) =>
    Array.from({ length: n }, () => element);
const chat = (messages: JsonObject[], more: JsonObject = {}): JsonObject => ({
  model: 'gpt-4.1',
  messages,
  ...more,
});
const messages = (more: JsonObject): JsonObject => ({
  model: 'claude-haiku-4-5',
  max_tokens: 9,
  messages: [],
  ...more,
});
const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } };
const cached = { type: 'text', text: '', cache_control: { type: 'ephemeral' } };

describe('twice the body is twice the work', () => {
  it.each<[string, JsonEndpoint, Elements, (elements: JsonObject[]) => JsonObject]>([
    ['messages', openAiChat, times({ role: 'user', content: 'a' }), (all) => chat(all)],
    ['images', openAiChat, times(image), (all) => chat([{ content: all }])],
    ['tools', openAiChat, times({ type: 'function', function: {} }), (all) => chat([], { tools: all })],
    [
      'items',
      openAiResponses,
      times({ role: 'user', content: [{ type: 'input_text', text: '' }] }),
      (all) => ({ model: 'gpt-4.1', input: all }),
    ],
    [
      'references',
      openAiResponses,
      times({ type: 'item_reference', id: 'a' }),
      (all) => ({ model: 'gpt-4.1', input: all }),
    ],
    [
      'inputs',
      openAiEmbeddings,
      times({}),
      (all) => ({ model: 'text-embedding-3-small', input: all.map(() => [1]) }),
    ],
    ['blocks', anthropicMessages, times(cached), (all) => messages({ messages: [{ content: all }] })],
    ['tools of the client', anthropicMessages, times({ name: 'f' }), (all) => messages({ tools: all })],
    [
      'searches',
      anthropicMessages,
      times({ type: 'web_search_20250305', max_uses: 1 }),
      (all) => messages({ tools: all }),
    ],
    [
      'advisors',
      anthropicMessages,
      times({ type: 'advisor_20260301', model: 'claude-opus-5', max_uses: 1 }),
      (all) => messages({ tools: all }),
    ],
    [
      'fallbacks',
      anthropicMessages,
      times({ model: 'claude-opus-5' }),
      (all) => messages({ fallbacks: all }),
    ],
    [
      'summaries',
      anthropicMessages,
      times({ type: 'compact_20260112' }),
      (all) => messages({ context_management: { edits: all } }),
    ],
  ])('%s', (_, endpoint, elements, body) => {
    const once = workOf(endpoint, body(elements(200)));
    expect(once).toBeGreaterThan(200);
    expect(workOf(endpoint, body(elements(400)))).toBeLessThan(2.01 * once);
  });
});
