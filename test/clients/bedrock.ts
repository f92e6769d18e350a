/** The AWS SDK as it is published, with nothing set but an address, a region and a key. */
import { BedrockRuntimeClient, type ConverseStreamOutput } from '@aws-sdk/client-bedrock-runtime';
import { PROMPT } from './refusals.ts';

/** $1.10 in and $5.50 out a million tokens: 10 in and 5 out cost $0.0000385. */
export const BEDROCK_MODEL = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
export const BEDROCK_COST = '0.0000385';

export interface BedrockCall {
  url: string;
  key: string;
  headers?: Record<string, string> | undefined;
  maxAttempts?: number;
}

/** Every answer's headers are put into `seen`, which the SDK itself does not show. */
export function bedrockClient(
  { url, key, headers = {}, maxAttempts }: BedrockCall,
  seen: Record<string, string>[] = [],
): BedrockRuntimeClient {
  const client = new BedrockRuntimeClient({
    region: 'us-east-1',
    endpoint: url,
    token: { token: key },
    authSchemePreference: ['httpBearerAuth'],
    ...(maxAttempts !== undefined && { maxAttempts }),
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      Object.assign((args.request as { headers: object }).headers, headers);
      const result = await next(args);
      seen.push((result.response as { headers: Record<string, string> }).headers);
      return result;
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  return client;
}

export const converse = (prompt = PROMPT, more: object = {}) => ({
  modelId: BEDROCK_MODEL,
  messages: [{ role: 'user' as const, content: [{ text: prompt }] }],
  inferenceConfig: { maxTokens: 1000 },
  ...more,
});

/** All text of a stream, and the name of its last event. */
export async function readStream(
  stream: AsyncIterable<ConverseStreamOutput> | undefined,
): Promise<{ text: string; last: string }> {
  let [text, last] = ['', ''];
  for await (const event of stream!) {
    text += event.contentBlockDelta?.delta?.text ?? '';
    last = Object.keys(event)[0]!;
  }
  return { text, last };
}

/** What a call failed with: an exception of the SDK's. */
export interface Failure extends Error {
  $metadata: { httpStatusCode: number; attempts: number; requestId: string };
}

export const failureOf = (sent: Promise<unknown>): Promise<Failure> =>
  sent.then(
    () => Promise.reject(new Error('it passed')),
    (error: unknown) => error as Failure,
  );
