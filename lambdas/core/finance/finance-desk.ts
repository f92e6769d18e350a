/**
 * Crossings become mails. The first few of a minute are mailed at once. What comes on top waits for a round and is
 * gathered there, those of one cap and rung in one mail: SNS suspends an address that gets more than ten mails a second,
 * and a person who gets forty reads none.
 */
import { epochMs } from '../brands.ts';
import type { CapThresholdCrossed } from '../events/cap-threshold-crossed.ts';
import { TableUnavailable, type FinanceMail, type Mail } from '../ports.ts';
import type { RowReader } from '../rollups/read-rows.ts';
import { topCauses, type Causes } from './causes.ts';
import { CrossingNotes } from './crossing-notes.ts';
import { fullMail } from './full-mail.ts';
import { graverFirst, manyMail, mixedMail } from './many-mail.ts';
import { LIFE_MAX, OneAtATime } from './one-at-a-time.ts';

/** At once, in one minute: two minutes that meet are ten mails. */
const AT_ONCE_MAX = 5n;
const MAILS_A_ROUND = 5;
const EVENTS_A_ROUND = 2000;
export interface FinanceDeskDeps {
  reader: RowReader;
  mail: FinanceMail;
  /** Where finance sees more. */
  moreUrl: string | undefined;
  report: (reason: string) => void;
}

export type Told = 'mailed' | 'waits' | 'was_mailed';

export class FinanceDesk {
  readonly notes: CrossingNotes;
  private readonly deps: FinanceDeskDeps;
  private readonly oneAtATime: OneAtATime;
  /** Ids that this very process is telling of, which a round leaves to it. */
  private readonly telling = new Set<string>();

  constructor(deps: FinanceDeskDeps) {
    this.deps = deps;
    this.notes = new CrossingNotes(deps.reader);
    this.oneAtATime = new OneAtATime(deps.reader);
  }

  /** Mails it, or leaves it to a round. Throws TableUnavailable: it is noted then, or a repeat notes it. */
  async tell(event: CapThresholdCrossed): Promise<Told> {
    const isFirst = !this.telling.has(event.id);
    this.telling.add(event.id);
    try {
      return await this.noteAndMail(event);
    } finally {
      if (isFirst) this.telling.delete(event.id);
    }
  }

  private async noteAndMail(event: CapThresholdCrossed): Promise<Told> {
    const isNoted = await this.notes.note(event);
    // Only now: who mails one says so first and takes its note away then, so whoever could note it anew sees that.
    if (await this.notes.wasSent(event)) {
      await this.notes.forget(event);
      return 'was_mailed';
    }
    if (!isNoted || (await this.notes.takeTurn()) > AT_ONCE_MAX) return 'waits';
    try {
      await this.send([event], await this.mailOf(event));
      return 'mailed';
    } catch (error) {
      // It is noted: the next round mails it.
      this.deps.report(String(error));
      return 'waits';
    }
  }

  /** Resolves to how many mails that were. Throws what the mail or the table throws; the next round goes on there. */
  async mailWaiting(after = LIFE_MAX): Promise<number> {
    const until = epochMs(this.deps.reader.clock.now() - after);
    const noted = await this.notes.waiting(until, EVENTS_A_ROUND);
    if (noted.length === 0) return 0;
    return (await this.oneAtATime.run('round', () => this.mailAll(noted))) ?? 0;
  }

  private async mailAll(noted: readonly CapThresholdCrossed[]): Promise<number> {
    const { moreUrl } = this.deps;
    const waiting: CapThresholdCrossed[] = [];
    const seen = new Set<string>();
    for (const event of noted) {
      if (this.telling.has(event.id)) continue;
      // What was told twice at two instants has two notes.
      if (seen.has(event.id) || (await this.notes.wasSent(event))) await this.notes.forget(event);
      else waiting.push(event);
      seen.add(event.id);
    }
    const groups = gathered(waiting);
    const isFew = groups.length <= MAILS_A_ROUND;
    const alone = isFew ? groups : groups.slice(0, MAILS_A_ROUND - 1);
    const rest = groups.slice(alone.length).flat();
    for (const events of alone)
      await this.send(
        events,
        events.length === 1 ? await this.mailOf(events[0]!) : manyMail(events, moreUrl),
      );
    if (rest.length > 0) await this.send(rest, mixedMail(rest, moreUrl));
    return alone.length + (rest.length > 0 ? 1 : 0);
  }

  private async send(events: readonly CapThresholdCrossed[], mail: Mail): Promise<void> {
    await this.deps.mail.send(mail);
    for (const event of events) await this.notes.markSent(event);
  }

  private async mailOf(event: CapThresholdCrossed): Promise<Mail> {
    const { moreUrl } = this.deps;
    return fullMail(event, { causes: await this.causesOf(event), moreUrl });
  }

  /** A mail is worth more than its causes. */
  private async causesOf(event: CapThresholdCrossed): Promise<Causes | undefined> {
    try {
      return await topCauses(this.deps.reader, event);
    } catch (error) {
      if (!(error instanceof TableUnavailable)) throw error;
      this.deps.report(String(error));
      return undefined;
    }
  }
}

/** Those of one cap and rung together: the largest group first, of equals the graver one. */
function gathered(events: readonly CapThresholdCrossed[]): CapThresholdCrossed[][] {
  const groups = new Map<string, CapThresholdCrossed[]>();
  for (const event of events) {
    const key = JSON.stringify([event.cap, event.rung, event.threshold]);
    groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length || graverFirst(a[0]!, b[0]!));
}
