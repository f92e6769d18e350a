/**
 * What webhooks of this machine have still to get, kept with the books over a restart, and what was given up.
 *
 *   pk WEBHOOK#WAITS   sk <webhook>#<event id>   delivery, attempts so far, dueAt
 *   pk WEBHOOK#DEAD    sk <webhook>#<event id>   delivery, reason, givenUpAt
 */
import { epochMs, type EpochMs } from '../lambdas/core/brands.ts';
import { putIfAbsent } from '../lambdas/core/ledger/expressions.ts';
import { everyItem } from '../lambdas/core/pages.ts';
import { isApplied, type Item, type Table } from '../lambdas/core/ports.ts';
import { deliverySchema, type Delivery } from '../lambdas/core/webhooks/delivery.ts';

export interface WaitingDelivery {
  delivery: Delivery;
  attempts: number;
  dueAt: EpochMs;
}

export interface DeadDelivery {
  delivery: Delivery;
  reason: string;
  givenUpAt: EpochMs;
}

const WAITS = 'WEBHOOK#WAITS';
const DEAD = 'WEBHOOK#DEAD';

/** Of one event for one subscription. */
export const nameOf = ({ webhook, detail }: Delivery): string => `${webhook}#${detail.id}`;

/** All throw TableUnavailable. */
export class KeptDeliveries {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** False where it waits already. */
  async add(waiting: WaitingDelivery): Promise<boolean> {
    return isApplied(await this.#table.put(putIfAbsent(waitingToItem(waiting))));
  }

  async change(waiting: WaitingDelivery): Promise<void> {
    isApplied(await this.#table.put({ item: waitingToItem(waiting) }));
  }

  async done(delivery: Delivery): Promise<void> {
    isApplied(await this.#table.delete({ key: { pk: WAITS, sk: nameOf(delivery) } }));
  }

  /** In this order: a crash in between leaves one that is tried once more. */
  async giveUp({ delivery, reason, givenUpAt }: DeadDelivery): Promise<void> {
    const key = { pk: DEAD, sk: nameOf(delivery) };
    const item = { ...key, delivery: JSON.stringify(delivery), reason, givenUpAt: BigInt(givenUpAt) };
    isApplied(await this.#table.put({ item }));
    await this.done(delivery);
  }

  /** Waits again, from its first attempt on. */
  async revive({ delivery }: DeadDelivery, dueAt: EpochMs): Promise<WaitingDelivery> {
    const waiting = { delivery, attempts: 0, dueAt };
    await this.change(waiting);
    isApplied(await this.#table.delete({ key: { pk: DEAD, sk: nameOf(delivery) } }));
    return waiting;
  }

  async waiting(): Promise<WaitingDelivery[]> {
    return (await this.#list(WAITS)).map((item) => ({
      ...{ delivery: deliveryOf(item), attempts: Number(item['attempts']) },
      dueAt: epochMs(Number(item['dueAt'])),
    }));
  }

  async dead(): Promise<DeadDelivery[]> {
    return (await this.#list(DEAD)).map((item) => ({
      ...{ delivery: deliveryOf(item), reason: item['reason'] as string },
      givenUpAt: epochMs(Number(item['givenUpAt'])),
    }));
  }

  async #list(partition: string): Promise<Item[]> {
    const found: Item[] = [];
    for await (const item of everyItem((at) => this.#table.query({ partition, ...at }))) found.push(item);
    return found;
  }
}

const waitingToItem = ({ delivery, attempts, dueAt }: WaitingDelivery) => ({
  ...{ pk: WAITS, sk: nameOf(delivery), delivery: JSON.stringify(delivery) },
  ...{ attempts: BigInt(attempts), dueAt: BigInt(dueAt) },
});

const deliveryOf = (item: Item): Delivery => deliverySchema.parse(JSON.parse(item['delivery'] as string));
