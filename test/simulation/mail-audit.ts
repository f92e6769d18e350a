/**
 * What the topic took, against what had to be mailed: each crossing in some mail, in another one only where nobody could
 * know that it had been mailed, and nothing in a mail that the books contradict.
 */
import type { CapThresholdCrossed } from '../../lambdas/core/events/cap-threshold-crossed.ts';
import type { Mail } from '../../lambdas/core/ports.ts';
import { countOf, type MailText } from './mail-text.ts';
import type { Sent } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import type { Change } from './recording-store.ts';
import { Violation } from './violation.ts';
import type { VirtualTime } from './virtual-time.ts';

const SECOND = 1000;
/** Whoever looked before the note was written has sent its mail by then: a function lives no longer. */
const INVOCATION_MS_MAX = 60 * SECOND;
/** Of an address, in a second: from there on SNS suspends it. */
const MAILS_A_SECOND_MAX = 10;

/** A mail that the topic took. */
interface Take {
  at: number;
  mail: Mail;
  /** Crossings that its sender noted as mailed by it, or tried to. */
  ids: Set<string>;
  /** `done`: its sender knows that it was taken, and has noted so of each crossing. */
  state: 'open' | 'done' | 'failed';
}

export interface MailCounts {
  /** That the topic took. */
  mails: number;
  /** Crossings that were mailed again, since nobody could know that they had been. */
  mailedAgain: number;
}

export class MailAudit {
  readonly counts: MailCounts = { mails: 0, mailedAgain: 0 };
  private readonly time: VirtualTime;
  private readonly text: MailText;
  private readonly due = new Map<string, CapThresholdCrossed>();
  private readonly givenUp = new Set<string>();
  private readonly takes: Take[] = [];
  private readonly takesOf = new Map<string, Take[]>();
  /** The newest mail of each process. */
  private readonly newest = new Map<SimulatedProcess, Take>();
  /** Since when the table says of a crossing that it was mailed. */
  private readonly noted = new Map<string, number>();
  private readonly waits = new Set<string>();

  constructor(options: { time: VirtualTime; text: MailText }) {
    this.time = options.time;
    this.text = options.text;
  }

  /** How many crossings are noted as waiting. */
  get waiting(): number {
    return this.waits.size;
  }

  mustMail(event: CapThresholdCrossed): void {
    this.due.set(event.id, event);
  }

  /** The execution has failed for the last time, which rings. What it noted is mailed all the same. */
  givesUp(event: CapThresholdCrossed): void {
    this.givenUp.add(event.id);
  }

  // ---- what is seen -------------------------------------------------------------------------------------------

  /** A note that a crossing was mailed tells which mail had it. */
  sent({ process, operation, input }: Sent): void {
    const { Item } = input as { Item?: { pk: { S?: string } } };
    const id = sentId(Item?.pk.S);
    if (operation !== 'putItem' || id === undefined) return;
    const take = this.newest.get(process);
    if (!take || take.state === 'failed')
      throw new Violation('mail', `${id} is noted as mailed, and was not`);
    if (!take.ids.has(id)) this.has(take, id);
  }

  applied(changes: readonly Change[]): void {
    for (const { pk, sk, next } of changes) {
      const id = sentId(pk);
      if (id !== undefined && next) this.isNoted(id);
      if (pk !== 'M#WAIT') continue;
      if (next) this.waits.add(sk);
      else this.waits.delete(sk);
    }
  }

  private isNoted(id: string): void {
    if (this.noted.has(id)) return;
    this.noted.set(id, this.time.now);
    if (this.takesOf.has(id)) return;
    // Of a sender that died while it sent this note, so that only the table knows of it.
    const take = this.takes.findLast(
      ({ state, mail, ids }) => state === 'failed' && ids.size < countOf(mail),
    );
    if (!take) throw new Violation('mail', `${id} is noted as mailed, and was not`);
    this.has(take, id);
  }

  taken(process: SimulatedProcess, mail: Mail): void {
    const { takes, newest, time, counts } = this;
    const before = newest.get(process);
    if (before) this.ends(before, 'done');
    const take: Take = { at: time.now, mail, ids: new Set(), state: process.alive ? 'open' : 'failed' };
    newest.set(process, take);
    counts.mails += 1;
    const inASecond = takes.filter(({ at }) => at > time.now - SECOND).length;
    takes.push(take);
    if (inASecond >= MAILS_A_SECOND_MAX) throw new Violation('mail', `${inASecond + 1} within a second`);
    const single = this.due.get(mail.id);
    if (!single) return;
    this.text.checkSingle(mail, single);
    this.has(take, mail.id);
  }

  /** Its result; undefined where it threw, was cut off or died. */
  invocationEnds(process: SimulatedProcess, result: object | undefined): void {
    const take = this.newest.get(process);
    this.newest.delete(process);
    const isWaiting = (result as { told?: string } | undefined)?.told === 'waits';
    if (take) this.ends(take, result === undefined || isWaiting ? 'failed' : 'done');
  }

  private ends(take: Take, state: 'done' | 'failed'): void {
    if (take.state !== 'open') return;
    take.state = state;
    const count = countOf(take.mail);
    if (state === 'failed' ? take.ids.size > count : take.ids.size !== count)
      throw new Violation('mail', `${take.mail.id} has ${count} crossings, and ${take.ids.size} are noted`);
    const events = [...take.ids].map((id) => this.due.get(id)!);
    if (state === 'done' && count > 1) this.text.checkGathered(take.mail, events);
  }

  private has(take: Take, id: string): void {
    if (!this.due.has(id)) throw new Violation('mail', `${id} is mailed, and nobody told of it`);
    take.ids.add(id);
    const others = this.takesOf.get(id) ?? [];
    for (const other of others) this.mayFollow(take, other, id);
    if (others.length > 0) this.counts.mailedAgain += 1;
    this.takesOf.set(id, [...others, take]);
  }

  /** Only whoever could not know of the mail before sends another. */
  private mayFollow(take: Take, before: Take, id: string): void {
    if (before.state === 'done') throw new Violation('mail', `${id} is mailed again`);
    if (before.state === 'open') throw new Violation('mail', `${id} is mailed by two at once`);
    const notedFor = take.at - (this.noted.get(id) ?? Infinity);
    if (notedFor > INVOCATION_MS_MAX)
      throw new Violation(
        'mail',
        `${id} is mailed again, ${Math.round(notedFor)} ms after it was noted as mailed`,
      );
  }

  // ---- in the end ---------------------------------------------------------------------------------------------

  atRest(): void {
    for (const id of this.due.keys()) {
      if (this.takesOf.has(id) && this.noted.has(id)) continue;
      if (!this.givenUp.has(id)) throw new Violation('mail', `${id} is never mailed`);
    }
    for (const id of this.noted.keys())
      if (!this.takesOf.has(id)) throw new Violation('mail', `${id} is noted as mailed, and was not`);
    if (this.waits.size > 0) throw new Violation('mail', `${[...this.waits].join()} waits for ever`);
  }
}

/** Notes are kept under instant and id. */
const SENT = 'M#SENT#';
/** Of the note that a crossing was mailed. */
const sentId = (pk: string | undefined): string | undefined =>
  pk?.startsWith(SENT) === true ? pk.slice(SENT.length) : undefined;
