/** What Anthropic does beyond one inference: bounded by the request, or refused by name (prices.md 4.3). */
import { describe, expect, it } from 'vitest';
import { anthropicMessages } from '../../../lambdas/adapters/providers/anthropic/messages.ts';
import { whole } from '../../../lambdas/core/pricing/ratio.ts';
import { readBody, type Body } from './read-call.ts';

const BASE = { model: 'claude-haiku-4-5', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };
const read = (more: Body) => readBody(anthropicMessages, { ...BASE, ...more });
const tools = (...list: object[]) => ({ tools: list });
const search = { type: 'web_search_20250305', name: 'web_search', max_uses: 3 };
const fetching = { type: 'web_fetch_20250910', name: 'web_fetch', max_uses: 2 };
const advisor = { type: 'advisor_20260301', name: 'advisor', model: 'claude-opus-5', max_uses: 2 };
const side = {
  model: undefined,
  times: 1n,
  outputTokensMax: undefined,
  cacheWrites: 'none',
  fromInputTokens: undefined,
};

describe('server tools', () => {
  it.each<[string, Body, object]>([
    ['none', {}, { rounds: 1n, fees: {}, sideInferences: [] }],
    ['tools of the client', tools({ name: 'f' }, { type: 'bash_20250124' }), { rounds: 1n }],
    ['a search', tools(search), { rounds: 4n, fees: { web_search: whole(3n) } }],
    ['a search that may not be used', tools({ ...search, max_uses: 0 }), { rounds: 1n, fees: {} }],
    ['pages, which cost their tokens only', tools(fetching), { rounds: 3n, fees: {} }],
    ['both', tools(search, fetching), { rounds: 6n, fees: { web_search: whole(3n) } }],
    [
      'a later version that only the model calls',
      tools({ ...search, type: 'web_search_20260318', allowed_callers: ['direct'] }),
      { rounds: 4n },
    ],
    [
      'advice',
      tools({ ...advisor, max_tokens: 500 }),
      { rounds: 3n, sideInferences: [{ ...side, model: 'claude-opus-5', times: 2n, outputTokensMax: 500n }] },
    ],
    [
      'advice of any length, cached for an hour',
      tools({ ...advisor, caching: { type: 'ephemeral', ttl: '1h' } }),
      { sideInferences: [{ ...side, model: 'claude-opus-5', times: 2n, cacheWrites: '1h' }] },
    ],
    [
      'toolsets of the client',
      tools({ type: 'browser_toolset_20260801' }),
      { rounds: 1n, hiddenInputTokens: 8192n },
    ],
  ])('%s', (_, more, shape) => {
    expect(read(more)).toMatchObject(shape);
  });

  it.each<[string, Body, RegExp]>([
    ['a search without end', tools({ ...search, max_uses: undefined }), /give it "max_uses"/],
    ['a search with null for its end', tools({ ...search, max_uses: null }), /give it "max_uses"/],
    ['half a search', tools({ ...search, max_uses: 1.5 }), /give it "max_uses"/],
    ['fewer searches than none', tools({ ...search, max_uses: -1 }), /give it "max_uses"/],
    ['a search that code may call', tools({ ...search, type: 'web_search_20260209' }), /allowed_callers/],
    [
      'a search that code may call, too',
      tools({ ...search, allowed_callers: ['direct', 'code_execution_20260120'] }),
      /allowed_callers/,
    ],
    ['advice without end', tools({ ...advisor, max_uses: undefined }), /give it "max_uses"/],
    ['advice by nobody', tools({ ...advisor, model: undefined }), /must name its "model"/],
    ['code', tools({ type: 'code_execution_20250825', name: 'code_execution' }), /cannot be bounded/],
    ['a search among tools', tools({ type: 'tool_search_tool_bm25_20251119' }), /cannot be bounded/],
    ['a search of another name', tools({ type: 'web_search', max_uses: 1 }), /cannot be bounded/],
  ])('%s is not meterable, and the refusal says why', (_, more, message) => {
    const refusal = read(more);
    expect(refusal).toMatchObject({ code: 'not_meterable', param: 'tools' });
    expect((refusal as { message: string }).message).toMatch(message);
  });
});

describe('summaries', () => {
  const edits = (...list: unknown[]) => ({ context_management: { edits: list } });
  const compaction = { type: 'compact_20260112' };

  it.each<[string, Body, object[]]>([
    ['none', { context_management: null }, []],
    ['no edit', edits(), []],
    ['no list of edits', { context_management: {} }, []],
    ['clearing', edits({ type: 'clear_thinking_20251015' }, { type: 'clear_tool_uses_20250919' }), []],
    ['a summary from 150,000 tokens on', edits(compaction), [{ ...side, fromInputTokens: 150_000n }]],
    [
      'a summary from another size on',
      edits({ ...compaction, trigger: { type: 'input_tokens', value: 60_000 } }),
      [{ ...side, fromInputTokens: 60_000n }],
    ],
    [
      'a summary in each round',
      { ...edits(compaction), ...tools(search) },
      [{ ...side, times: 4n, fromInputTokens: 150_000n }],
    ],
    ['a summary asked for', { compaction: { type: 'summarize' } }, [side]],
  ])('%s', (_, more, sideInferences) => {
    expect(read(more)).toMatchObject({ sideInferences });
  });

  it.each<[string, Body]>([
    ['an edit of another kind', edits({ type: 'rewrite_20270101' })],
    ['an edit without a kind', edits({})],
    ['an edit that is none', edits(1)],
    ['a trigger that is none', edits({ ...compaction, trigger: { value: 'soon' } })],
    ['a trigger by name', edits({ ...compaction, trigger: 'soon' })],
    ['edits in another form', { context_management: 'compact' }],
    ['edits that are no list', { context_management: { edits: 1 } }],
  ])('%s is not meterable', (_, more) => {
    expect(read(more)).toMatchObject({ code: 'not_meterable', param: 'context_management' });
  });
});

describe('attempts by other models', () => {
  it.each<[string, unknown, object[]]>([
    ['none', [], []],
    ['null', null, []],
    [
      'each with the limit of the request',
      [{ model: 'a' }, { model: 'b', max_tokens: null }],
      [
        { ...side, model: 'a', outputTokensMax: 100n },
        { ...side, model: 'b', outputTokensMax: 100n },
      ],
    ],
    [
      'with a limit of its own',
      [{ model: 'a', max_tokens: 7 }],
      [{ ...side, model: 'a', outputTokensMax: 7n }],
    ],
  ])('%s', (_, fallbacks, sideInferences) => {
    expect(read({ fallbacks })).toMatchObject({ sideInferences });
  });

  it.each<[string, unknown]>([
    ['chosen by the provider', 'default'],
    ['of no name', [{}]],
    ['that are none', ['a']],
    ['at another speed', [{ model: 'a', speed: 'fast' }]],
  ])('%s are not meterable', (_, fallbacks) => {
    expect(read({ fallbacks })).toMatchObject({ code: 'not_meterable', param: 'fallbacks' });
  });
});
