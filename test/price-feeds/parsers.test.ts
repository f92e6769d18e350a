/** What is read out of each feed: which entries are ours, in which unit, and what is left out and why. */
import { describe, expect, it } from 'vitest';
import { parseExactJson } from '../../lambdas/adapters/price-feeds/exact-json.ts';
import { PARSERS } from '../../lambdas/adapters/price-feeds/families.ts';
import { documentNamed } from './documents.ts';
import { NotThisFeed } from '../../lambdas/adapters/price-feeds/feed.ts';
import { FAMILIES, type Family } from '../../lambdas/core/price-changes/reading.ts';

const parse = (family: Family, text = documentNamed(family)) =>
  PARSERS[family](parseExactJson(text), '2026-11-29');

function read(family: Family) {
  const { readings, dropped } = parse(family);
  return {
    names: readings.map(({ provider, model }) => `${provider}/${model}`),
    of: (model: string) => readings.find((reading) => reading.model === model),
    dropped: Object.fromEntries(dropped.map(({ entry, reason }) => [entry, reason])),
  };
}

describe('genai-prices', () => {
  const feed = read('genai-prices');

  it('has the models of the providers themselves', () => {
    expect(feed.names).toEqual([
      ...['openai/gpt-4.1', 'openai/gpt-5.6-sol', 'anthropic/claude-sonnet-5', 'anthropic/claude-opus-4-6'],
      ...['deepseek/deepseek-v4-pro', 'deepseek/deepseek-video', 'bedrock/global.anthropic.claude-opus-5'],
    ]);
  });

  it('reads rates and tiers', () => {
    expect(feed.of('gpt-5.6-sol')).toEqual({
      provider: 'openai',
      model: 'gpt-5.6-sol',
      list: {
        rates: { input: '4', cache_write: '5', cache_read: '0.4', output: '20' },
        tiers: [
          { threshold: 271_999n, rates: { input: '8', cache_write: '10', cache_read: '0.8', output: '30' } },
        ],
      },
      services: {},
      knowsHours: false,
      contextTokens: 1_050_000n,
      notUnderstood: [],
    });
    expect(feed.of('global.anthropic.claude-opus-5')?.list.rates).toHaveProperty('cache_write_5m', '6.25');
  });

  it('takes the price of today: not one that is announced, not one that is over', () => {
    expect(feed.of('claude-sonnet-5')?.list.rates).toEqual({
      ...{ input: '2', cache_read: '0.2', cache_write_5m: '2.5', cache_write_1h: '4', output: '10' },
    });
    expect(feed.of('claude-opus-4-6')?.list.rates).toMatchObject({ input: '5', output: '25' });
  });

  it('tells the list price from that of dearer hours', () => {
    expect(feed.of('deepseek-v4-pro')).toMatchObject({
      knowsHours: true,
      list: { rates: { input: '0.66', cache_read: '0.022', output: '1.98' } },
    });
  });

  it('says which prices it did not understand, and which entries it left out', () => {
    expect(feed.of('deepseek-video')?.notUnderstood).toEqual(['input_video_mtok']);
    expect(Object.keys(feed.dropped)).toEqual(['openai/gpt-broken', 'openai/gpt-negative', 'openai/4']);
    expect(feed.dropped['openai/gpt-negative']).toContain('prices');
  });
});

describe('litellm', () => {
  const feed = read('litellm');

  it('has the models of the providers themselves, that answer with text or vectors', () => {
    expect(feed.names).toEqual([
      ...['openai/gpt-4.1', 'openai/gpt-5.6-sol', 'anthropic/claude-opus-5', 'deepseek/deepseek-v4-pro'],
      'openai/text-embedding-3-small',
    ]);
  });

  it('reads what stands in the names of the members', () => {
    expect(feed.of('gpt-5.6-sol')).toEqual({
      provider: 'openai',
      model: 'gpt-5.6-sol',
      use: 'chat',
      list: {
        rates: { input: '4', cache_read: '0.4', cache_write: '5', cache_write_12h: '10', output: '20' },
        tiers: [
          {
            threshold: 272_000n,
            rates: { input: '8', cache_read: '0.8', cache_write: '10', cache_write_12h: '20', output: '30' },
          },
        ],
      },
      services: {
        flex: {
          rates: { input: '2', output: '10' },
          tiers: [{ threshold: 272_000n, rates: { input: '4' } }],
        },
      },
      knowsHours: false,
      contextTokens: 922_000n,
      maxOutputTokens: 128_000n,
      notUnderstood: [],
    });
    expect(feed.of('claude-opus-5')?.list.rates).toEqual({
      ...{ input: '5', cache_read: '0.5', cache_write_5m: '6.25', cache_write_1h: '10', output: '25' },
    });
    expect(feed.of('text-embedding-3-small')).toMatchObject({
      use: 'embeddings',
      list: { rates: { input: '0.02' } },
    });
  });

  it('takes the price outside of dearer hours for the list price', () => {
    expect(feed.of('deepseek-v4-pro')).toMatchObject({
      knowsHours: true,
      list: { rates: { input: '0.66', cache_read: '0.022', output: '1.98' } },
    });
  });

  it('leaves out broken entries, alone', () => {
    expect(feed.dropped).toEqual({
      'gpt-in-words': 'input_cost_per_token: document: is no price',
      'gpt-of-many-tokens': 'max_output_tokens: is no count',
    });
  });
});

describe('models-dev', () => {
  const feed = read('models-dev');

  it('has first-party models with a price, and thresholds from where they are right', () => {
    expect(feed.names).toEqual(['openai/gpt-5.4', 'openai/gpt-image-2', 'anthropic/claude-opus-4-8']);
    expect(feed.of('gpt-5.4')).toEqual({
      provider: 'openai',
      model: 'gpt-5.4',
      use: 'chat',
      list: {
        rates: { input: '2.5', cache_read: '0.25', output: '15' },
        tiers: [{ threshold: 272_000n, rates: { input: '5', cache_read: '0.5', output: '22.5' } }],
      },
      services: {},
      knowsHours: false,
      contextTokens: 1_050_000n,
      maxOutputTokens: 128_000n,
      notUnderstood: [],
    });
    expect(feed.of('claude-opus-4-8')?.list.rates).toHaveProperty('cache_write_5m', '6.25');
    expect(feed.of('gpt-image-2')).toMatchObject({ notUnderstood: ['modalities.output'] });
    expect(Object.keys(feed.dropped)).toEqual(['openai/gpt-without-limit']);
  });
});

describe('openrouter', () => {
  const feed = read('openrouter');

  it('has vendors’ models under the vendors’ names, without the noise in their digits', () => {
    expect(feed.names).toEqual(['openai/gpt-5.6-terra', 'anthropic/claude-sonnet-4-5']);
    expect(feed.of('gpt-5.6-terra')).toMatchObject({
      list: {
        rates: { input: '1', cache_read: '0.1', output: '6' },
        tiers: [{ threshold: 272_000n, rates: { input: '2', output: '9' } }],
      },
      contextTokens: 1_050_000n,
      maxOutputTokens: 128_000n,
    });
    expect(feed.of('claude-sonnet-4-5')?.list.rates).toMatchObject({
      cache_write_5m: '3.75',
      cache_write_1h: '6',
    });
    expect(Object.keys(feed.dropped)).toEqual(['data.4 gpt-odd']);
  });
});

describe.each(FAMILIES)('a document that is not what %s documents', (family) => {
  it.each([
    ['an empty object', '{}'],
    ['an empty list', '[]'],
    ['a word', '"prices"'],
    ['a number', '7'],
    ['an answer of some other service', '{"error": {"message": "rate limited", "code": 429}}'],
    ['the right members with nothing in them', '{"data": [], "products": {}, "terms": {"OnDemand": {}}}'],
  ])('%s', (_, text) => {
    expect(() => parse(family, text)).toThrow(NotThisFeed);
  });

  it('that of another feed', () => {
    for (const other of FAMILIES) {
      if (other !== family) expect(() => parse(family, documentNamed(other)), other).toThrow(NotThisFeed);
    }
  });
});
