/** Signature Version 4 for a deployed Spendcap, with the credentials that the AWS CLI would take. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Credential, Refusal, UnsignedRequest } from './credential.ts';
import { CliError, EXIT } from './exit.ts';

/** As IAM names API Gateway's callers: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html */
const SERVICE = 'execute-api';

export class AwsSignature implements Credential {
  readonly #region: string;
  readonly #signer: SignatureV4;

  constructor(region: string) {
    this.#region = region;
    this.#signer = new SignatureV4({
      ...{ service: SERVICE, region, sha256: Sha256 },
      credentials: fromNodeProviderChain({ clientConfig: { region } }),
    });
  }

  async headersFor({ method, url, headers, body }: UnsignedRequest): Promise<Record<string, string>> {
    const request = {
      ...{ method, protocol: url.protocol, hostname: url.hostname, path: url.pathname },
      query: Object.fromEntries(url.searchParams),
      headers: { ...headers, host: url.host },
      body,
    };
    try {
      return (await this.#signer.sign(request)).headers;
    } catch (error) {
      throw noCredentials(error);
    }
  }

  adviceFor({ awsError, code }: Refusal): string {
    switch (awsError ?? code ?? '') {
      case 'ExpiredTokenException':
      case 'expired_token':
        return 'Your AWS session is over: sign in again, as with `aws sso login`, and repeat.';
      case 'InvalidSignatureException':
      case 'IncompleteSignatureException':
      case 'invalid_signature':
        return `Check the clock of this machine, the secret key of your AWS credentials, and that the deployment is in ${this.#region}.`;
      case 'UnrecognizedClientException':
      case 'InvalidClientTokenId':
        return 'AWS does not know these credentials: check AWS_PROFILE, or AWS_ACCESS_KEY_ID and what belongs to it.';
      case 'MissingAuthenticationTokenException':
      case 'ForbiddenException':
        return 'Check --url or SPENDCAP_URL: it is the output `Url` of the stack, with its stage.';
      default:
        return `Who signs (\`aws sts get-caller-identity\`) needs execute-api:Invoke on arn:aws:execute-api:${this.#region}:<account>:<api>/<stage>/*/admin/v1/*.`;
    }
  }
}

function noCredentials(error: unknown): CliError {
  const reason = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
  return new CliError(
    EXIT.refused,
    `There are no AWS credentials to sign with (${reason}).`,
    'Sign in as for the AWS CLI: `aws sso login` or `aws configure`, with AWS_PROFILE where the profile has a name.',
  );
}
