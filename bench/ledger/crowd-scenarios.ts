/** What a crowd meets under its team's cap: plenty, exactly so much, crumbs, all of it on one lease, a day that begins. */
import { HOLD, type CrowdOptions } from './crowd.ts';

export interface Scenario {
  name: string;
  options: CrowdOptions;
  /** There is less money than calls: in the end all of it is spent, to the last call that it pays. */
  isDry: boolean;
}

const MONEY_FOR = 137n;

/** For so many users; most of what they meet grows with them. */
export function scenariosFor(users: number): Scenario[] {
  const each = BigInt(users) * HOLD;
  const plenty = 100n * each;
  return [
    { name: 'plenty', isDry: false, options: { users, limit: plenty, cost: HOLD / 2n } },
    {
      name: `money for ${MONEY_FOR} calls`,
      isDry: true,
      options: { users, limit: MONEY_FOR * HOLD, cost: HOLD },
    },
    // A call of everybody before has left a tenth of what all need, on the leases that they drew.
    {
      name: 'nearly dry',
      isDry: true,
      options: { users, limit: (8n * each) / 10n, earlierCost: (7n * HOLD) / 10n, cost: HOLD },
    },
    // No lease pays a call, four of them do.
    {
      name: 'crumbs',
      isDry: true,
      options: { users, limit: (3n * each) / 10n, leases: () => (3n * HOLD) / 10n, cost: HOLD },
    },
    {
      name: 'all on one lease',
      isDry: false,
      options: { users, limit: 2n * each, leases: (user) => (user === 0 ? 2n * each : 0n), cost: HOLD },
    },
    // What was on lease is void, and everybody draws at the same moment.
    {
      name: 'a day begins',
      isDry: false,
      options: { users, limit: plenty, leases: () => HOLD, isNewWindow: true, cost: HOLD / 2n },
    },
    {
      name: 'a busy few',
      isDry: false,
      options: {
        users: 9,
        calls: 10,
        callersEach: 8,
        limit: 4_000n * HOLD,
        leases: (user) => (user === 0 ? 4_000n * HOLD : 0n),
        cost: HOLD / 2n,
      },
    },
  ];
}
