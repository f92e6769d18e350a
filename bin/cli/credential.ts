/** Who asks: an admin key at a local server; at a deployed one AWS credentials, with which requests are signed. */
import { usageError } from './exit.ts';

export interface UnsignedRequest {
  method: string;
  url: URL;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: string | undefined;
}

/** An answer of 401 or 403. */
export interface Refusal {
  status: number;
  /** `x-amzn-errortype`, as AWS's own front door sets it. */
  awsError: string | undefined;
  /** `error.code` of the front door's answers. */
  code: string | undefined;
}

export interface Credential {
  /** The request's headers, with who asks. Throws CliError where there is nothing to say it with. */
  headersFor(request: UnsignedRequest): Promise<Record<string, string>>;
  /** What to do about a request that was refused for who asked. */
  adviceFor(refusal: Refusal): string;
}

/** `auto`: the address decides. */
export const SIGN_CHOICES = ['auto', 'aws', 'key'] as const;
export type Sign = (typeof SIGN_CHOICES)[number];

/** Addresses that API Gateway gives; the region stands in them. */
const EXECUTE_API = /\.execute-api\.([a-z]{2}(?:-[a-z]+)+-\d+)\.amazonaws\.com(?:\.cn)?$/;

export interface Asking {
  url: URL;
  sign: Sign;
  adminKey: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
}

/** The region to sign for; undefined where requests carry the admin key instead. */
export function signingRegion({ url, sign, environment }: Omit<Asking, 'adminKey'>): string | undefined {
  const ofHost = EXECUTE_API.exec(url.hostname)?.[1];
  if (sign === 'key' || (sign === 'auto' && ofHost === undefined)) return undefined;
  const region = ofHost ?? (environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION']);
  if (region) return region;
  throw usageError(
    `Requests to ${url.host} are to be signed, and nothing says for which region.`,
    'Set AWS_REGION to the region of the deployment.',
  );
}

/** The admin key never goes to an address that takes signed requests. */
export async function credentialFor(asking: Asking): Promise<Credential> {
  const region = signingRegion(asking);
  if (region === undefined) return new AdminKey(asking.adminKey);
  const { AwsSignature } = await import('./aws-signature.ts');
  return new AwsSignature(region);
}

class AdminKey implements Credential {
  readonly #key: string | undefined;

  constructor(key: string | undefined) {
    this.#key = key === '' ? undefined : key;
  }

  async headersFor({ headers }: UnsignedRequest): Promise<Record<string, string>> {
    return { ...headers, ...(this.#key !== undefined && { authorization: `Bearer ${this.#key}` }) };
  }

  adviceFor({ awsError, code }: Refusal): string {
    if (awsError !== undefined || code === 'access_denied') {
      return 'This one is deployed on AWS: add --sign aws, or set SPENDCAP_SIGN=aws, to sign with your AWS credentials.';
    }
    return this.#key === undefined
      ? 'Set SPENDCAP_ADMIN_KEY to the admin key; a local server prints it when it starts.'
      : 'Check SPENDCAP_ADMIN_KEY or --admin-key; a local server prints its key when it starts.';
  }
}
