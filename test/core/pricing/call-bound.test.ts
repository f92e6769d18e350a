/** What a call can use and cost at most: its own inference in all its rounds, and those that the provider adds. */
import { describe, expect, it } from 'vitest';
import { BARE_SHAPE, type CallShape, type SideInference } from '../../../lambdas/core/endpoint.ts';
import { boundOf } from '../../../lambdas/core/pricing/call-bound.ts';
import type { PriceCard } from '../../../lambdas/core/pricing/card.ts';
import { whole } from '../../../lambdas/core/pricing/ratio.ts';
import { testCard } from './cards-for-tests.ts';

/** $1 in, $5 out a million: a microdollar is a million picodollars. */
const card = testCard({
  rates: { input: '1', cache_write_5m: '2', output: '5' },
  multipliers: [{ when: 'usage.speed=fast', factor: '2' }],
  fees: { web_search: { usd: '10', per: '1000' } },
  limits: { contextTokens: 1000n, maxOutputTokens: 100n },
});
const helper = testCard({
  model: 'helper',
  rates: { input: '3', cache_write_5m: '4', output: '10' },
  limits: { contextTokens: 2000n, maxOutputTokens: 50n },
});
const USD_MICRO = 1_000_000n;

function bound(
  shape: Partial<CallShape>,
  {
    bodyBytes = 100n,
    openTier = [],
    own = card,
  }: { bodyBytes?: bigint; openTier?: string[]; own?: PriceCard } = {},
) {
  const question = {
    read: {
      shape: { ...BARE_SHAPE, model: 'm', output: 'limited' as const, outputTokensAsked: 10n, ...shape },
      texts: [],
      hash: () => Promise.resolve(''),
      outgoing: { contentType: '', bodyFor: () => '' },
    },
    bodyBytes,
    cards: [own] as const,
    openTier,
    cardsOf: (model: string): [PriceCard] | undefined => {
      const found = [own, helper].find((one) => one.model === model);
      return found && [found];
    },
  };
  return boundOf(question);
}
function held(...args: Parameters<typeof bound>) {
  const found = bound(...args);
  if (!found.ok) throw new Error(found.refusal.message);
  const { worst, inputTokensMax, choices } = found.value;
  return { inputTokensMax, choices, hold: worst.holdFor(10n), worst };
}
const side = (more: Partial<SideInference>): SideInference => ({
  model: 'helper',
  times: 1n,
  outputTokensMax: undefined,
  cacheWrites: 'none',
  fromInputTokens: undefined,
  ...more,
});

describe('the call itself', () => {
  it('is bounded by its bytes', () => {
    // 100 x $1 + 10 x $5
    expect(held({})).toMatchObject({ inputTokensMax: 100n, choices: 1n, hold: 150n * USD_MICRO });
  });

  it('and by the context where they are more', () => {
    expect(held({}, { bodyBytes: 5000n })).toMatchObject({ inputTokensMax: 1000n });
  });

  it('and by a context for each text that is read apart', () => {
    expect(held({ inputs: 3n }, { bodyBytes: 2999n })).toMatchObject({ inputTokensMax: 2999n });
    expect(held({ inputs: 3n }, { bodyBytes: 5000n })).toMatchObject({ inputTokensMax: 3000n });
  });

  it('reads a whole context in each of several rounds, and writes in each', () => {
    // 3 x 1,000 x $1 + 3 x 10 x $5
    expect(held({ rounds: 3n })).toMatchObject({
      inputTokensMax: 3000n,
      choices: 3n,
      hold: 3150n * USD_MICRO,
    });
  });

  it('has fees', () => {
    expect(held({ fees: { web_search: whole(2n) } })).toMatchObject({
      hold: 150n * USD_MICRO + 20_000n * USD_MICRO,
    });
  });

  it('is held at what its tier may become where the request leaves it open, and not where it names one', () => {
    const openTier = ['usage.speed=fast', 'usage.speed=unheard-of'];
    expect(held({ tierIsOpen: true }, { openTier })).toMatchObject({ hold: 300n * USD_MICRO });
    expect(held({ tierIsOpen: false }, { openTier })).toMatchObject({ hold: 150n * USD_MICRO });
  });

  it('has output that no limit lowers', () => {
    const found = held({ output: 'fixed', outputTokensAsked: 20n, choices: 2n });
    expect(found).toMatchObject({ inputTokensMax: 140n });
    // 100 x $1 + 2 x 20 x $5
    expect(found.worst.holdFor(0n)).toBe(300n * USD_MICRO);
  });

  it('counts what the provider adds to its bytes, and images apart from them', () => {
    // 100 + 7 of the request + 20 of the model
    const adding = testCard({ ...card, bounds: { hiddenInputTokens: 20n, imageTokensMax: 50n } });
    expect(held({ hiddenInputTokens: 7n }, { own: adding })).toMatchObject({ inputTokensMax: 127n });
    // 100 bytes, of which 60 are images + 2 x 50 + 20
    const images = { count: 2n, inlineBytes: 60n };
    expect(held({ images }, { own: adding })).toMatchObject({ inputTokensMax: 160n });
  });

  it('of images that nothing bounds is refused, and told what to do', () => {
    const found = bound({ images: { count: 1n, inlineBytes: 0n } });
    expect(found).toMatchObject({
      ok: false,
      refusal: {
        code: 'not_meterable',
        message:
          'Images to "m" cannot be bounded here; send text, or use a model whose image cost is documented.',
      },
    });
  });

  it('that asks for what has no price is refused, and told what', () => {
    expect(bound({ conditionsAsked: ['usage.speed=ludicrous'] })).toMatchObject({
      ok: false,
      refusal: {
        code: 'not_meterable',
        message: '"m" has no price here for usage.speed=ludicrous; leave it out of the request.',
      },
    });
  });

  it('never writes more than the model can', () => {
    const found = held({ output: 'fixed', outputTokensAsked: undefined });
    expect(found.worst.holdFor(0n)).toBe(600n * USD_MICRO);
  });
});

describe('added inferences', () => {
  it('each use a whole context and all that their model may write', () => {
    // 100 + 2 x (2,000 + 50); 150 + 2 x (2,000 x $3 + 50 x $10)
    expect(held({ sideInferences: [side({ times: 2n })] })).toMatchObject({
      inputTokensMax: 4200n,
      choices: 1n,
      hold: (150n + 13_000n) * USD_MICRO,
    });
  });

  it('write no more than they are told', () => {
    expect(held({ sideInferences: [side({ outputTokensMax: 5n })] })).toMatchObject({
      inputTokensMax: 2105n,
      hold: (150n + 6050n) * USD_MICRO,
    });
    expect(held({ sideInferences: [side({ outputTokensMax: 99n })] })).toMatchObject({
      inputTokensMax: 2150n,
    });
  });

  it('write the cache where they are asked to', () => {
    const sideInferences = [side({ outputTokensMax: 0n, cacheWrites: '5m' })];
    expect(held({ sideInferences })).toMatchObject({ hold: (150n + 8000n) * USD_MICRO });
  });

  it('are by the model itself where they name none', () => {
    // 1,000 x $1 + 100 x $5
    expect(held({ sideInferences: [side({ model: undefined })] })).toMatchObject({ hold: 1650n * USD_MICRO });
  });

  it('add up', () => {
    const sideInferences = [side({ outputTokensMax: 0n }), side({ outputTokensMax: 0n })];
    expect(held({ sideInferences })).toMatchObject({ hold: (150n + 12_000n) * USD_MICRO });
  });

  it('leave less for the output of the call', () => {
    const { worst } = held({ sideInferences: [side({ outputTokensMax: 0n })] });
    const budget = (6000n + 100n + 35n) * USD_MICRO;
    expect(worst.outputTokensFor(budget as never)).toBe(7n);
    expect(worst.outputTokensFor((6000n * USD_MICRO) as never)).toBe(-1n);
  });

  it.each([
    ['are held from the size on at which they happen', { bodyBytes: 490n }, 1000n + 1100n],
    ['and not below it', { bodyBytes: 489n }, 489n],
  ])('%s', (_, options, inputTokensMax) => {
    const sideInferences = [side({ model: undefined, fromInputTokens: 500n })];
    // What a summary leaves is read by the call itself: its whole context is held.
    expect(held({ sideInferences }, options)).toMatchObject({ inputTokensMax });
  });

  it.each<[string, Partial<CallShape>]>([
    ['in several rounds', { rounds: 2n }],
    ['without an output limit', { outputTokensAsked: undefined }],
  ])('are held at any size %s', (_, more) => {
    const sideInferences = [side({ model: undefined, fromInputTokens: 500n })];
    expect(held({ ...more, sideInferences }).inputTokensMax).toBeGreaterThanOrEqual(2100n);
  });

  it('by a model without a price are refused', () => {
    const found = bound({ sideInferences: [side({ model: 'unheard-of' })] });
    expect(found).toMatchObject({
      ok: false,
      refusal: {
        code: 'model_not_priced',
        message: expect.stringContaining('The model "unheard-of", which may take part') as string,
      },
    });
  });

  it('by a model without a price for what is asked are refused', () => {
    const found = bound({ conditionsAsked: ['usage.speed=fast'], sideInferences: [side({})] });
    expect(found).toMatchObject({ ok: false, refusal: { code: 'not_meterable' } });
  });
});

describe('sound', () => {
  const whisper = testCard({
    rates: {},
    fees: { audio_second: { usd: '0.006', per: '60' } },
    limits: { contextTokens: 0n, maxOutputTokens: 0n },
  });
  const ask = (one: PriceCard, secondsMax: bigint | undefined) =>
    boundOf({
      read: {
        shape: { ...BARE_SHAPE, model: 'm', output: 'fixed', audio: { secondsMax } },
        texts: [],
        hash: () => Promise.resolve(''),
        outgoing: { contentType: '', bodyFor: () => '' },
      },
      bodyBytes: 100n,
      cards: [one],
      openTier: [],
      cardsOf: () => [one],
    });

  it('is held by its seconds where the model is billed by them', () => {
    const found = ask(whisper, 90n);
    expect(found.ok && found.value.worst.holdFor(0n)).toBe(9_000n * USD_MICRO);
    expect(ask(whisper, undefined)).toMatchObject({
      ok: false,
      refusal: {
        code: 'not_meterable',
        message: expect.stringContaining('send WAV or MP3') as string,
      },
    });
  });

  it('is none where the call has no file', () => {
    expect(bound({}, { own: whisper, bodyBytes: 0n })).toMatchObject({ ok: true });
  });

  it('is held at the whole context where it is billed by tokens, whatever its length', () => {
    // 1,000 x $1 + 100 x $5
    for (const seconds of [90n, undefined]) {
      const found = ask(card, seconds);
      expect(found.ok && found.value.worst.holdFor(0n)).toBe(1500n * USD_MICRO);
      expect(found).toMatchObject({ value: { inputTokensMax: 1100n } });
    }
  });
});
