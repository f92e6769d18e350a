/** What the auditor knows for sure: what was promised when, what was granted, and what each account really admitted. */
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import { AccountTruth } from './account-truth.ts';
import type { Configuration } from './configuration.ts';
import type { AccountImage } from './images.ts';
import { isRate, rateOf } from './rate-audit.ts';
import { Violation } from './violation.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface IssuedGrant {
  key: bigint;
  amount: bigint;
  expiresAt: number;
  appliedAt?: number;
  isSent?: boolean;
}

export class Truth {
  readonly time: VirtualTime;
  readonly configuration: Configuration;
  readonly skewMsMax: number;
  private readonly accounts = new Map<string, AccountTruth>();
  private readonly grants = new Map<string, IssuedGrant>();

  constructor(options: { time: VirtualTime; configuration: Configuration; skewMsMax: number }) {
    this.time = options.time;
    this.configuration = options.configuration;
    this.skewMsMax = options.skewMsMax;
  }

  /** What calls of one leaf used of an account. */
  onLeaf(pk: string, account: string): AccountTruth {
    return this.at(`${pk} ${account}`);
  }

  /** What calls of all leaves used of a shared cap. */
  ofPool(account: string): AccountTruth {
    return this.at(account);
  }

  private at(name: string): AccountTruth {
    let truth = this.accounts.get(name);
    if (!truth) this.accounts.set(name, (truth = new AccountTruth()));
    return truth;
  }

  isShared(account: string): boolean {
    return this.configuration.isShared(account);
  }

  revisionOf(account: string, revision: bigint | undefined): Cap {
    if (isRate(account) && revision === 1n) return rateOf(account);
    const cap = revision === undefined ? undefined : this.configuration.history.get(account)?.get(revision);
    if (!cap)
      throw new Violation('conservation', `${account} stands at revision ${revision}, which never was`);
    return cap;
  }

  issues(account: string, id: string, grant: IssuedGrant): void {
    this.grants.set(`${account} ${id}`, grant);
  }

  /**
   * Nobody writes a grant down that has expired; but for one that stands there already, and for a write that is sent
   * again, which was right when it was sent first.
   */
  grantsSent(account: string, { o }: AccountImage): void {
    for (const id of o.keys()) {
      const grant = this.grantOf(account, id);
      if (!grant || grant.isSent || grant.appliedAt !== undefined) continue;
      grant.isSent = true;
      if (this.time.now > grant.expiresAt + this.skewMsMax)
        throw new Violation('cap exceeded', `${account} is given the grant ${id} after it has expired`);
    }
  }

  /** All that was ever granted to an account. */
  grantsOf(account: string): bigint {
    let sum = 0n;
    for (const [name, { amount }] of this.grants) if (name.startsWith(`${account} `)) sum += amount;
    return sum;
  }

  grantOf(account: string, id: string): IssuedGrant | undefined {
    return this.grants.get(`${account} ${id}`);
  }
}

export const limitOf = ({ limit, overage }: Cap): bigint => limit + overage;

export function grantedIn({ o }: AccountImage): bigint {
  let sum = 0n;
  for (const { n } of o.values()) sum += n;
  return sum;
}

export function usedIn(truth: AccountTruth, account: AccountImage): bigint {
  if (!account.b) return truth.usedIn(account.k);
  let used = 0n;
  for (const key of account.b.keys()) used += truth.usedIn(key);
  return used;
}

export function settledIn(truth: AccountTruth, account: AccountImage): bigint {
  if (!account.b) return truth.settledIn(account.k);
  let settled = 0n;
  for (const key of account.b.keys()) settled += truth.settledIn(key);
  return settled;
}
