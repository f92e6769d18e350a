/** Verifies bearer tokens of the policy's OIDC issuers with their published keys (jose). */
import { createRemoteJWKSet, decodeJwt, errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { userIdSchema } from '../../core/caps/cap-definition.ts';
import type { Policy } from '../../core/policy/policy.ts';
import type { TokenVerifier } from '../../core/steps/identify.ts';

type Issuer = Policy['oidcIssuers'][number];

/** Only asymmetric ones: a shared secret would let whoever verifies also forge. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const CLOCK_TOLERANCE_SECONDS = 30;

/** Undefined when the policy names no issuer. */
export function oidcVerifier(issuers: readonly Issuer[]): TokenVerifier | undefined {
  if (issuers.length === 0) return undefined;
  const byName = new Map(
    issuers.map((issuer) => [issuer.issuer, { issuer, keys: createRemoteJWKSet(new URL(issuer.jwksUri)) }]),
  );
  return {
    async verify(token) {
      const known = byName.get(issuerOf(token) ?? '');
      return known && verified(token, known.issuer, known.keys);
    },
  };
}

/** Not trusted: it only chooses whose keys are asked. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/** Throws when the issuer's keys cannot be fetched: then nobody is let in, and the caller is told to try again. */
async function verified(
  token: string,
  { issuer, audience, userClaim, app, team }: Issuer,
  keys: JWTVerifyGetKey,
): Promise<{ user: string; app: string; team: string } | undefined> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ['exp'],
    });
    const user = userIdSchema.safeParse(payload[userClaim]);
    return user.success ? { user: user.data, app, team } : undefined;
  } catch (error) {
    if (isUnfetched(error)) throw error;
    return undefined;
  }
}

/** jose throws its plain JOSEError, or what fetch threw, when the key set did not come. */
const isUnfetched = (error: unknown): boolean =>
  !(error instanceof errors.JOSEError) ||
  error instanceof errors.JWKSTimeout ||
  error instanceof errors.JWKSInvalid ||
  error.code === errors.JOSEError.code;
