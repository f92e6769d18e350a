/** How providers' words come out in those of a price card. */
import type { Provider, TokenKind } from '../../core/pricing/card.ts';

/** What a feed calls a cache write without a lifetime: Anthropic's is of five minutes, the others have one alone. */
export const cacheWriteOf = (provider: Provider, model: string): TokenKind =>
  provider === 'anthropic' || (provider === 'bedrock' && model.includes('anthropic.'))
    ? 'cache_write_5m'
    : 'cache_write';
