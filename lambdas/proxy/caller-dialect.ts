/** In which dialect a caller is answered where no endpoint tells. */
import type { Dialect } from '../core/endpoint.ts';

const BEDROCK = /^(?:\/v1){0,2}\/(?:model\/|inference-profiles(?:\/|$))/;

/** Bedrock's paths are its own; Anthropic's clients name their version on every request; all others get OpenAI's form. */
export function dialectOf(headers: Headers, path = ''): Dialect {
  if (BEDROCK.test(path)) return 'bedrock';
  return headers.has('anthropic-version') ? 'anthropic' : 'openai';
}
