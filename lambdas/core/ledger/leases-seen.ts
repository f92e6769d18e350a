/**
 * What this process knows of the leases of each shared cap: of every leaf that passed through it, as it last saw it.
 * Sums are kept, so that asking costs the same however many callers a cap has.
 */
import QuickLRU from 'quick-lru';
import type { Leaf } from './leaf.ts';

const ACCOUNTS_MAX = 10_000;
const LEASES_MAX = 10_000;

export interface SeenLease {
  leafPk: string;
  /** Of the leaf. */
  version: bigint;
  free: bigint;
  settled: bigint;
  /** What the lease has of its pool in all: free, held and settled. */
  rights: bigint;
}

/** The known leases of one shared cap in one window. */
export interface KnownLeases {
  k: bigint;
  settled: bigint;
  rights: bigint;
  /** By leaf. */
  leases: Map<string, SeenLease>;
}

export class LeasesSeen {
  private readonly known = new QuickLRU<string, KnownLeases>({ maxSize: ACCOUNTS_MAX });

  /** The newest image of a leaf. */
  note({ pk, v, a }: Leaf): void {
    for (const [name, account] of Object.entries(a)) {
      if (account.d === undefined) continue;
      const of = this.known.get(name);
      if (of && account.k < of.k) continue;
      const known: KnownLeases =
        of?.k === account.k ? of : { k: account.k, settled: 0n, rights: 0n, leases: new Map() };
      replace(known, { leafPk: pk, version: v, free: account.f, settled: account.s, rights: account.l });
      if (known !== of) this.known.set(name, known);
    }
  }

  /** What was settled on the account's lease by version `v` has gone home, and `given` of what was free of it; whatever was seen since stands. */
  wentHome({ pk, v, a }: Leaf, account: string, given: bigint): void {
    const known = this.of(account, a[account]!.k);
    const lease = known?.leases.get(pk);
    if (lease?.version !== v) return;
    const { free, settled, rights } = lease;
    replace(known!, { ...lease, free: free - given, settled: 0n, rights: rights - settled - given });
  }

  /** Those of the window `key`. */
  of(account: string, key: bigint): KnownLeases | undefined {
    const known = this.known.get(account);
    return known?.k === key ? known : undefined;
  }

  /** Names of all accounts that are known. */
  accounts(): string[] {
    return [...this.known.keys()];
  }
}

function replace(known: KnownLeases, lease: SeenLease): void {
  forget(known, lease.leafPk);
  if (known.leases.size >= LEASES_MAX) forget(known, known.leases.keys().next().value!);
  known.leases.set(lease.leafPk, lease);
  known.settled += lease.settled;
  known.rights += lease.rights;
}

function forget(known: KnownLeases, leafPk: string): void {
  const lease = known.leases.get(leafPk);
  if (!lease) return;
  known.leases.delete(leafPk);
  known.settled -= lease.settled;
  known.rights -= lease.rights;
}
