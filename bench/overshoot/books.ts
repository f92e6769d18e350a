/** Caps and books, by the admin API alone: what an operator of a deployment can see, too. */
import { formatUsd, usd } from '../../lambdas/core/money.ts';
import { picoUsd } from '../../lambdas/core/brands.ts';
import { Admin } from '../admin.ts';
import type { Gateway } from '../processes.ts';
import { CALL_TAG } from './calls.ts';

export const TEAM = 'growth';
export const TEAM_CAP = 'team-day';
export const ownCap = (user: string): string => `${user}-day`;

/** What stands in the ledger for one cap, in picodollars. */
export interface LedgerFigures {
  cap: string;
  limit: bigint;
  settled: bigint;
  reserved: bigint;
}

export interface Audit {
  balanced: boolean;
  open_holds: number;
  in_motion: number;
  differences: unknown[];
}

interface CapWire {
  limit: string;
  settled: string;
  reserved: string;
}

/** The team's cap, a smaller one for each user, and a key that names the user of each call. */
export async function setUp(
  gateway: Gateway,
  { teamLimit, ownLimits }: { teamLimit: bigint; ownLimits: ReadonlyMap<string, bigint> },
): Promise<string> {
  const admin = new Admin(gateway);
  const day = { metric: 'usd', window: 'day', time_zone: quietTimeZone(new Date()), ...AT_FULL_SPEED };
  const put = (id: string, type: string, scope: string, limit: bigint): Promise<unknown> =>
    admin.ask('PUT', `/caps/${id}`, { scope: { type, id: scope }, limit: formatUsd(picoUsd(limit)), ...day });
  await put(TEAM_CAP, 'team', TEAM, teamLimit);
  for (const [user, limit] of ownLimits) await put(ownCap(user), 'user', user, limit);
  const { key } = await admin.ask<{ key: string }>('POST', '/keys', {
    app: 'agents',
    team: TEAM,
    scopes: ['call', 'delegate'],
  });
  return key;
}

/** Without the rung's rate, which would make the last twentieth of each cap last. */
const AT_FULL_SPEED = { thresholds: { throttle: null } };

/** One in which the day does not end soon: a run that began at midnight would have two days' budgets. */
const quietTimeZone = (now: Date): string => (now.getUTCHours() < 12 ? 'UTC' : 'Etc/GMT+12');

/** A charge, and the tag of the call that it is for. */
export interface Charged {
  tag: string;
  user: string;
  picoUsd: bigint;
}

export async function readCharges(gateway: Gateway): Promise<Charged[]> {
  const charges: Charged[] = [];
  for await (const { tags, user, cost_usd } of new Admin(gateway).charges())
    charges.push({ tag: tags[CALL_TAG]!, user, picoUsd: usd(cost_usd) });
  return charges;
}

/**
 * The team's cap first. Settled is the sum of its charges, the exact total; reserved is all else that is not free:
 * what calls hold, and of the team's also what users have on lease.
 */
export async function readFigures(
  gateway: Gateway,
  users: readonly string[],
  charges: readonly Charged[],
): Promise<LedgerFigures[]> {
  const admin = new Admin(gateway);
  const charged = new Map<string, bigint>();
  let total = 0n;
  for (const { user, picoUsd } of charges) {
    total += picoUsd;
    charged.set(user, (charged.get(user) ?? 0n) + picoUsd);
  }
  const figuresOf = async (cap: string, settled: bigint): Promise<LedgerFigures> => {
    const wire = await admin.ask<CapWire>('GET', `/caps/${cap}`);
    return {
      cap,
      limit: usd(wire.limit),
      settled,
      reserved: usd(wire.settled) + usd(wire.reserved) - settled,
    };
  };
  return [
    await figuresOf(TEAM_CAP, total),
    ...(await Promise.all(users.map((user) => figuresOf(ownCap(user), charged.get(user) ?? 0n)))),
  ];
}

export const readAudit = (gateway: Gateway): Promise<Audit> => new Admin(gateway).ask('GET', '/ledger/audit');
