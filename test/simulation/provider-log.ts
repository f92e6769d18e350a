/** The provider's side: which calls reached it, which run, and what it billed. Nothing of it is in the table. */
import type { HeldCall } from '../../lambdas/core/ledger/leaf.ts';
import { limitOf, type Truth } from './truth.ts';
import { Violation } from './violation.ts';

export interface Bill {
  usd: bigint;
  tokens: bigint;
}

export class ProviderLog {
  private readonly known: Truth;
  /** Stamp of the hold under which each call was forwarded. */
  private readonly forwarded = new Map<string, bigint>();
  private readonly bills = new Map<string, Bill>();
  /** Under each cap on calls in flight. */
  private readonly running = new Map<string, number>();
  private readonly ended = new Set<string>();

  constructor(known: Truth) {
    this.known = known;
  }

  forward(id: string, at: bigint): void {
    if (this.forwarded.has(id)) throw new Violation('resolved once', `${id} is forwarded twice`);
    this.forwarded.set(id, at);
  }

  bill(id: string, bill: Bill): void {
    this.bills.set(id, bill);
  }

  /** Undefined for a call that it never saw, or did not bill. */
  billOf(id: string, at: bigint): Bill | undefined {
    return this.sawCall(id, at) ? this.bills.get(id) : undefined;
  }

  sawCall(id: string, at: bigint): boolean {
    return this.forwarded.get(id) === at;
  }

  isRunning(id: string, at: bigint): boolean {
    return this.sawCall(id, at) && !this.ended.has(id);
  }

  calls(): Iterable<string> {
    return this.forwarded.keys();
  }

  /** A call runs from now on. Returns how to say that it has ended. */
  runs({ id, leaf, hold }: HeldCall): () => void {
    const slots = Object.keys(hold.c).filter((name) => hold.c[name]!.m === 'c');
    const count = (name: string, more: number): number => {
      const key = `${leaf.pk} ${name}`;
      const running = (this.running.get(key) ?? 0) + more;
      this.running.set(key, running);
      return running;
    };
    for (const name of slots) {
      const running = count(name, 1);
      const limits = [...this.known.configuration.history.get(name)!.values()].map(limitOf);
      if (limits.every((limit) => BigInt(running) > limit))
        throw new Violation('cap exceeded', `${running} calls run at once under ${name}`);
    }
    return () => {
      this.ended.add(id);
      for (const name of slots) count(name, -1);
    };
  }
}
