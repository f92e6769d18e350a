/**
 * The finance desk as it is deployed, in some of the seeds: a function that executions of the ladder and a schedule
 * invoke, late, at once and again, that dies at any await and is cut off after a minute, before a table that does what
 * tables do and a topic that takes mails, takes them without an answer, or is away. Draws from streams of its own.
 */
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { DigestDesk } from '../../lambdas/core/finance/digest-desk.ts';
import { FinanceDesk } from '../../lambdas/core/finance/finance-desk.ts';
import type { CapThresholdCrossed } from '../../lambdas/core/events/cap-threshold-crossed.ts';
import { TableUnavailable, type FinanceMail, type Mail } from '../../lambdas/core/ports.ts';
import { Periods } from '../../lambdas/core/rollups/periods.ts';
import { createMailFinance } from '../../lambdas/mail-finance/mail-finance.ts';
import { MailAudit } from './mail-audit.ts';
import { MailText } from './mail-text.ts';
import type { SimulatedNetwork } from './network.ts';
import { SimulatedProcess } from './process.ts';
import { Random } from './random.ts';
import type { World } from './world.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Mails make a seed dearer by a third. */
const SHARE_OF_SEEDS = 0.15;
/** As `lib/constructs/finance-mail/` has it. */
const TIMEOUT_MS = MINUTE;
const ROUND_EVERY_MS = 5 * MINUTE;
const ROUND_RETRIES_MS = [MINUTE, 2 * MINUTE];
/** As `lib/escalation.asl.json` has it. */
const TELL_RETRIES_MS = [5, 10, 20, 40, 80, 160, 300, 300].map((seconds) => seconds * SECOND);
/** Its processes have streams of their own, too. */
const FIRST_NUMBER = 1_000_001;
/** Few are invoked, so that more of them die. */
const KILLED_MORE = 4;

export const hasMail = (seed: number): boolean => new Random(seed, 'has mail').chance(SHARE_OF_SEEDS);

/** What the topic answers, or does not. */
class NotTaken extends Error {
  override name = 'NotTaken';
}

interface MailFunction {
  process: SimulatedProcess;
  handler: ReturnType<typeof createMailFinance>;
  isBusy: boolean;
}

export class MailRoom {
  readonly audit: MailAudit;
  readonly network: SimulatedNetwork;
  private readonly world: World;
  private readonly seed: number;
  private readonly isByHand: boolean;
  /** How long the next mails are on their way. */
  readonly slowMailsMs: number[] = [];
  private readonly chance: Random;
  private readonly functions: MailFunction[] = [];
  private processes = 0;
  private nextRoundAt = 0;
  /** The topic takes nothing in between. */
  private readonly away: { from: number; to: number } | undefined;

  /** Where whatever happens is placed by hand, the schedule too. */
  constructor(world: World, seed: number, isByHand = false) {
    this.world = world;
    this.seed = seed;
    this.isByHand = isByHand;
    this.chance = new Random(seed, 'mail');
    const { time, auditor, plan } = world;
    this.audit = new MailAudit({ time, text: new MailText(auditor.known, auditor.events) });
    this.network = world.addNetwork({
      stream: 'mail network',
      events: {
        sent: (request) => this.audit.sent(request),
        applied: (changes) => {
          this.audit.applied(changes);
          if (changes.some(({ pk, next }) => pk === 'M#WAIT' && next)) this.expectRound();
        },
      },
    });
    const from = this.chance.between(plan.start, plan.end);
    if (!isByHand && this.chance.chance(0.25)) this.away = { from, to: from + 12 * MINUTE };
  }

  /** An execution of the ladder has begun: its task that mails, which is tried again as the machine says. */
  begins(event: CapThresholdCrossed): void {
    if (!event.actions.mail) return;
    this.audit.mustMail(event);
    const { chance } = this;
    const { time } = this.world;
    this.tellLater(event, chance.between(10, SECOND), TELL_RETRIES_MS);
    if (chance.chance(0.1)) time.in(chance.between(10, 2 * MINUTE), () => this.invoke(tellOf(event)));
  }

  private tellLater(event: CapThresholdCrossed, delayMs: number, retriesMs: readonly number[]): void {
    this.world.time.in(delayMs, () =>
      this.invoke(tellOf(event), (isDone) => {
        if (isDone) return;
        const [next, ...later] = retriesMs;
        if (next === undefined) this.audit.givesUp(event);
        else this.tellLater(event, next, later);
      }),
    );
  }

  /** The schedule's next one; those that would find nothing are left out. */
  private expectRound(): void {
    const { time } = this.world;
    if (this.isByHand || this.nextRoundAt > time.now) return;
    this.nextRoundAt = (Math.floor(time.now / ROUND_EVERY_MS) + 1) * ROUND_EVERY_MS;
    time.at(this.nextRoundAt, () => {
      const { chance } = this;
      this.roundLater(chance.between(0, SECOND), ROUND_RETRIES_MS);
      if (chance.chance(0.1)) this.roundLater(chance.between(0, SECOND), ROUND_RETRIES_MS);
      if (this.audit.waiting > 0) this.expectRound();
    });
  }

  private roundLater(delayMs: number, retriesMs: readonly number[]): void {
    this.world.time.in(delayMs, () =>
      this.invoke(ROUND, (isDone) => {
        const [next, ...later] = retriesMs;
        if (!isDone && next !== undefined) this.roundLater(next, later);
      }),
    );
  }

  /** Once, in a scenario; resolves when it has ended, however. */
  tell(event: CapThresholdCrossed): Promise<boolean> {
    return new Promise((resolve) => this.invoke(tellOf(event), resolve));
  }
  round(): Promise<boolean> {
    return new Promise((resolve) => this.invoke(ROUND, resolve));
  }

  /** On a function that is idle. Whoever invoked it hears how it ended, or wrongly that it did not end well. */
  private invoke(input: object, ended: (isDone: boolean) => void = () => undefined): void {
    const { time } = this.world;
    const place = this.idleFunction();
    const { process, handler } = place;
    place.isBusy = true;
    let isOver = false;
    const over = (result: object | undefined): void => {
      if (isOver) return;
      isOver = true;
      stopListening();
      place.isBusy = false;
      this.audit.invocationEnds(process, result);
      if (!isAnswerLost) ended(result !== undefined);
    };
    const stopListening = process.onDeath(() => over(undefined));
    const isAnswerLost = this.chance.chance(this.network.rates.answerLost / 3);
    if (isAnswerLost) time.in(this.chance.between(0, 3 * SECOND), () => ended(false));
    time.in(TIMEOUT_MS, () => {
      if (!isOver) process.kill();
    });
    handler(input).then(over, (error: unknown) => {
      if (!(error instanceof TableUnavailable || error instanceof NotTaken)) time.fail(error);
      over(undefined);
    });
  }

  private idleFunction(): MailFunction {
    const idle = this.functions.find(({ process, isBusy }) => process.alive && !isBusy);
    if (idle) return idle;
    const { world, seed, network, chance } = this;
    const { skewMsMax } = world.plan.rates;
    const process = new SimulatedProcess({
      number: FIRST_NUMBER + this.processes,
      seed,
      time: world.time,
      skewMs: chance.between(-skewMsMax / 2, skewMsMax / 2),
      killShare: () => network.rates.killed * KILLED_MORE,
    });
    this.processes += 1;
    const started = { process, handler: this.handlerOf(process), isBusy: false };
    this.functions.push(started);
    return started;
  }

  private handlerOf(process: SimulatedProcess): MailFunction['handler'] {
    const { clock, ids } = process;
    const table = new DynamoDbTable({ api: this.network.apiOf(process), tableName: 't', clock, ids });
    const shared = {
      reader: { table, clock, periods: new RowsElsewhere({ table, clock, ids }), zone: 'UTC' },
      mail: this.topicFor(process),
      moreUrl: undefined,
    };
    const desk = new FinanceDesk({ ...shared, report: () => undefined });
    return createMailFinance(
      desk,
      new DigestDesk({ ...shared, notes: desk.notes, org: 'Acme', kinds: ['daily'] }),
    );
  }

  private topicFor(process: SimulatedProcess): FinanceMail {
    return { send: (mail) => this.publish(process, mail) };
  }

  private publish(process: SimulatedProcess, mail: Mail): Promise<void> {
    const { chance, world, network, audit, away } = this;
    const { time } = world;
    const { rates } = network;
    return new Promise((resolve, reject) => {
      const isDead = process.dies();
      if (isDead && chance.chance(0.5)) return;
      const give = (delayMs: number, error?: string): void =>
        time.in(delayMs, () => {
          if (process.dies()) return;
          if (error === undefined) resolve();
          else reject(new NotTaken(error));
        });
      const isAway = away && time.now >= away.from && time.now < away.to;
      if (isAway || chance.chance(rates.requestLost) || chance.chance(rates.throttled)) {
        give(chance.pick([10, 5 * SECOND]), 'the topic does not answer');
        return;
      }
      const byChance = chance.chance(rates.slow) ? chance.between(500, 20 * SECOND) : chance.between(5, 50);
      const wayMs = this.slowMailsMs.shift() ?? byChance;
      time.in(wayMs, () => {
        audit.taken(process, mail);
        if (chance.chance(rates.answerLost)) give(5 * SECOND, 'no answer came');
        else give(chance.between(1, 20));
      });
    });
  }
}

const ROUND = { action: 'mail_waiting' };
const tellOf = (event: CapThresholdCrossed): object => ({ action: 'tell', event });

/** Rows of charges have a simulation of their own; a mail goes without its causes where they cannot be read. */
class RowsElsewhere extends Periods {
  override openHours(): Promise<never> {
    return Promise.reject(new TableUnavailable('rows are read elsewhere'));
  }
}
