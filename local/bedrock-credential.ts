/**
 * How calls to the real Bedrock are paid for from this machine: by a key, else by a signature with the credentials that
 * the AWS CLI would take, which are looked for at the first call.
 */
import { awsSigner, type AwsSigning } from '../lambdas/adapters/upstream/aws-signature.ts';
import type { UpstreamTarget } from '../lambdas/adapters/upstream/http-upstream.ts';

const REGIONAL_HOST = /^bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$/;

/** Without a key, and where no region is told, nothing is sent: a relay that asks for nothing. */
export function bedrockCredential(
  origin: string,
  environment: Record<string, string | undefined>,
): Pick<UpstreamTarget, 'apiKey' | 'sign'> {
  const apiKey = environment['SPENDCAP_BEDROCK_API_KEY'] ?? environment['AWS_BEARER_TOKEN_BEDROCK'];
  if (apiKey !== undefined) return { apiKey };
  const [, ofHost] = REGIONAL_HOST.exec(new URL(origin).hostname) ?? [];
  const region = ofHost ?? environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'];
  if (region === undefined) return { apiKey };
  return { apiKey, sign: awsSigner({ service: 'bedrock', region, credentials: credentialsOf(region) }) };
}

function credentialsOf(region: string): AwsSigning['credentials'] {
  const chain = async () => {
    const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
    return fromNodeProviderChain({ clientConfig: { region } });
  };
  let found: ReturnType<typeof chain> | undefined;
  return async () => (await (found ??= chain()))();
}
