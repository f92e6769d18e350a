import { describe, expect, it } from 'vitest';
import { imageTokensMax } from '../../../lambdas/adapters/providers/openai/image-tokens.ts';
import { openAiImages } from '../../../lambdas/adapters/providers/openai/images.ts';
import { reviewedCards } from '../../../prices/reviewed.ts';
import { readBody, readText, sentText } from './read-call.ts';

const BODY = { model: 'gpt-image-2', prompt: 'A cat.' };
const read = (more: object) => readBody(openAiImages, { ...BODY, ...more });

describe('tokens of an image', () => {
  // Read from the calculator of OpenAI's guide (2026-09-05), and, for low, from billed usage (2026-09-22).
  it.each([
    ['gpt-image-2', 'high', '1024x1024', 7_024n],
    ['gpt-image-2', 'high', '1536x1024', 5_488n],
    ['gpt-image-2', 'high', '1024x1536', 5_488n],
    ['gpt-image-2', 'high', '1024x640', 3_824n],
    ['gpt-image-2', 'high', '3072x1024', 3_952n],
    ['gpt-image-2', 'high', '2560x1440', 7_370n],
    ['gpt-image-2', 'high', '3840x1280', 5_311n],
    ['gpt-image-2', 'high', '2048x2048', 14_272n],
    ['gpt-image-2', 'high', '3840x2160', 13_342n],
    ['gpt-image-2', 'medium', '1024x1024', 1_756n],
    ['gpt-image-2', 'medium', '3840x2160', 3_336n],
    ['gpt-image-2', 'low', '3840x2160', 371n],
    ['gpt-image-2.5-sunburst', 'low', '1024x1024', 196n],
    ['gpt-image-2.5-sunburst', 'low', '1536x1024', 158n],
    ['gpt-image-2.5-sunburst', 'low', '2560x1440', 205n],
    // 24 x 24 and 96 x 96 cells x 3,048,576 / 4,000,000
    ['gpt-image-2.5-flare', 'medium', '1024x1024', 439n],
    ['gpt-image-2.5-flare', 'max', '1024x1024', 7_024n],
  ])('%s %s %s', (model, quality, size, tokens) => {
    expect(imageTokensMax({ model, quality, size })).toBe(tokens);
  });

  const dearest = 23_719n; // 96 x 96 cells x (2,000,000 + 8,294,400) / 4,000,000
  it.each<[string, { quality?: unknown; size?: unknown }, bigint]>([
    ['nothing asked', {}, dearest],
    ['the choice left to the model', { quality: 'auto', size: 'auto' }, dearest],
    ['null', { quality: null, size: null }, dearest],
    ['a quality that the model does not have', { quality: 'max' }, dearest],
    ['a quality of every object', { quality: 'constructor' }, dearest],
    ['no quality at a size', { size: '1024x1024' }, 7_024n],
    ['no size at a quality', { quality: 'low' }, 659n],
    ['a size that is refused', { quality: 'low', size: '9999x16' }, 659n],
    ['a size of too many pixels', { quality: 'low', size: '3840x3840' }, 659n],
    ['a size of nothing', { quality: 'low', size: '0x1024' }, 659n],
    ['a size that is none', { quality: 'low', size: '1e3x1e3' }, 659n],
  ])('%s is the dearest of its kind', (_, { quality, size }, tokens) => {
    expect(imageTokensMax({ model: 'gpt-image-2', quality, size })).toBe(tokens);
  });

  it('are bounded for every name that has a price, and never above what its card allows', () => {
    const cards = reviewedCards.filter(({ endpoints }) => endpoints.includes('openai-images'));
    expect(cards.length).toBeGreaterThan(0);
    for (const { model, aliases, limits } of cards) {
      for (const name of [model, ...aliases]) {
        const most = imageTokensMax({ model: name, quality: undefined, size: undefined });
        expect(most! + 300n <= limits.maxOutputTokens, name).toBe(true);
      }
    }
  });

  it.each(['gpt-image-2.6-sunburst', 'gpt-image-3', 'toString'])('are not known of %s', (model) => {
    expect(imageTokensMax({ model, quality: 'low', size: '1024x1024' })).toBeUndefined();
  });
});

describe('a call', () => {
  it.each<[string, object, object]>([
    ['one image', { quality: 'low', size: '1024x1024' }, { choices: 1n, outputTokensAsked: 196n }],
    ['several', { quality: 'low', size: '1024x1024', n: 10 }, { choices: 10n, outputTokensAsked: 196n }],
    [
      'partial ones, a hundred tokens each',
      { quality: 'low', size: '1024x1024', stream: true, partial_images: 3 },
      { choices: 1n, outputTokensAsked: 496n, streaming: true },
    ],
    ['null for what is left out', { n: null, partial_images: null, stream: null }, { choices: 1n }],
    ['its output is nothing that we may change', {}, { output: 'fixed', media: ['image'] }],
    ['a model without a table leaves it to the card', { model: 'x' }, { outputTokensAsked: undefined }],
  ])('%s', (_, more, shape) => {
    expect(read(more)).toMatchObject(shape);
  });

  it.each<[string, object, string]>([
    ['no model', { model: undefined }, 'model'],
    ['no prompt', { prompt: ['A cat.'] }, 'prompt'],
    ['no image', { n: 0 }, 'n'],
    ['too many images', { n: 11 }, 'n'],
    ['half an image', { n: 1.5 }, 'n'],
    ['too many partial images', { partial_images: 4 }, 'partial_images'],
    ['fewer partial images than none', { partial_images: -1 }, 'partial_images'],
  ])('%s is invalid', (_, more, param) => {
    expect(read(more)).toMatchObject({ code: 'invalid_request', param });
  });

  it.each<[string, object, string]>([
    ['an SVG', { output_format: 'svg' }, 'output_format'],
    ['a GIF', { output_format: 'gif' }, 'output_format'],
    ['a model that writes it', { svg: { model: 'gpt-6-sol' } }, 'svg'],
    ['planning', { complexity: 'low' }, 'complexity'],
    ['a rewritten prompt', { prompt_rewriter: 'auto' }, 'prompt_rewriter'],
    ['frames', { frame_count: 9 }, 'frame_count'],
    ['a stream of several', { stream: true, n: 2 }, 'n'],
  ])('%s cannot be metered', (_, more, param) => {
    expect(read(more)).toMatchObject({ code: 'not_meterable', param });
  });

  it('is forwarded as it came', () => {
    const text = '{ "model":"gpt-image-2", "prompt":"A cat.","odd":1.0 ,"seed":12345678901234567890}';
    expect(readText(openAiImages, text)).toMatchObject({ model: 'gpt-image-2' });
    expect(sentText(openAiImages, text)).toBe(text);
  });
});
