/** Lets a few pieces of work of one name run at a time; the rest wait in the order in which they came. */
import pLimit, { type LimitFunction } from 'p-limit';

export class Turns {
  private readonly queues = new Map<string, LimitFunction>();
  private readonly atOnce: number;

  constructor(atOnce: number) {
    this.atOnce = atOnce;
  }

  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const queue = this.queues.get(name) ?? pLimit(this.atOnce);
    this.queues.set(name, queue);
    try {
      return await queue(work);
    } finally {
      if (queue.activeCount + queue.pendingCount === 0) this.queues.delete(name);
    }
  }
}
