/** Port `Ids` over the machine's cryptographic randomness. */
import { randomBytes } from 'node:crypto';
import type { Ids } from '../core/ports.ts';

export const systemIds: Ids = {
  randomBits(bits: number): bigint {
    if (!Number.isInteger(bits) || bits < 1)
      throw new RangeError(`randomBits needs a positive count, got ${bits}`);
    const bytes = Math.ceil(bits / 8);
    const surplus = BigInt(bytes * 8 - bits);
    return BigInt(`0x${randomBytes(bytes).toString('hex')}`) >> surplus;
  },
};
