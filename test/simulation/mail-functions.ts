/** The function that mails, as Lambda runs it, and the topic that it mails to. */
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { DIGESTS } from '../../lambdas/core/finance/digest-kinds.ts';
import { DigestDesk } from '../../lambdas/core/finance/digest-desk.ts';
import { FinanceDesk } from '../../lambdas/core/finance/finance-desk.ts';
import {
  TableUnavailable,
  type Clock,
  type FinanceMail,
  type Ids,
  type Mail,
  type Table,
} from '../../lambdas/core/ports.ts';
import type { RowReader } from '../../lambdas/core/rollups/read-rows.ts';
import { createMailFinance } from '../../lambdas/mail-finance/mail-finance.ts';
import type { SimulatedNetwork } from './network.ts';
import { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

const SECOND = 1000;
/** As `lib/constructs/finance-mail/` has it. */
const TIMEOUT_MS = 60 * SECOND;
export const ORG = 'Acme';

/** What the topic answers, or does not. */
class NotTaken extends Error {
  override name = 'NotTaken';
}

interface MailFunction {
  process: SimulatedProcess;
  handler: ReturnType<typeof createMailFinance>;
  isBusy: boolean;
}

export interface MailFunctionsOptions {
  time: VirtualTime;
  seed: number;
  chance: Random;
  network: SimulatedNetwork;
  /** Of its processes, which have streams of their own. */
  firstNumber: number;
  /** They die so much oftener than others. */
  killedMore: number;
  skewMsMax: number;
  /** The topic takes nothing in between. */
  away: { from: number; to: number } | undefined;
  readerOf: (host: { table: Table; clock: Clock; ids: Ids }) => RowReader;
  events: {
    begun?: (process: SimulatedProcess) => void;
    /** The topic has a mail. */
    taken: (process: SimulatedProcess, mail: Mail) => void;
    /** Undefined where it threw, was cut off or died. */
    ended: (process: SimulatedProcess, result: object | undefined) => void;
  };
}

export class MailFunctions {
  /** How long the next mails are on their way. */
  readonly slowMailsMs: number[] = [];
  private readonly options: MailFunctionsOptions;
  private readonly functions: MailFunction[] = [];
  private processes = 0;

  constructor(options: MailFunctionsOptions) {
    this.options = options;
  }

  /** On a function that is idle. Whoever invoked it hears how it ended, or wrongly that it did not end well. */
  invoke(input: object, ended: (isDone: boolean) => void = () => undefined): void {
    const { time, chance, network, events } = this.options;
    const place = this.idleFunction();
    const { process, handler } = place;
    place.isBusy = true;
    events.begun?.(process);
    let isOver = false;
    const over = (result: object | undefined): void => {
      if (isOver) return;
      isOver = true;
      stopListening();
      place.isBusy = false;
      try {
        events.ended(process, result);
        if (!isAnswerLost) ended(result !== undefined);
      } catch (error) {
        time.fail(error);
      }
    };
    const stopListening = process.onDeath(() => over(undefined));
    const isAnswerLost = chance.chance(network.rates.answerLost / 3);
    if (isAnswerLost) time.in(chance.between(0, 3 * SECOND), () => ended(false));
    time.in(TIMEOUT_MS, () => {
      if (!isOver) process.kill();
    });
    handler(input).then(over, (error: unknown) => {
      if (!isExpected(error)) time.fail(error);
      over(undefined);
    });
  }

  private idleFunction(): MailFunction {
    const idle = this.functions.find(({ process, isBusy }) => process.alive && !isBusy);
    if (idle) return idle;
    const { time, seed, chance, network, skewMsMax, firstNumber, killedMore } = this.options;
    const process = new SimulatedProcess({
      ...{ number: firstNumber + this.processes, seed, time },
      skewMs: chance.between(-skewMsMax / 2, skewMsMax / 2),
      killShare: () => network.rates.killed * killedMore,
    });
    this.processes += 1;
    const started = { process, handler: this.handlerOf(process), isBusy: false };
    this.functions.push(started);
    return started;
  }

  private handlerOf(process: SimulatedProcess): MailFunction['handler'] {
    const { network, readerOf } = this.options;
    const { clock, ids } = process;
    const table = new DynamoDbTable({ api: network.apiOf(process), tableName: 't', clock, ids });
    const mail: FinanceMail = { send: (some) => this.publish(process, some) };
    const shared = { reader: readerOf({ table, clock, ids }), mail, moreUrl: undefined };
    const desk = new FinanceDesk({ ...shared, report: () => undefined });
    return createMailFinance(
      desk,
      new DigestDesk({ ...shared, notes: desk.notes, org: ORG, kinds: DIGESTS }),
    );
  }

  private publish(process: SimulatedProcess, mail: Mail): Promise<void> {
    const { time, chance, network, events, away } = this.options;
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
        events.taken(process, mail);
        if (chance.chance(rates.answerLost)) give(5 * SECOND, 'no answer came');
        else give(chance.between(1, 20));
      });
    });
  }
}

/** The table or the topic is away, or another is at it. */
const isExpected = (error: unknown): boolean =>
  error instanceof TableUnavailable ||
  error instanceof NotTaken ||
  String(error).includes('another process is mailing the digest');
