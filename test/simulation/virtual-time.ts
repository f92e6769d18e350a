/**
 * Virtual time: events in a heap, one after the other. Between two events everything that needs no time runs to
 * its end (promises only: nothing simulated waits for a real timer), so the same seed gives the same history.
 */
import { epochMs, type EpochMs } from '../../lambdas/core/brands.ts';
import type { Clock } from '../../lambdas/core/ports.ts';

/** Events that are on their way at a time. */
const TURNS = 64;

interface Event {
  at: number;
  serial: number;
  work: () => void;
}

export class VirtualTime {
  /** Epoch milliseconds, with fractions. */
  now: number;
  /** The first failure that somebody reported; it ends the run. */
  failure: Error | undefined;
  events = 0;
  private readonly heap: Event[] = [];
  private serial = 0;
  private isOver = false;

  constructor(start: number) {
    this.now = start;
  }

  in(delayMs: number, work: () => void): void {
    this.at(this.now + Math.max(0, delayMs), work);
  }

  at(instant: number, work: () => void): void {
    const event = { at: Math.max(instant, this.now), serial: (this.serial += 1), work };
    let place = this.heap.push(event) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (isBefore(this.heap[parent]!, event)) break;
      this.heap[place] = this.heap[parent]!;
      place = parent;
    }
    this.heap[place] = event;
  }

  /** Until no event is left. Throws the first failure; more than `eventsMax` events are one. */
  run(eventsMax: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        if (this.isOver) return;
        try {
          this.isOver = !this.step(eventsMax);
          if (this.isOver) resolve();
        } catch (error) {
          this.isOver = true;
          this.fail(error);
          reject(this.failure!);
        }
      };
      // Some at a time: Node goes through them one by one, and between two runs every promise that can run.
      const turns = (): void => {
        for (let i = 0; i < TURNS; i += 1) setImmediate(turn);
        if (!this.isOver) setImmediate(turns);
      };
      turns();
    });
  }

  /** The next event; false where none is left. */
  private step(eventsMax: number): boolean {
    if (this.failure) throw this.failure;
    const event = this.next();
    if (!event) return false;
    this.now = event.at;
    this.events += 1;
    if (this.events > eventsMax) throw new Error(`progress: no end after ${eventsMax} events`);
    event.work();
    return true;
  }

  fail(error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error(String(error));
  }

  private next(): Event | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (isBefore(last, heap[child]!)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.serial < b.serial);

/** True time: the table's own. */
export function trueClock(time: VirtualTime): Clock {
  const unused = (): never => {
    throw new Error('nothing of the table sleeps');
  };
  return { now: (): EpochMs => epochMs(Math.floor(time.now)), sleep: unused, timer: unused };
}
