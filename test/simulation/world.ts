/** One seed's world: time, table, processes with the product's real adapter and ledger, and the auditor beside them. */
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { Ledger } from '../../lambdas/core/ledger/ledger.ts';
import { TableUnavailable, type Table } from '../../lambdas/core/ports.ts';
import { Auditor } from './auditor.ts';
import { Configuration } from './configuration.ts';
import { NO_FAULTS } from './faults.ts';
import { SimulatedNetwork, type NetworkEvents } from './network.ts';
import type { Plan } from './plan.ts';
import { SimulatedProcess } from './process.ts';
import { Random } from './random.ts';
import type { Change } from './recording-store.ts';
import { Violation } from './violation.ts';
import { VirtualTime } from './virtual-time.ts';

/** A process of the product and what it runs. */
export interface Host {
  process: SimulatedProcess;
  table: Table;
  ledger: Ledger;
}

export class World {
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  readonly configuration: Configuration;
  readonly auditor: Auditor;
  readonly plan: Plan;
  readonly chance: Random;
  private readonly seed: number;
  private readonly networks: SimulatedNetwork[] = [];
  private readonly hosts: Host[] = [];
  private readonly busy = new Set<Host>();
  private processes = 0;
  private readonly listeners: ((change: Change) => void)[] = [];

  constructor(seed: number, plan: Plan) {
    this.seed = seed;
    this.plan = plan;
    this.chance = new Random(seed, 'world');
    this.time = new VirtualTime(plan.start);
    this.configuration = new Configuration(this.time);
    this.auditor = new Auditor({
      time: this.time,
      configuration: this.configuration,
      skewMsMax: plan.rates.skewMsMax,
      ratePerMinute: plan.ratePerMinute,
    });
    this.network = new SimulatedNetwork({
      time: this.time,
      seed,
      rates: plan.rates,
      events: {
        sent: (request) => this.auditor.sent(request),
        applied: (changes) => this.applied(changes),
      },
    });
    this.networks.push(this.network);
  }

  /** The table's stream: each change, after the auditor has passed it. */
  onChange(listener: (change: Change) => void): void {
    this.listeners.push(listener);
  }

  /** Beside that of the ledger; faults stop on it too. */
  addNetwork(options: { stream: string; events: NetworkEvents }): SimulatedNetwork {
    const { time, seed, plan } = this;
    const network = new SimulatedNetwork({ time, seed, rates: plan.rates, ...options });
    this.networks.push(network);
    return network;
  }

  setOutage(isAway: boolean): void {
    for (const network of this.networks) network.outage = isAway;
  }

  stopFaults(): void {
    for (const network of this.networks) network.rates = NO_FAULTS;
    this.setOutage(false);
  }

  /** Runs on a process that is up: a server takes any number of tasks at once, a function one. */
  onSomeHost(work: (host: Host) => Promise<void>): Host {
    const host = this.plan.host === 'server' ? this.someServer() : this.idleFunction();
    this.busy.add(host);
    const faultsBefore = host.process.faultsMet;
    this.spawn(async () => {
      try {
        await work(host);
      } catch (error) {
        if (error instanceof TableUnavailable && host.process.faultsMet === faultsBefore)
          throw new Violation('throttle justified', `${error.message} while the table answers`);
        throw error;
      } finally {
        this.busy.delete(host);
      }
    });
    return host;
  }

  /** An error is a bug, but for a table that cannot be reached: whoever comes next goes on from there. */
  spawn(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      if (!(error instanceof TableUnavailable)) this.time.fail(error);
    });
  }

  private applied(changes: Change[]): void {
    this.auditor.applied(changes);
    for (const change of changes) for (const listener of this.listeners) listener(change);
  }

  private someServer(): Host {
    const place = this.chance.whole(0, this.plan.processesMax - 1);
    const known = this.hosts[place];
    if (known?.process.alive) return known;
    return (this.hosts[place] = this.startHost());
  }

  private idleFunction(): Host {
    const idle = this.hosts.filter((host) => host.process.alive && !this.busy.has(host));
    if (idle.length >= this.plan.processesMax) return this.chance.pick(idle);
    const host = this.startHost();
    this.hosts.push(host);
    return host;
  }

  /** Its clock is off by `skewMs`; by chance where that is not given. */
  startHost(skewMs = this.drawSkew()): Host {
    this.processes += 1;
    const process = new SimulatedProcess({
      number: this.processes,
      seed: this.seed,
      time: this.time,
      skewMs,
      killShare: () => this.network.rates.killed,
    });
    process.onDeath(() => (this.network.counts.kills += 1));
    const { clock, ids } = process;
    const table = new DynamoDbTable({ api: this.network.apiOf(process), tableName: 'spendcap', clock, ids });
    return { process, table, ledger: new Ledger({ table, clock, ids }) };
  }

  private drawSkew(): number {
    const { skewMsMax } = this.plan.rates;
    return this.chance.between(-skewMsMax / 2, skewMsMax / 2);
  }
}
