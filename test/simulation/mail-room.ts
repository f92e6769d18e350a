/**
 * The finance desk as it is deployed, in some of the seeds: a function that executions of the ladder and a schedule
 * invoke, late, at once and again, that dies at any await and is cut off after a minute, before a table that does what
 * tables do and a topic that takes mails, takes them without an answer, or is away. Draws from streams of its own.
 */
import type { CapThresholdCrossed } from '../../lambdas/core/events/cap-threshold-crossed.ts';
import { TableUnavailable } from '../../lambdas/core/ports.ts';
import { Periods } from '../../lambdas/core/rollups/periods.ts';
import { MailAudit } from './mail-audit.ts';
import { MailFunctions } from './mail-functions.ts';
import { MailText } from './mail-text.ts';
import type { SimulatedNetwork } from './network.ts';
import { Random } from './random.ts';
import type { World } from './world.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Mails make a seed dearer by a third. */
const SHARE_OF_SEEDS = 0.15;
const ROUND_EVERY_MS = 5 * MINUTE;
const ROUND_RETRIES_MS = [MINUTE, 2 * MINUTE];
/** As `lib/escalation.asl.json` has it. */
const TELL_RETRIES_MS = [5, 10, 20, 40, 80, 160, 300, 300].map((seconds) => seconds * SECOND);
/** Its processes have streams of their own, too. */
const FIRST_NUMBER = 1_000_001;
/** Few are invoked, so that more of them die. */
const KILLED_MORE = 4;

export const hasMail = (seed: number): boolean => new Random(seed, 'has mail').chance(SHARE_OF_SEEDS);

export class MailRoom {
  readonly audit: MailAudit;
  readonly network: SimulatedNetwork;
  private readonly world: World;
  private readonly isByHand: boolean;
  private readonly chance: Random;
  private readonly functions: MailFunctions;
  private nextRoundAt = 0;

  /** Where whatever happens is placed by hand, the schedule too. */
  constructor(world: World, seed: number, isByHand = false) {
    this.world = world;
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
    const isAway = !isByHand && this.chance.chance(0.25);
    this.functions = new MailFunctions({
      ...{ time, seed, chance: this.chance, network: this.network, firstNumber: FIRST_NUMBER },
      killedMore: KILLED_MORE,
      skewMsMax: plan.rates.skewMsMax,
      away: isAway ? { from, to: from + 12 * MINUTE } : undefined,
      readerOf: (host) => ({ ...host, periods: new RowsElsewhere(host), zone: 'UTC' }),
      events: {
        taken: (process, mail) => this.audit.taken(process, mail),
        ended: (process, result) => this.audit.invocationEnds(process, result),
      },
    });
  }

  /** How long the next mails are on their way. */
  get slowMailsMs(): number[] {
    return this.functions.slowMailsMs;
  }

  /** An execution of the ladder has begun: its task that mails, which is tried again as the machine says. */
  begins(event: CapThresholdCrossed): void {
    if (!event.actions.mail) return;
    this.audit.mustMail(event);
    const { chance } = this;
    const { time } = this.world;
    this.tellLater(event, chance.between(10, SECOND), TELL_RETRIES_MS);
    if (chance.chance(0.1))
      time.in(chance.between(10, 2 * MINUTE), () => this.functions.invoke(tellOf(event)));
  }

  private tellLater(event: CapThresholdCrossed, delayMs: number, retriesMs: readonly number[]): void {
    this.world.time.in(delayMs, () =>
      this.functions.invoke(tellOf(event), (isDone) => {
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
      this.functions.invoke(ROUND, (isDone) => {
        const [next, ...later] = retriesMs;
        if (!isDone && next !== undefined) this.roundLater(next, later);
      }),
    );
  }

  /** Once, in a scenario; resolves when it has ended, however. */
  tell(event: CapThresholdCrossed): Promise<boolean> {
    return new Promise((resolve) => this.functions.invoke(tellOf(event), resolve));
  }
  round(): Promise<boolean> {
    return new Promise((resolve) => this.functions.invoke(ROUND, resolve));
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
