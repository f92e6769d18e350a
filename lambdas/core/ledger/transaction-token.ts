/** A token for one plan of a transaction: the same writes are applied once, and no other plan ever has it. */
import type { Ids } from '../ports.ts';

const TOKEN_BITS = 124;

export const transactionToken = (ids: Ids): string => ids.randomBits(TOKEN_BITS).toString(16);
