/** The price list of AWS: records of its files, and rows that it might have one day. */
import { describe, expect, it } from 'vitest';
import { parseAws } from '../../lambdas/adapters/price-feeds/aws.ts';
import { parseExactJson } from '../../lambdas/adapters/price-feeds/exact-json.ts';
import { epochMs } from '../../lambdas/core/brands.ts';
import { decideChange } from '../../lambdas/core/price-changes/decide.ts';
import { reviewedPrices } from '../../prices/reviewed.ts';
import { documentNamed } from './documents.ts';

const parse = (text: string) => parseAws(parseExactJson(text), '2026-11-29');

describe('the AWS price list', () => {
  const recorded = ['aws', 'aws-bedrock'].map((name) => parse(documentNamed(name)));
  const readings = recorded.flatMap((feed) => feed.readings);
  const listOf = (name: string) => readings.find(({ model }) => model === name)?.list;

  it('reads what AWS lists for a region and for all regions, under either naming', () => {
    expect(recorded.map(({ dropped }) => dropped)).toEqual([[], []]);
    expect(listOf('us.anthropic.claude-sonnet-4-6')).toEqual({
      rates: {
        input: '3.3',
        output: '16.5',
        cache_read: '0.33',
        cache_write_5m: '4.125',
        cache_write_1h: '6.6',
      },
      tiers: [],
    });
    expect(listOf('global.anthropic.claude-haiku-4-5-20251001-v1:0')?.rates).toEqual({
      ...{ input: '1', output: '5', cache_read: '0.1', cache_write_5m: '1.25' },
    });
    expect(listOf('us.anthropic.claude-opus-5')?.rates).toEqual({ input: '5.5', output: '27.5' });
    expect(listOf('amazon.nova-pro-v1:0')?.rates).toEqual({ input: '0.8', output: '3.2', cache_read: '0.2' });
    expect(listOf('us.amazon.nova-2-lite-v1:0')?.rates).toEqual({ input: '0.33', output: '2.75' });
    expect(listOf('global.amazon.nova-2-lite-v1:0')?.rates).toEqual({ input: '0.3', output: '2.5' });
    expect(readings).toHaveLength(13);
  });

  it('says what the reviewed cards say, of every model that it lists', () => {
    const book = reviewedPrices();
    for (const reading of readings) {
      const card = book.find('bedrock-converse', reading.model, epochMs(Date.UTC(2026, 10, 29)));
      if (card === undefined) throw new Error(`no card for ${reading.model}`);
      const said = { family: 'aws' as const, since: epochMs(1), reading };
      expect(decideChange({ card, since: 0, anchor: card }, [said]), reading.model).toEqual([]);
    }
  });

  /** The recorded file with one row more. */
  const withRow = ({ unit = '1M tokens', usd = '1', description = '', ...attributes }: Row) => {
    const document = JSON.parse(documentNamed('aws')) as AwsDocument;
    document.products['ROW'] = { attributes };
    const dimension = { unit, description, pricePerUnit: { USD: usd } };
    document.terms.OnDemand['ROW'] = { TERM: { priceDimensions: { DIMENSION: dimension } } };
    return parse(JSON.stringify(document));
  };
  const OPUS_5 = 'Claude Opus 5 (Amazon Bedrock Edition)';

  it.each<[string, Row, string]>([
    [
      'a usage type of Claude',
      { servicename: OPUS_5, usagetype: 'USE1-MP:USE1_ThoughtTokenCount-Units' },
      'a usage type that is not known here',
    ],
    [
      'a usage type of Nova',
      { model: 'Nova Pro', usagetype: 'USE1-NovaPro-thought-tokens' },
      'a usage type that is not known here',
    ],
    [
      'a model of Anthropic’s',
      {
        servicename: 'Claude Opus 9 (Amazon Bedrock Edition)',
        usagetype: 'USE1-MP:USE1_InputTokenCount-Units',
      },
      'the model "Claude Opus 9" is not known here',
    ],
    [
      'a unit',
      { servicename: OPUS_5, usagetype: 'USE1-MP:USE1_cache_read_tokens_standard-Units', unit: 'Gallons' },
      'the unit "Gallons" is not known here',
    ],
    [
      'another price for what has one',
      { servicename: OPUS_5, usagetype: 'USE1-MP:USE1_InputTokenCount-Units', usd: '5.6' },
      'a second price, 5.6, beside 5.5',
    ],
    [
      'a price that is none',
      { servicename: OPUS_5, usagetype: 'USE1-MP:USE1_cache_read_tokens_standard-Units', usd: 'n/a' },
      'the price is no number',
    ],
  ])('does not guess what it does not know: %s', (_, row, reason) => {
    expect(withRow(row).dropped).toEqual([{ entry: `ROW ${row.usagetype}`, reason }]);
  });

  it.each<[string, string]>([
    ['another region', 'UGW1-MP:UGW1_InputTokenCount-Units'],
    ['a batch', 'USE1-MP:USE1_InputTokenCount_Global_Batch-Units'],
    ['a long context', 'USE1-MP:USE1_InputTokenCount_LCtx-Units'],
    ['a long context, as it is named now', 'USE1-MP:USE1_input_tokens_long_ctx_standard-Units'],
    ['a fast answer', 'USE1-MP:USE1_InputTokenCount_LatencyOptimized-Units'],
    ['storage', 'USE1-MP:USE1_CacheStorage-Units'],
  ])('passes over %s: %s', (_, usagetype) => {
    const { dropped, readings: read } = withRow({ servicename: OPUS_5, usagetype, usd: '9' });
    expect(dropped).toEqual([]);
    expect(read).toEqual(recorded[0]!.readings);
  });

  it.each([
    ['Units', 'AWS Marketplace software usage|us-east-1|Million Cache Read Input Tokens Regional', '0.55'],
    ['1M tokens', 'whatever', '0.55'],
    ['1K tokens', 'whatever', '0.00055'],
  ])('reads the unit %s', (unit, description, usd) => {
    const row = { servicename: OPUS_5, usagetype: 'USE1-MP:USE1_CacheReadInputTokenCount-Units' };
    const { readings: read } = withRow({ ...row, unit, description, usd });
    const opus = read.find(({ model }) => model === 'us.anthropic.claude-opus-5');
    expect(opus?.list.rates).toMatchObject({ cache_read: '0.55' });
  });
});

interface Row {
  servicename?: string;
  model?: string;
  usagetype: string;
  unit?: string;
  usd?: string;
  description?: string;
}
interface AwsDocument {
  products: Record<string, unknown>;
  terms: { OnDemand: Record<string, unknown> };
}
