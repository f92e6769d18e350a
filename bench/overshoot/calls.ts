/** The calls: like an agent's, with output limits well above what is really answered. */
import { tagOf } from './provider-truth.ts';

export interface Kind {
  path: '/v1/chat/completions' | '/v1/messages';
  model: string;
  limitMember: 'max_completion_tokens' | 'max_tokens';
  outputLimit: number;
  /** Really answered: from, to. */
  output: readonly [number, number];
  /** What a stream's text holds when it is whole. */
  lastEvent: string;
}

/**
 * About $0.0015 are spent on a call and $0.0025 are held: some six hundred calls use the cap up, which a busy machine
 * takes in time, too, and 200 at a time hold half of it between them.
 */
const KINDS: readonly Kind[] = [
  {
    path: '/v1/chat/completions',
    model: 'gpt-4.1-mini',
    limitMember: 'max_completion_tokens',
    outputLimit: 1_500,
    output: [650, 1_250],
    lastEvent: 'data: [DONE]',
  },
  {
    path: '/v1/messages',
    model: 'claude-haiku-4-5',
    limitMember: 'max_tokens',
    outputLimit: 480,
    output: [200, 400],
    lastEvent: 'event: message_stop',
  },
];

/** Slow enough that most of those at a time are with the provider at the same moment, as in life. */
const FIRST_BYTE_MS = [200, 500] as const;
const CHUNK_MS = [40, 100] as const;

/** What a call is charged for stands in the books by its name, beside the same name in the provider's record. */
export const CALL_TAG = 'call';
export const CALL_HEADER = `x-spendcap-tag-${CALL_TAG}`;

export interface Call {
  tag: string;
  user: string;
  kind: Kind;
  isStream: boolean;
  body: string;
}

export function nextCall(user: string, number: number, random: () => number): Call {
  const between = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  const kind = KINDS[between(0, KINDS.length - 1)]!;
  const isStream = random() < 0.5;
  const tag = tagOf(user, number);
  const directive = [
    `output=${between(...kind.output)}`,
    `delay=${between(...FIRST_BYTE_MS)}`,
    ...(isStream ? ['chunks=5', `chunk-delay=${between(...CHUNK_MS)}`] : []),
    `tag=${tag}`,
  ];
  const body = {
    model: kind.model,
    [kind.limitMember]: kind.outputLimit,
    stream: isStream,
    messages: [{ role: 'user', content: `Do the next step. [[sim ${directive.join(' ')}]]` }],
  };
  return { tag, user, kind, isStream, body: JSON.stringify(body) };
}
