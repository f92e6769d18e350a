/**
 * One seed of the roll-up: charges that are written in time, hours later or a day later, their stream late, twice, out
 * of order, in batches and now and then lost for good, hosts that die, a table that does what tables do, and an index
 * that lags. In the end every row is the sum of the charges.
 */
import type { DynamoDBRecord } from 'aws-lambda';
import { chargeToItem } from '../../lambdas/core/ledger/charge.ts';
import { checkRows } from '../../lambdas/core/rollups/check-rows.ts';
import { rollUp } from '../../lambdas/core/rollups/roll-up.ts';
import { charge } from '../rollups/charged-world.ts';
import { drawFaultRates, NO_FAULTS } from './faults.ts';
import { SimulatedNetwork } from './network.ts';
import { Random } from './random.ts';
import type { Change } from './recording-store.ts';
import { RowAudit } from './row-audit.ts';
import { RowWorld } from './row-world.ts';
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

export async function runRollUps(seed: number): Promise<RowAudit> {
  const rollUps = new RollUps(seed);
  await rollUps.time.run(EVENTS_MAX);
  rollUps.audit.atRest(rollUps.network.store);
  return rollUps.audit;
}

class RollUps {
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  readonly audit: RowAudit;
  private readonly chance: Random;
  private readonly start: number;
  private readonly loses: number;
  private readonly world: RowWorld;

  constructor(seed: number) {
    this.chance = new Random(seed, 'roll-ups');
    const { chance } = this;
    this.start = Date.parse(chance.pick(STARTS));
    const zone = chance.pick(ZONES);
    this.loses = chance.pick([0, 0.05, 0.2]);
    const batchMs = chance.pick([0, 5000, MINUTE]);
    this.time = new VirtualTime(this.start);
    this.audit = new RowAudit(zone);
    this.network = new SimulatedNetwork({
      ...{ time: this.time, seed, rates: drawFaultRates(chance) },
      events: { sent: () => undefined, applied: (changes) => this.applied(changes) },
    });
    this.network.indexLagMsMax = chance.pick([0, 1000, 30_000]);
    const { time, network } = this;
    this.world = new RowWorld({ time, seed, chance, network, zone, batchMs });
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
      this.world.write(at + lateMs, chargeToItem(charge(spent)));
      if (!chance.chance(0.2)) continue;
      const correction = charge({ ...spent, cost: BigInt(chance.whole(-1000, 1000)), outcome: 'adjusted' });
      this.world.write(at + lateMs + chance.between(0, 10 * HOUR), chargeToItem(correction));
    }
  }

  private round(): void {
    this.world.run(async (host) => {
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
      this.world.tell(record, chance.between(100, 3000));
      if (chance.chance(0.1)) this.world.tell(record, chance.between(0, 30 * MINUTE));
    }
  }
}
