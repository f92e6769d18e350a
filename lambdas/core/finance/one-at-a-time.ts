/**
 * Work that only one process may do at a time. Whoever begins it has it until it ends it, or for as long as a function
 * lives: one that died is followed by another.
 *
 *   pk M#BUSY   sk <work>   endsAt
 */
import { durationMs } from '../brands.ts';
import { isApplied, type Clock, type ItemKey, type Table } from '../ports.ts';
import { MINUTE, SECOND } from '../time.ts';

/** The function that mails is cut off after a minute. Clocks are a few seconds apart. */
export const LIFE_MAX = durationMs(MINUTE + 5 * SECOND);

export class OneAtATime {
  private readonly table: Table;
  private readonly clock: Clock;

  constructor({ table, clock }: { table: Table; clock: Clock }) {
    this.table = table;
    this.clock = clock;
  }

  /** Resolves to undefined where somebody else is at it, or may be. Throws what the work throws, and TableUnavailable. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    const key = { pk: 'M#BUSY', sk: name };
    const now = BigInt(this.clock.now());
    const endsAt = now + BigInt(LIFE_MAX);
    const begun = await this.table.put({
      item: { ...key, endsAt },
      condition: 'attribute_not_exists(pk) OR endsAt < :now',
      values: { ':now': now },
    });
    if (!isApplied(begun)) return undefined;
    try {
      return await work();
    } finally {
      await this.end(key, endsAt);
    }
  }

  /** Only its own. What cannot be taken away ends by itself. */
  private async end(key: ItemKey, endsAt: bigint): Promise<void> {
    await this.table.delete({ key, condition: 'endsAt = :endsAt', values: { ':endsAt': endsAt } });
  }
}
