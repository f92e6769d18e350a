/**
 * Callers that do not stop: each makes one call after the other, of a kind that the dice choose, until the server
 * is gone. What the client saw of each call is kept.
 */
import { EventEmitter } from 'node:events';
import type { SeededIds } from '../support/worlds.ts';

export type Moment = 'sent' | 'answered' | 'chunk' | 'complete';

export interface Attempt {
  /** Null: no answer came. */
  status: number | null;
  /** The client has the whole answer: all of a plain one, or a stream's last event. */
  isComplete: boolean;
  text: string;
}

export interface Call {
  /** Names the call in the provider's log and in its charge. */
  tag: string;
  user: string;
  path: '/v1/chat/completions' | '/v1/messages';
  body: string;
  idempotencyKey: string | undefined;
  /** RFC 3339. */
  madeAt: string;
  attempts: Attempt[];
}

export class Dice {
  private readonly ids: SeededIds;
  constructor(ids: SeededIds) {
    this.ids = ids;
  }
  /** From 0 to `count - 1`. */
  below(count: number): number {
    return Number(this.ids.randomBits(32)) % count;
  }
  oneOf<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
  isOneIn(count: number): boolean {
    return this.below(count) === 0;
  }
}

const MODELS = { '/v1/chat/completions': 'gpt-4.1-mini', '/v1/messages': 'claude-haiku-4-5' } as const;
const LAST_EVENT = { '/v1/chat/completions': 'data: [DONE]\n\n', '/v1/messages': 'event: message_stop\n' };
const OUTPUT_LIMIT = 200;

export function randomCall(dice: Dice, user: string, tag: string): Call {
  const path = dice.oneOf(['/v1/chat/completions', '/v1/messages'] as const);
  const directive = [
    `output=${1 + dice.below(OUTPUT_LIMIT)}`,
    `delay=${dice.below(40)}`,
    `chunks=${1 + dice.below(6)}`,
    `chunk-delay=${dice.below(12)}`,
    `tag=${tag}`,
    ...(dice.isOneIn(12) ? ['status=500'] : []),
  ].join(' ');
  const body = {
    model: MODELS[path],
    max_tokens: OUTPUT_LIMIT,
    stream: dice.isOneIn(2),
    messages: [{ role: 'user', content: `Say something. [[sim ${directive}]]` }],
  };
  const idempotencyKey = dice.isOneIn(3) ? `key-${tag}` : undefined;
  const madeAt = new Date().toISOString();
  return { tag, user, path, body: JSON.stringify(body), idempotencyKey, madeAt, attempts: [] };
}

export class Callers {
  readonly calls: Call[] = [];
  private readonly moments = new EventEmitter();
  private readonly server: { url: string; key: string };

  constructor(server: { url: string; key: string }) {
    this.server = server;
  }

  /** Ends when the server does not answer any more. */
  async callUntilGone(nextCall: () => Call): Promise<void> {
    for (;;) {
      const call = nextCall();
      this.calls.push(call);
      const { status, isComplete } = await this.attempt(call);
      if (status === null || (status === 200 && !isComplete)) return;
    }
  }

  /** Resolves at the n-th such moment from now on. */
  until(moment: Moment, count: number): Promise<void> {
    return new Promise((resolve) => {
      let seen = 0;
      this.moments.on(moment, () => {
        seen += 1;
        if (seen === count) resolve();
      });
    });
  }

  async attempt(call: Call): Promise<Attempt> {
    const attempt: Attempt = { status: null, isComplete: false, text: '' };
    call.attempts.push(attempt);
    this.moments.emit('sent');
    try {
      const response = await fetch(this.server.url + call.path, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${this.server.key}`,
          'content-type': 'application/json',
          'x-spendcap-user': call.user,
          'x-spendcap-tag-call': call.tag,
          ...(call.idempotencyKey === undefined ? {} : { 'idempotency-key': call.idempotencyKey }),
        },
        body: call.body,
      });
      attempt.status = response.status;
      this.moments.emit('answered');
      for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
        attempt.text += text;
        this.moments.emit('chunk');
      }
    } catch {
      // The server is gone. An event that came before that did come.
      attempt.isComplete = attempt.text.includes(LAST_EVENT[call.path]);
      return attempt;
    }
    if (!isWhole(call, attempt)) throw new Error(`call ${call.tag} ended cleanly without its end`);
    attempt.isComplete = true;
    this.moments.emit('complete');
    return attempt;
  }
}

function isWhole({ path, body }: Call, { status, text }: Attempt): boolean {
  if (status === 200 && isStream(body)) return text.includes(LAST_EVENT[path]);
  JSON.parse(text);
  return true;
}
const isStream = (body: string): boolean => body.includes('"stream":true');
