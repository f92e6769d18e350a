/** How an answer can end at the provider, and what contract 5 makes of it. Calls hold 100 output tokens or more. */
import type { Dialect } from './refusals.ts';

export interface StreamEnding {
  name: string;
  directive: string;
  /** Whose error the client is told. */
  told: 'ours' | "the provider's";
}

/** Each is charged at its hold: the provider may have billed it. */
export const BROKEN_STREAMS: StreamEnding[] = [
  { name: 'reset', directive: 'reset=after-4', told: 'ours' },
  { name: 'ended early', directive: 'end=early', told: 'ours' },
  { name: 'failed', directive: 'error=mid', told: "the provider's" },
];

/** Answers without a usable usage block: whole for the client, charged at the hold. */
export const UNREADABLE_USAGE = ['no-usage', 'bad-usage'];
/** What the AI SDK and LangChain read: Anthropic's messages they refuse without a usage block. */
export const UNREADABLE_USAGE_READ: Record<Dialect, string[]> = {
  openai: UNREADABLE_USAGE,
  anthropic: ['bad-usage'],
};

export interface Unanswered {
  directive: string;
  status: number;
  code: string;
  says: RegExp;
}

/** The provider may have billed these, so that no SDK may repeat them by itself. */
export const UNANSWERED: Unanswered[] = [
  {
    directive: 'reset=before',
    status: 504,
    code: 'upstream_no_answer',
    says: /^The provider did not answer/,
  },
  { directive: 'reset=after-20', status: 502, code: 'upstream_broke_off', says: /broke off/ },
];

export interface ProviderError {
  status: number;
  /** Class of the SDKs of OpenAI and Anthropic. */
  error: string;
  outcome: 'voided' | 'presumed_spent';
}

export const PROVIDER_ERRORS: ProviderError[] = [
  { status: 400, error: 'BadRequestError', outcome: 'voided' },
  { status: 401, error: 'AuthenticationError', outcome: 'voided' },
  { status: 404, error: 'NotFoundError', outcome: 'voided' },
  { status: 429, error: 'RateLimitError', outcome: 'voided' },
  { status: 500, error: 'InternalServerError', outcome: 'voided' },
  { status: 502, error: 'InternalServerError', outcome: 'voided' },
  { status: 503, error: 'InternalServerError', outcome: 'voided' },
  { status: 504, error: 'InternalServerError', outcome: 'presumed_spent' },
  { status: 529, error: 'InternalServerError', outcome: 'voided' },
];
