/** The callers: they send their calls, send some twice, and send again what nobody answered. */
import { invoke } from './invocation.ts';
import type { PlannedCall } from './plan.ts';
import type { World } from './world.ts';

const SENDS_MAX = 3;

/** Tells what to look after once a process has died during a call. */
export type AfterDeath = (call: PlannedCall) => void;

export function sendCalls(world: World, afterDeath: AfterDeath): void {
  for (const call of world.plan.calls)
    world.time.at(call.at, () => new Client(world, call, afterDeath).start());
}

/** One call of one client, with its retries. */
export class Client {
  private sends = 0;
  private readonly world: World;
  private readonly call: PlannedCall;
  private readonly afterDeath: AfterDeath;

  constructor(world: World, call: PlannedCall, afterDeath: AfterDeath) {
    this.world = world;
    this.call = call;
    this.afterDeath = afterDeath;
  }

  start(): void {
    const { chance } = this.world;
    this.send();
    if (this.call.bodyHash === undefined) return;
    if (chance.chance(0.05)) this.reuseKey();
    if (!chance.chance(0.6)) return;
    this.sendIn(chance.pick([chance.between(0, 4), chance.between(0, 5000), chance.between(0, 90_000)]));
  }

  private send(): void {
    if (this.sends >= SENDS_MAX) return;
    this.sends += 1;
    const host = this.world.onSomeHost(async (host) => {
      const answer = await invoke(this.world, host, this.call);
      stopListening();
      const isRepeatable = this.call.bodyHash !== undefined;
      if (answer === 'try_later' && isRepeatable && this.world.chance.chance(0.5)) this.retry();
    });
    const stopListening = host.process.onDeath(() => {
      this.afterDeath(this.call);
      if (this.call.bodyHash !== undefined) this.retry();
    });
  }

  /** By mistake, for a call that says something else. */
  private reuseKey(): void {
    const { chance, time } = this.world;
    const { usd, tokens } = this.call.wanted;
    const other = {
      ...this.call,
      bodyHash: `other-${this.call.number}`,
      wanted: { usd: 1n + usd / 2n, tokens },
      floor: undefined,
    };
    time.in(chance.between(0, 10_000), () => new Client(this.world, other, this.afterDeath).send());
  }

  private retry(): void {
    const { chance } = this.world;
    this.sendIn(chance.chance(0.5) ? chance.between(100, 5000) : chance.between(0, 90_000));
  }

  private sendIn(delayMs: number): void {
    this.world.time.in(delayMs, () => this.send());
  }
}
