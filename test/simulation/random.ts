/** The one source of chance: sfc32 (public domain, Chris Doty-Humphrey), seeded by a number and a name. */
import { spread } from '../../lambdas/core/ledger/spread.ts';
import type { Ids } from '../../lambdas/core/ports.ts';

export class Random implements Ids {
  private a: number;
  private b: number;
  private c: number;
  private d = 1;

  /** Streams of different names do not disturb each other: one more fault draws no other workload. */
  constructor(seed: number, stream: string) {
    this.a = seed | 0;
    this.b = Math.floor(seed / 2 ** 32) | 0;
    this.c = spread(stream, 0xffffffff);
    for (let i = 0; i < 12; i += 1) this.next();
  }

  /** Uniform in [0, 2^32). */
  private next(): number {
    const sum = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    this.c |= 0;
    return sum >>> 0;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.next() / 2 ** 32;
  }

  chance(share: number): boolean {
    return this.unit() < share;
  }

  between(from: number, to: number): number {
    return from + this.unit() * (to - from);
  }

  /** A whole number in [from, to]. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1));
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.unit() * choices.length)]!;
  }

  randomBits(bits: number): bigint {
    let value = 0n;
    for (let got = 0; got < bits; got += 32) value = (value << 32n) | BigInt(this.next());
    return value & ((1n << BigInt(bits)) - 1n);
  }
}
