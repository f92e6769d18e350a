/** Reads the text of a secret in Secrets Manager, over a client of its own. */
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { timeLimits } from '../adapters/aws-time-limits.ts';

const SILENCE_MS_MAX = 3000;

export function secretReader(secretArn: string): () => Promise<string> {
  const client = new SecretsManagerClient(timeLimits(SILENCE_MS_MAX));
  return async () => {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
    return SecretString ?? '';
  };
}
