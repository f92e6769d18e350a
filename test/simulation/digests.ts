/**
 * The digests of some of the seeds, in a world of their own: charges of two weeks, written in time or a day late, rolled
 * up now and then, and the function that mails them, which a schedule asks each morning, twice at times, and again where
 * it failed. It dies at any await and is cut off after a minute; table and topic do what they do.
 */
import type { DynamoDBRecord } from 'aws-lambda';
import { Temporal } from 'temporal-polyfill';
import { holdId } from '../../lambdas/core/brands.ts';
import { chargeToItem } from '../../lambdas/core/ledger/charge.ts';
import { Periods } from '../../lambdas/core/rollups/periods.ts';
import { rollUp } from '../../lambdas/core/rollups/roll-up.ts';
import { charge } from '../rollups/charged-world.ts';
import { DigestAudit, type DigestCounts, type DueDigest } from './digest-audit.ts';
import { drawFaultRates, NO_FAULTS } from './faults.ts';
import { MailFunctions } from './mail-functions.ts';
import { SimulatedNetwork } from './network.ts';
import { Random } from './random.ts';
import type { Change } from './recording-store.ts';
import { RowWorld } from './row-world.ts';
import './subtle.ts';
import { VirtualTime } from './virtual-time.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const SHARE_OF_SEEDS = 0.08;
/** A month ends, and clocks are set back or forward, on the days around a Monday. */
const FIRST_DAYS = ['2026-11-27', '2026-10-30', '2027-03-12'];
const ZONES = ['UTC', 'America/New_York', 'Asia/Kolkata'];
const DAYS = 6;
const MORNING = 8;
const FAULTS_END_DAYS = [2, 4];
/** Each invocation asks the table dozens of times. */
const KILLED_MORE = 0.5;
/** As Lambda invokes again what was invoked without waiting. */
const RETRIES_MS = [MINUTE, 2 * MINUTE];
const FIRST_NUMBER = 1_000_001;
const EVENTS_MAX = 100_000;
const PICO_PER_CENT = 10n ** 10n;

export const hasDigests = (seed: number): boolean => new Random(seed, 'has digests').chance(SHARE_OF_SEEDS);

/** Throws what the auditor finds. */
export async function runDigests(seed: number): Promise<DigestCounts> {
  const digests = new Digests(seed);
  await digests.time.run(EVENTS_MAX);
  return digests.audit.counts;
}

class Digests {
  readonly time: VirtualTime;
  readonly audit: DigestAudit;
  private readonly chance: Random;
  private readonly zone: string;
  private readonly first: Temporal.PlainDate;
  private readonly network: SimulatedNetwork;
  private readonly world: RowWorld;
  private readonly functions: MailFunctions;
  private readonly roundEveryMs: number;
  private readonly faultsEndAt: number;
  private nextRoundAt = 0;
  private records = 0;

  constructor(seed: number) {
    this.chance = new Random(seed, 'digests');
    const { chance } = this;
    const zone = (this.zone = chance.pick(ZONES));
    this.first = Temporal.PlainDate.from(chance.pick(FIRST_DAYS));
    const time = (this.time = new VirtualTime(this.startOf(this.first)));
    this.audit = new DigestAudit(time);
    const faultDays = chance.pick(FAULTS_END_DAYS);
    this.faultsEndAt = this.startOf(this.first.add({ days: faultDays }));
    const rates = drawFaultRates(chance);
    const network = (this.network = new SimulatedNetwork({
      ...{ time, seed, rates, stream: 'digest network' },
      events: { sent: () => undefined, applied: (changes) => this.applied(changes) },
    }));
    network.indexLagMsMax = chance.pick([0, 1000, 30_000]);
    const batchMs = chance.pick([0, 5 * SECOND]);
    this.world = new RowWorld({
      ...{ time, seed, chance, network, zone, batchMs },
      told: (records) => records.forEach(({ dynamodb }) => this.audit.told(idOf(dynamodb!.NewImage!))),
    });
    this.functions = new MailFunctions({
      ...{
        time,
        seed,
        chance,
        network,
        firstNumber: FIRST_NUMBER,
        killedMore: KILLED_MORE,
        skewMsMax: rates.skewMsMax,
      },
      away: this.drawAway(faultDays),
      readerOf: (host) => ({ ...host, periods: new Periods(host), zone }),
      events: {
        begun: (process) => this.audit.begun(process),
        taken: (process, mail) => this.audit.taken(process, mail),
        ended: (process, result) => this.audit.ended(process, result),
      },
    });
    this.roundEveryMs = chance.pick([HOUR / 2, 3 * HOUR, 7 * HOUR]);
    this.planCharges();
    for (let day = 1; day < DAYS; day += 1) this.planMorning(this.first.add({ days: day }));
    time.at(this.faultsEndAt, () => (network.rates = NO_FAULTS));
  }

  /** The topic, on some morning. */
  private drawAway(faultDays: number): { from: number; to: number } | undefined {
    const { chance } = this;
    if (chance.chance(0.7)) return undefined;
    const from = this.morningOf(this.first.add({ days: chance.whole(1, faultDays - 1) }));
    return { from, to: from + chance.between(SECOND, 5 * MINUTE) };
  }

  private startOf(date: Temporal.PlainDate): number {
    return date.toZonedDateTime(this.zone).epochMilliseconds;
  }
  private morningOf(date: Temporal.PlainDate): number {
    const plainTime = Temporal.PlainTime.from({ hour: MORNING });
    return date.toZonedDateTime({ timeZone: this.zone, plainTime }).epochMilliseconds;
  }

  private planCharges(): void {
    const { chance, time } = this;
    for (let i = 0; i < chance.whole(5, 25); i += 1) {
      const day = this.startOf(this.first.add({ days: chance.pick([-7, -4, 0, 1, 2, 2, 3, 4]) }));
      const at = Math.floor(chance.pick([day, day + 10 * HOUR]) + chance.between(0, 2 * HOUR));
      const lateMs = chance.pick([
        chance.between(0, MINUTE),
        chance.between(0, 15 * MINUTE),
        chance.between(0, 26 * HOUR),
      ]);
      const cents = BigInt(chance.whole(1, 900));
      const spent = {
        user: chance.pick(['alice', 'bob', null]),
        feature: chance.pick(['chat', 'search']),
        model: chance.pick(['small', 'large']),
      };
      const delayMs = Math.max(0, at - time.now) + lateMs;
      this.charge(delayMs, { ...spent, id: `call-${i}`, at, cents });
      if (chance.chance(0.2))
        this.charge(delayMs + chance.between(HOUR, 10 * HOUR), {
          ...spent,
          ...{ id: `call-${i}~1`, at, cents: -BigInt(chance.whole(0, Number(cents) - 1)) },
        });
    }
  }

  private charge(
    delayMs: number,
    spent: { id: string; at: number; cents: bigint; user: string | null; feature: string; model: string },
  ): void {
    const isCorrection = spent.id.includes('~');
    const calls = isCorrection ? 0n : 1n;
    this.audit.planned({ ...spent, calls, writtenAt: Infinity, toldAt: Infinity });
    const one = charge({
      ...{ user: spent.user, feature: spent.feature, model: spent.model },
      ...{ at: new Date(spent.at).toISOString(), cost: spent.cents * PICO_PER_CENT },
      outcome: isCorrection ? 'adjusted' : 'settled',
    });
    this.world.write(delayMs, chargeToItem({ ...one, id: holdId(spent.id) }));
  }

  private applied(changes: readonly Change[]): void {
    const { chance } = this;
    for (const { pk, sk, old, next } of changes) {
      if (pk === 'M#DIGEST' && next) this.audit.isNoted(sk);
      if (pk === 'R#OPEN' && next) this.expectRound();
      if (!pk.startsWith('C#') || !next || old) continue;
      this.audit.written(idOf(next));
      this.records += 1;
      const dynamodb = { SequenceNumber: `${this.records}`, NewImage: next };
      const record = { eventName: 'INSERT', dynamodb } as DynamoDBRecord;
      this.world.tell(record, chance.between(100, 3000));
      if (chance.chance(0.1)) this.world.tell(record, chance.between(0, 30 * MINUTE));
    }
  }

  /** The schedule's next one; those that would find nothing are left out. */
  private expectRound(): void {
    const { time, roundEveryMs } = this;
    if (this.nextRoundAt > time.now) return;
    this.nextRoundAt = (Math.floor(time.now / roundEveryMs) + 1) * roundEveryMs + MINUTE;
    time.at(this.nextRoundAt, () => {
      this.world.run(async (host) => {
        await rollUp(host);
      }, false);
      this.nextRoundAt = 0;
      for (const item of this.network.store.all())
        if (item['pk']!.S === 'R#OPEN') {
          this.expectRound();
          return;
        }
    });
  }

  private planMorning(today: Temporal.PlainDate): void {
    const kinds = today.dayOfWeek === 1 ? (['daily', 'weekly'] as const) : (['daily'] as const);
    const at = this.morningOf(today);
    for (const kind of kinds) {
      const digest = this.digestOf(kind, today);
      this.time.at(at, () => this.audit.asks(digest));
      this.askLater(digest, at + this.chance.between(10, 2 * SECOND), RETRIES_MS);
      if (this.chance.chance(0.3))
        this.askLater(
          digest,
          at + this.chance.pick([0, MINUTE]) + this.chance.between(10, 10 * SECOND),
          RETRIES_MS,
        );
    }
  }

  private askLater(digest: DueDigest, at: number, retriesMs: readonly number[]): void {
    const { time } = this;
    time.at(at, () =>
      this.functions.invoke({ action: 'digest', kind: digest.kind }, (isDone) => {
        const [next, ...later] = retriesMs;
        const mayFail = at < this.faultsEndAt;
        if (isDone || next === undefined) this.audit.over(digest, { isDone, mayFail });
        else this.askLater(digest, time.now + next, later);
      }),
    );
  }

  private digestOf(kind: DueDigest['kind'], today: Temporal.PlainDate): DueDigest {
    const days = kind === 'daily' ? 1 : 7;
    const from = today.subtract({ days });
    const last = today.subtract({ days: 1 });
    return {
      id: `${kind}#${from.toString()}`,
      kind,
      when: kind === 'daily' ? `on ${from.toString()}` : `from ${from.toString()} to ${last.toString()}`,
      from: this.startOf(from),
      to: this.startOf(today),
      before: this.startOf(from.subtract({ days })),
      month: last.toString().slice(0, 7),
      monthFrom: this.startOf(last.with({ day: 1 })),
    };
  }
}

/** Of a charge, as its item has it. */
const idOf = (item: object): string => (item as { pk: { S: string } }).pk.S.slice('C#'.length);
