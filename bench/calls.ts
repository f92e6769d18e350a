/** The calls of the benchmark, built before they are sent: sending one costs the load generator next to nothing. */

/** What one call looks like on the wire, the same through the gateway and straight to the provider. */
export interface Call {
  path: string;
  /** Name, value, name, value: as undici takes them without work. */
  headers: string[];
  body: Buffer;
}

/** What the provider takes for its work before anything else. */
export const PROVIDER_DELAY_MS = 50;
export const MODEL = 'gpt-5-mini';

/** A guess at everyday chat, not a recording: short questions, conversations, now and then a document. */
const TYPICAL_MIX: readonly Kind[] = [
  { share: 0.6, promptBytes: 400, outputLimit: 1_000, output: 150 },
  { share: 0.3, promptBytes: 6_000, outputLimit: 2_000, output: 300 },
  { share: 0.1, promptBytes: 24_000, outputLimit: 4_000, output: 500 },
];

interface Kind {
  /** Of all calls. */
  share: number;
  promptBytes: number;
  outputLimit: number;
  /** Tokens that the answer really has. */
  output: number;
}

export interface Traffic {
  /** So many users share the calls evenly. */
  users: number;
  stream: boolean;
}

/** Draws calls of the typical mix. `key` is the caller's at the gateway; the provider ignores it. */
export function typicalCalls(
  key: string,
  { users, stream }: Traffic,
  random: () => number,
): (user?: number) => Call {
  const bodies = TYPICAL_MIX.map((kind) => bodyOf(kind, stream));
  const headers = Array.from({ length: users }, (_, user) => headersOf(key, userName(user)));
  return (user = Math.floor(random() * users)) => ({
    path: '/v1/chat/completions',
    headers: headers[user]!,
    body: bodies[kindAt(random())]!,
  });
}

export const userName = (user: number): string => `user-${user}`;

const headersOf = (key: string, user: string): string[] => [
  ...['authorization', `Bearer ${key}`],
  ...['content-type', 'application/json'],
  ...['x-spendcap-user', user],
];

function bodyOf({ promptBytes, outputLimit, output }: Kind, stream: boolean): Buffer {
  const directive = `[[sim delay=${PROVIDER_DELAY_MS} output=${output}]]`;
  const prompt = 'The quick brown fox jumps over the lazy dog. '.repeat(Math.ceil(promptBytes / 45));
  return Buffer.from(
    JSON.stringify({
      model: MODEL,
      messages: [
        { role: 'system', content: 'You are a helpful assistant.' },
        { role: 'user', content: `${prompt.slice(0, promptBytes - directive.length)}${directive}` },
      ],
      max_completion_tokens: outputLimit,
      ...(stream && { stream: true, stream_options: { include_usage: true } }),
    }),
  );
}

function kindAt(share: number): number {
  let sum = 0;
  const found = TYPICAL_MIX.findIndex((kind) => (sum += kind.share) > share);
  return found === -1 ? TYPICAL_MIX.length - 1 : found;
}
