/**
 * Signatures of Standard Webhooks (standardwebhooks.com, specification 1.0.0, read 2026-11-30): HMAC-SHA256 over
 * `id.timestamp.body` by a secret that both sides have. Two secrets sign twice, so that one can be replaced by another
 * without a message that nobody can verify.
 */
import * as z from 'zod';

const PREFIX = 'whsec_';
const BYTES = { min: 24, max: 64 };
const SECRETS_MAX = 2;

/** `whsec_` and 24 to 64 bytes in Base64. */
const isSecret = (text: string): boolean => {
  const key = keyOf(text);
  return key !== undefined && key.length >= BYTES.min && key.length <= BYTES.max;
};

const secretsSchema = z
  .string()
  .transform((text) => text.split(/\s+/).filter((part) => part !== ''))
  .refine((secrets) => secrets.length <= SECRETS_MAX && secrets.every(isSecret));

/**
 * By subscription, from `{"<id>": "whsec_…"}`, or two of them with a space between. An empty text is no secret yet. Throws
 * without showing anything of the text.
 */
export function parseWebhookSecrets(text: string): ReadonlyMap<string, readonly string[]> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new WebhookSecretsInvalid('they are no JSON');
  }
  const members = z.record(z.string(), z.unknown()).safeParse(value);
  if (!members.success) throw new WebhookSecretsInvalid('they are no object');
  const secrets = new Map<string, readonly string[]>();
  for (const [id, given] of Object.entries(members.data)) {
    // A member that the secret was made with.
    if (id === UNUSED) continue;
    const parsed = secretsSchema.safeParse(given);
    if (!parsed.success)
      throw new WebhookSecretsInvalid(
        `that of "${id}" is not ${PREFIX} and ${BYTES.min} to ${BYTES.max} bytes in Base64, once or twice`,
      );
    if (parsed.data.length > 0) secrets.set(id, parsed.data);
  }
  return secrets;
}

/** Member of the secret that AWS fills in and nobody reads. */
export const UNUSED = 'unused';

export class WebhookSecretsInvalid extends Error {
  override name = 'WebhookSecretsInvalid';

  constructor(problem: string) {
    super(`The secrets of webhooks cannot be used: ${problem}.`);
  }
}

export interface SignedContent {
  id: string;
  timestampSeconds: number;
  body: string;
}

/** Value of `webhook-signature`: `v1,…` for each secret. */
export async function signatureOf(
  secrets: readonly string[],
  { id, timestampSeconds, body }: SignedContent,
): Promise<string> {
  const content = new TextEncoder().encode(`${id}.${timestampSeconds}.${body}`);
  const each = secrets.map(async (secret) => {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const key = await crypto.subtle.importKey('raw', keyOf(secret)!, algorithm, false, ['sign']);
    const signed = new Uint8Array(await crypto.subtle.sign('HMAC', key, content));
    return `v1,${btoa(String.fromCharCode(...signed))}`;
  });
  return (await Promise.all(each)).join(' ');
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> | undefined {
  if (!secret.startsWith(PREFIX)) return undefined;
  try {
    return Uint8Array.from(atob(secret.slice(PREFIX.length)), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
