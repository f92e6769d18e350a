/**
 * The providers' own keys, from one secret in Secrets Manager: `{"openai_api_key": …, "anthropic_api_key": …}`, and
 * `azure_api_key` where Azure OpenAI is used.
 */
import * as z from 'zod';
import { CachedSecret } from './cached-secret.ts';
import { systemClock } from './clock.ts';
import type { ProviderKeys } from './provider-upstream.ts';
import { secretReader } from './secret-reader.ts';

export const providerKeys = (secretArn: string): CachedSecret<ProviderKeys> =>
  new CachedSecret({ clock: systemClock, parse: parseProviderKeys, read: secretReader(secretArn) });

/** A provider without a key, or with an empty one, is not in use. Other members are left alone. */
const secretSchema = z.object({
  openai_api_key: z.string().optional(),
  anthropic_api_key: z.string().optional(),
  azure_api_key: z.string().optional(),
});

/** Throws without showing anything of the text. */
export function parseProviderKeys(text: string): ProviderKeys {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('the secret with the provider keys is no JSON');
  }
  const parsed = secretSchema.safeParse(value);
  if (!parsed.success) throw new Error('the secret with the provider keys has another shape');
  const { openai_api_key: openai, anthropic_api_key: anthropic, azure_api_key: azure } = parsed.data;
  return { ...(openai && { openai }), ...(anthropic && { anthropic }), ...(azure && { azure }) };
}
