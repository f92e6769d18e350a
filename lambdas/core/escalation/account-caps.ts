/** Caps by the accounts that stand on leaves, remembered for a moment: a leaf changes with every call. */
import type { Cap } from '../caps/cap.ts';
import type { Directory } from '../directory/directory.ts';
import { CONFIGURATION_LAG, FreshCache } from '../directory/fresh-cache.ts';
import type { Clock } from '../ports.ts';

export class AccountCaps {
  private readonly directory: Pick<Directory, 'getCap'>;
  private readonly caps: FreshCache<Cap | undefined>;

  constructor({ directory, clock }: { directory: Pick<Directory, 'getCap'>; clock: Clock }) {
    this.directory = directory;
    this.caps = new FreshCache(clock, CONFIGURATION_LAG);
  }

  /**
   * The cap, at least as new as the account is where that is known; undefined once it is deleted or has another
   * account. Throws TableUnavailable.
   */
  async of(account: string, revision = 0n): Promise<Cap | undefined> {
    const id = account.split('~')[0]!;
    const load = (): Promise<Cap | undefined> => this.directory.getCap(id);
    let cap = await this.caps.get(id, load);
    if (!cap || cap.revision < revision) {
      this.caps.forget(id);
      cap = await this.caps.get(id, load);
    }
    return cap?.account === account ? cap : undefined;
  }
}
