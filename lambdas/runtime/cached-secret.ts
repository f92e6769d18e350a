/** A secret, read once a container and again when it is old, so that a rotated one comes into use by itself. */
import { durationMs } from '../core/brands.ts';
import type { Clock } from '../core/ports.ts';
import { MINUTE, SECOND } from '../core/time.ts';

const FRESH = durationMs(5 * MINUTE);
/** A secret that cannot be read again goes on being used for so long; the next try comes after the pause. */
const AGE_MAX = durationMs(60 * MINUTE);
const PAUSE = durationMs(30 * SECOND);

interface Held<T> {
  text: string;
  value: T;
  readAt: number;
  freshUntil: number;
}

export class CachedSecret<T> {
  readonly #deps: { read: () => Promise<string>; parse: (text: string) => T; clock: Clock };
  #held: Held<T> | undefined;
  #reading: Promise<T> | undefined;

  constructor(deps: { read: () => Promise<string>; parse: (text: string) => T; clock: Clock }) {
    this.#deps = deps;
  }

  /** The same object as long as the secret does not change. Throws when none could be read. */
  async current(): Promise<T> {
    const held = this.#held;
    if (held && this.#deps.clock.now() < held.freshUntil) return held.value;
    this.#reading ??= this.#read(held).finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #read(old: Held<T> | undefined): Promise<T> {
    const { read, parse, clock } = this.#deps;
    try {
      const text = await read();
      const value = old?.text === text ? old.value : parse(text);
      const now = clock.now();
      this.#held = { text, value, readAt: now, freshUntil: now + FRESH };
      return value;
    } catch (error) {
      if (!old || clock.now() - old.readAt > AGE_MAX) throw error;
      old.freshUntil = clock.now() + PAUSE;
      return old.value;
    }
  }
}
