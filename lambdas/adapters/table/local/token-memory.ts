/** ClientRequestTokens of the transactions of the last ten minutes. In memory: whoever repeats one lives here too. */
import type { Clock } from '../../../core/ports.ts';
import { epochMs, type EpochMs } from '../../../core/brands.ts';
import { EngineError, invalid } from './errors.ts';

const LIFETIME_MS = 600_000;
const TOKEN_LENGTH_MAX = 36;

export class TokenMemory {
  readonly #clock: Clock;
  /** In order of `until`, as the lifetime is the same for all. */
  readonly #done = new Map<string, { request: string; until: EpochMs; serial: number }>();

  #given = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether this very transaction was applied under this token; throws where it was another one. */
  alreadyDone(token: string | undefined, transaction: unknown): boolean {
    if (token === undefined) return false;
    if (token.length < 1 || token.length > TOKEN_LENGTH_MAX) {
      throw invalid(
        `1 validation error detected: Value '${token}' at 'clientRequestToken' failed to satisfy constraint: Member must have length less than or equal to ${TOKEN_LENGTH_MAX}`,
      );
    }
    this.#forgetOld();
    const known = this.#done.get(token);
    if (!known) return false;
    if (known.request === textOf(transaction)) return true;
    throw new EngineError(
      'IdempotentParameterMismatchException',
      'An error occurred: the request uses the same client token as a previous, but non-identical request',
    );
  }

  /** Only applied transactions: a refused one may be tried again under its token. */
  remember(token: string | undefined, transaction: unknown): void {
    if (token === undefined) return;
    this.#given += 1;
    const until = epochMs(this.#clock.now() + LIFETIME_MS);
    this.#done.set(token, { request: textOf(transaction), until, serial: this.#given });
  }

  get given(): number {
    return this.#given;
  }

  forgetAfter(given: number): void {
    for (const [token, { serial }] of this.#done) if (serial > given) this.#done.delete(token);
  }

  #forgetOld(): void {
    const now = this.#clock.now();
    for (const [token, { until }] of this.#done) {
      if (until > now) return;
      this.#done.delete(token);
    }
  }
}

/** The same text for the same request, whatever the order of its fields. */
const textOf = (request: unknown): string =>
  JSON.stringify(request, (_, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
