/** The calls: like an agent's, with output limits far above what is really answered. */
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
 * About $0.0003 a call are spent and three times as much is held. Larger calls would leave too much reserved for
 * those that the kill cuts off, smaller ones would take too long.
 */
const KINDS: readonly Kind[] = [
  {
    path: '/v1/chat/completions',
    model: 'gpt-4.1-mini',
    limitMember: 'max_completion_tokens',
    outputLimit: 500,
    output: [110, 250],
    lastEvent: 'data: [DONE]',
  },
  {
    path: '/v1/messages',
    model: 'claude-haiku-4-5',
    limitMember: 'max_tokens',
    outputLimit: 180,
    output: [35, 75],
    lastEvent: 'event: message_stop',
  },
];

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
    `delay=${between(10, 60)}`,
    ...(isStream ? ['chunks=5', `chunk-delay=${between(2, 12)}`] : []),
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
