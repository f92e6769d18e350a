/** In which dialect a caller is answered where the path does not tell. */
import type { Dialect } from '../core/endpoint.ts';

/** Anthropic's clients name their version on every request; all others get OpenAI's form. */
export const dialectOf = (headers: Headers): Dialect =>
  headers.has('anthropic-version') ? 'anthropic' : 'openai';
