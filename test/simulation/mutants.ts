/** Every guard, by where it stands. */
import { OF_ACCOUNTS } from './mutants/accounts.ts';
import { OF_DIGESTS } from './mutants/digests.ts';
import { OF_MAILS } from './mutants/mails.ts';
import type { Mutant } from './mutants/mutant.ts';
import { OF_RESERVE } from './mutants/reserve.ts';
import { OF_SETTLE } from './mutants/settle.ts';
import { OF_SHARED_CAPS } from './mutants/shared-caps.ts';
import { OF_WEBHOOKS } from './mutants/webhooks.ts';

export const MUTANTS: readonly Mutant[] = [
  ...OF_RESERVE,
  ...OF_SETTLE,
  ...OF_ACCOUNTS,
  ...OF_SHARED_CAPS,
  ...OF_MAILS,
  ...OF_DIGESTS,
  ...OF_WEBHOOKS,
];
