/**
 * Links by which somebody decides on a grant: a JWT (jose) that names the grant and whom it was mailed to, and that is
 * good as long as the decision is open. Whoever has the secret can make one, so only what mails and what checks has it.
 */
import { errors, jwtVerify, SignJWT } from 'jose';
import { epochMs, type EpochMs } from '../../core/brands.ts';

export interface ApprovalLink {
  grant: string;
  /** Address that it was mailed to. */
  recipient: string;
}
export type ReadLink = { kind: 'valid'; link: ApprovalLink } | { kind: 'expired' } | { kind: 'forged' };

const ALGORITHM = 'HS256';
const AUDIENCE = 'spendcap/approve';
const SECRET_LENGTH_MIN = 32;

export class ApprovalLinks {
  readonly #secret: () => Promise<string>;

  constructor({ secret }: { secret: () => Promise<string> }) {
    this.#secret = secret;
  }

  /** Throws where the secret cannot be had. */
  async sign({ grant, recipient }: ApprovalLink, until: EpochMs): Promise<string> {
    return new SignJWT({ grant })
      .setProtectedHeader({ alg: ALGORITHM })
      .setAudience(AUDIENCE)
      .setSubject(recipient)
      .setExpirationTime(Math.floor(until / 1000))
      .sign(await this.#key());
  }

  /** Throws where the secret cannot be had. */
  async read(token: string, now: EpochMs): Promise<ReadLink> {
    try {
      const { payload } = await jwtVerify<{ grant: string }>(token, await this.#key(), {
        algorithms: [ALGORITHM],
        audience: AUDIENCE,
        requiredClaims: ['sub', 'exp', 'grant'],
        currentDate: new Date(epochMs(now)),
      });
      return { kind: 'valid', link: { grant: payload.grant, recipient: payload.sub! } };
    } catch (error) {
      if (error instanceof errors.JWTExpired) return { kind: 'expired' };
      if (error instanceof errors.JOSEError) return { kind: 'forged' };
      throw error;
    }
  }

  async #key(): Promise<Uint8Array> {
    const secret = await this.#secret();
    if (secret.length < SECRET_LENGTH_MIN)
      throw new Error(`the secret of approval links has fewer than ${SECRET_LENGTH_MIN} characters`);
    return new TextEncoder().encode(secret);
  }
}
