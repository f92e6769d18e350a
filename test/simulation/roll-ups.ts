/**
 * One seed of the roll-up: charges that are written in time, hours later or a day later, their stream late, twice, out
 * of order, in batches and now and then lost for good, hosts that die, a table that does what tables do, and an index
 * that lags. In the end every row is the sum of the charges.
 */
import type { DynamoDBRecord } from 'aws-lambda';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { createChargeFeed } from '../../lambdas/charge-feed/charge-feed.ts';
import { chargeToItem } from '../../lambdas/core/ledger/charge.ts';
import { putIfAbsent } from '../../lambdas/core/ledger/expressions.ts';
import { isApplied, TableUnavailable, type WriteOutcome } from '../../lambdas/core/ports.ts';
import { checkRows } from '../../lambdas/core/rollups/check-rows.ts';
import { Periods } from '../../lambdas/core/rollups/periods.ts';
import type { RowReader } from '../../lambdas/core/rollups/read-rows.ts';
import { rollUp } from '../../lambdas/core/rollups/roll-up.ts';
import { charge } from '../rollups/charged-world.ts';
import { drawFaultRates, NO_FAULTS } from './faults.ts';
import { SimulatedNetwork } from './network.ts';
import { SimulatedProcess } from './process.ts';
import { Random } from './random.ts';
import type { Change } from './recording-store.ts';
import { RowAudit } from './row-audit.ts';
import { VirtualTime } from './virtual-time.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Clocks are set forward, and back, on two of these days. */
const STARTS = ['2026-11-24T10:00:00Z', '2026-10-31T20:00:00Z', '2027-03-13T20:00:00Z'];
const ZONES = ['UTC', 'America/New_York', 'Asia/Kolkata'];
/** After these every charge is written, and soon told of. */
const FAULTS_END_MS = 45 * HOUR;
/** A round may come by late, and every hour is checked 26 hours after its end. */
const END_MS = FAULTS_END_MS + 30 * HOUR;
const EVENTS_MAX = 200_000;
const HOSTS = 3;

export async function runRollUps(seed: number): Promise<RowAudit> {
  const rollUps = new RollUps(seed);
  await rollUps.time.run(EVENTS_MAX);
  rollUps.audit.atRest(rollUps.network.store);
  return rollUps.audit;
}

/** Whether now or by an earlier attempt. Throws TableUnavailable. */
const isDone = (outcome: WriteOutcome): void => void isApplied(outcome);

class RollUps {
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  readonly audit: RowAudit;
  private readonly seed: number;
  private readonly chance: Random;
  private readonly zone: string;
  private readonly start: number;
  private readonly loses: number;
  private readonly batchMs: number;
  private readonly hosts: (RowReader & { process: SimulatedProcess })[] = [];
  private processes = 0;
  private batch: DynamoDBRecord[] = [];

  constructor(seed: number) {
    this.seed = seed;
    this.chance = new Random(seed, 'roll-ups');
    const { chance } = this;
    this.start = Date.parse(chance.pick(STARTS));
    this.zone = chance.pick(ZONES);
    this.loses = chance.pick([0, 0.05, 0.2]);
    this.batchMs = chance.pick([0, 5000, MINUTE]);
    this.time = new VirtualTime(this.start);
    this.audit = new RowAudit(this.zone);
    this.network = new SimulatedNetwork({
      ...{ time: this.time, seed, rates: drawFaultRates(chance) },
      events: { sent: () => undefined, applied: (changes) => this.applied(changes) },
    });
    this.network.indexLagMsMax = chance.pick([0, 1000, 30_000]);
    this.planCharges();
    const every = chance.between(5 * MINUTE, 40 * MINUTE);
    for (let at = every; at < END_MS; at += every) {
      this.time.in(at, () => this.round());
      if (chance.chance(0.2)) this.time.in(at + chance.between(0, 200), () => this.round());
    }
    this.time.in(FAULTS_END_MS, () => (this.network.rates = NO_FAULTS));
  }

  private planCharges(): void {
    const { chance } = this;
    const hours = chance.pick([1, 6]);
    for (let i = 0; i < chance.whole(5, 40); i += 1) {
      const at = chance.between(0, hours * HOUR);
      const lateMs = chance.pick([
        chance.between(0, MINUTE),
        chance.between(0, 15 * MINUTE),
        24 * HOUR + chance.between(0, HOUR),
      ]);
      const spent = {
        at: new Date(Math.floor(this.start + at)).toISOString(),
        cost: BigInt(chance.whole(0, 1_000_000)),
        user: chance.pick(['alice', 'bob', null]),
        model: chance.pick(['small', 'large']),
        tags: chance.pick([{}, { env: 'prod' }]),
      };
      this.write(at + lateMs, chargeToItem(charge(spent)));
      if (!chance.chance(0.2)) continue;
      const correction = charge({ ...spent, cost: BigInt(chance.whole(-1000, 1000)), outcome: 'adjusted' });
      this.write(at + lateMs + chance.between(0, 10 * HOUR), chargeToItem(correction));
    }
  }

  /** Until it stands: whoever dies over it is followed by another. */
  private write(delayMs: number, item: ReturnType<typeof chargeToItem>): void {
    this.time.in(delayMs, () =>
      this.run(async ({ table }) => isDone(await table.put(putIfAbsent(item))), true),
    );
  }

  private round(): void {
    this.run(async (host) => {
      await rollUp(host);
      this.audit.gaps += (await checkRows(host)).length;
    }, false);
  }

  private applied(changes: readonly Change[]): void {
    for (const { pk, old, next } of changes) {
      if (!pk.startsWith('C#') || !next) continue;
      this.audit.charged(next);
      const record = {
        eventName: old ? 'MODIFY' : 'INSERT',
        dynamodb: { SequenceNumber: `${this.audit.charges}`, NewImage: next },
      } as DynamoDBRecord;
      const { chance } = this;
      const hourEnd = (Math.floor(Number(next['i']!.M!['ts']!.N) / HOUR) + 1) * HOUR;
      const isChecked = this.time.now + 5 * MINUTE < hourEnd + 26 * HOUR;
      if (isChecked && chance.chance(this.loses)) continue;
      this.tell(record, chance.between(100, 3000));
      if (chance.chance(0.1)) this.tell(record, chance.between(0, 30 * MINUTE));
    }
  }

  /** Records that come within the same moments come together. */
  private tell(record: DynamoDBRecord, delayMs: number): void {
    this.time.in(delayMs, () => {
      this.batch.push(record);
      if (this.batch.length === 1) this.time.in(this.batchMs, () => this.deliver(this.batch.splice(0)));
    });
  }

  private deliver(Records: DynamoDBRecord[]): void {
    this.run(async ({ periods }) => {
      const feed = createChargeFeed({ periods, report: () => undefined });
      const { batchItemFailures } = await feed({ Records });
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      // As Lambda does: from the first that failed on, whatever became of the others.
      const first = Records.findIndex(({ dynamodb }) => failed.has(dynamodb!.SequenceNumber!));
      if (first >= 0) for (const record of Records.slice(first)) this.tell(record, 1000);
    }, true);
  }

  /** On some host that is up; again on another, where the work must be done. */
  private run(work: (host: RowReader) => Promise<void>, mustBeDone: boolean): void {
    const host = this.someHost();
    const again = (): void => {
      if (mustBeDone) this.time.in(this.chance.between(100, MINUTE), () => this.run(work, true));
    };
    const stopListening = host.process.onDeath(again);
    work(host).then(stopListening, (error: unknown) => {
      stopListening();
      if (!(error instanceof TableUnavailable)) this.time.fail(error);
      again();
    });
  }

  private someHost(): RowReader & { process: SimulatedProcess } {
    const place = this.chance.whole(0, HOSTS - 1);
    const known = this.hosts[place];
    if (known?.process.alive) return known;
    this.processes += 1;
    const { time, network, seed, zone } = this;
    const process = new SimulatedProcess({
      ...{ number: this.processes, seed, time, skewMs: this.chance.between(-1000, 1000) },
      killShare: () => network.rates.killed,
    });
    const { clock, ids } = process;
    const table = new DynamoDbTable({ api: network.apiOf(process), tableName: 't', clock, ids });
    return (this.hosts[place] = { process, table, clock, periods: new Periods({ table, clock, ids }), zone });
  }
}
