/**
 * The caps as an administrator changes them, and what each process sees of them: its own copy, up to 30 s old, kept
 * by the product's own cache. Every revision is remembered, so that the auditor can look up what was promised when.
 */
import { capId, durationMs, type DurationMs } from '../../lambdas/core/brands.ts';
import type { Cap, Metric, ScopeType, Thresholds } from '../../lambdas/core/caps/cap.ts';
import type { Window } from '../../lambdas/core/caps/windows.ts';
import { FreshCache } from '../../lambdas/core/directory/fresh-cache.ts';
import type { ItemKey } from '../../lambdas/core/ports.ts';
import type { SimulatedProcess } from './process.ts';
import type { VirtualTime } from './virtual-time.ts';

export const CONFIGURATION_LAG: DurationMs = durationMs(30_000);

export interface Caller {
  leaf: ItemKey;
  /** Null for an app that calls for itself. */
  user: string | null;
}

export interface NewCap {
  id: string;
  metric: Metric;
  window: Window;
  limit: bigint;
  overage: bigint;
  thresholds: Thresholds;
  /** Leaves whose calls it counts; undefined for a cap that leaves share. */
  covers: ReadonlySet<string> | undefined;
  /** Of a shared cap: the team whose calls it counts; undefined for everybody's. */
  team: string | undefined;
  /** Undefined: calls of every feature. */
  feature: string | undefined;
}

interface StandingCap extends NewCap {
  generation: number;
  revision: bigint;
  isActive: boolean;
}

export class Configuration {
  /** By account, by revision. */
  readonly history = new Map<string, Map<bigint, Cap>>();
  /** When each revision of an account came into force. */
  readonly since = new Map<string, Map<bigint, number>>();
  /** By leaf. A move is in force at once: it is no cap that changes. */
  readonly teams = new Map<string, string>();
  private readonly shared = new Set<string>();
  private readonly standing = new Map<string, StandingCap>();
  private readonly views = new WeakMap<SimulatedProcess, FreshCache<readonly Cap[]>>();
  private readonly time: VirtualTime;

  constructor(time: VirtualTime) {
    this.time = time;
  }

  get ids(): string[] {
    return [...this.standing.keys()];
  }

  add(cap: NewCap): void {
    const old = this.standing.get(cap.id);
    this.write({
      ...cap,
      generation: old?.generation ?? 0,
      revision: old?.revision ?? 0n,
      isActive: true,
    });
  }

  get(id: string): Readonly<StandingCap> {
    return this.standing.get(id)!;
  }

  /** The same account goes on, under a new revision. */
  change(id: string, change: Partial<Pick<NewCap, 'limit' | 'overage' | 'thresholds'>>): void {
    this.write({ ...this.get(id), ...change });
  }

  /** What is counted now is another thing: a fresh account. */
  redefine(id: string, change: Partial<Pick<NewCap, 'window' | 'limit'>>): void {
    const old = this.get(id);
    this.write({ ...old, ...change, generation: old.generation + 1 });
  }

  remove(id: string): void {
    this.standing.set(id, { ...this.get(id), isActive: false });
  }

  restore(id: string): void {
    this.write({ ...this.get(id), isActive: true });
  }

  /** The caps of a caller as the process sees them. */
  async capsFor(process: SimulatedProcess, caller: Caller, feature: string): Promise<readonly Cap[]> {
    let view = this.views.get(process);
    if (!view) this.views.set(process, (view = new FreshCache(process.clock, CONFIGURATION_LAG)));
    return view.get(`${caller.leaf.pk} ${this.teams.get(caller.leaf.pk)} ${feature}`, async () =>
      this.current(caller, feature),
    );
  }

  current(caller: Caller, feature: string): readonly Cap[] {
    return [...this.standing.values()]
      .filter((cap) => cap.isActive)
      .filter((cap) => cap.covers?.has(caller.leaf.pk) ?? this.countsTeam(cap, caller))
      .filter((cap) => cap.feature === undefined || cap.feature === feature)
      .map((cap) => this.history.get(accountOf(cap))!.get(cap.revision)!);
  }

  isShared(account: string): boolean {
    return this.shared.has(account);
  }

  private countsTeam({ team }: NewCap, { leaf }: Caller): boolean {
    return team === undefined || this.teams.get(leaf.pk) === team;
  }

  /** The newest revision of a cap in force. */
  currentById(id: string): Cap | undefined {
    const cap = this.get(id);
    return cap.isActive ? this.history.get(accountOf(cap))!.get(cap.revision)! : undefined;
  }

  /** The same, by the name of its account. */
  currentOf(account: string): Cap | undefined {
    const cap = [...this.standing.values()].find((standing) => accountOf(standing) === account);
    return cap && this.currentById(cap.id);
  }

  private write(next: StandingCap): void {
    const revised = { ...next, revision: next.revision + 1n };
    this.standing.set(next.id, revised);
    const account = accountOf(revised);
    const { id, metric, window, limit, overage, thresholds, revision } = revised;
    const cap: Cap = {
      id: capId(id),
      account,
      scope: { type: scopeTypeOf(revised), id },
      metric,
      window,
      limit,
      overage,
      thresholds,
      ladder: 'default',
      revision,
    };
    if (!revised.covers) this.shared.add(account);
    entryOf(this.history, account).set(revision, cap);
    entryOf(this.since, account).set(revision, this.time.now);
  }
}

function scopeTypeOf({ covers, team, feature }: NewCap): ScopeType {
  if (covers) return feature === undefined ? 'user' : 'user_feature';
  return team === undefined ? 'org' : 'team';
}

const accountOf = ({ id, generation }: StandingCap): string =>
  generation === 0 ? id : `${id}~${generation}`;

function entryOf<T>(map: Map<string, Map<bigint, T>>, account: string): Map<bigint, T> {
  let entry = map.get(account);
  if (!entry) map.set(account, (entry = new Map<bigint, T>()));
  return entry;
}
