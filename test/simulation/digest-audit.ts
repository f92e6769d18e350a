/**
 * Digests that the topic took, against the charges that stood by then: each day and week that had some is in one, in a
 * second one only where nobody could know of the first, and every sum in it is that of the auditor's own arithmetic.
 */
import type { Mail } from '../../lambdas/core/ports.ts';
import { ORG } from './mail-functions.ts';
import type { SimulatedProcess } from './process.ts';
import { Violation } from './violation.ts';
import type { VirtualTime } from './virtual-time.ts';

/** By then the index shows a charge, and clocks agree. */
const SHOWN_AFTER_MS = 35_000;
/** Each that may or may not be in it doubles what is tried. */
const OPEN_CHARGES_MAX = 8;

export interface DigestedCharge {
  id: string;
  at: number;
  cents: bigint;
  calls: bigint;
  user: string | null;
  feature: string;
  model: string;
  /** Infinity before it stands in the table. */
  writtenAt: number;
  /** Infinity before its hour was opened for it. */
  toldAt: number;
}

/** A digest that a schedule asks for. */
export interface DueDigest {
  id: string;
  kind: 'daily' | 'weekly';
  /** In words, as its mail has it. */
  when: string;
  from: number;
  to: number;
  /** Of the day or week before. */
  before: number;
  month: string;
  monthFrom: number;
}

interface Take {
  id: string;
  state: 'open' | 'done' | 'failed';
}

export interface DigestCounts {
  /** That the topic took. */
  digests: number;
  /** Again, since nobody could know of the first. */
  digestsAgain: number;
  /** For which each attempt failed, while faults lasted. */
  digestsMissed: number;
}

export class DigestAudit {
  readonly counts: DigestCounts = { digests: 0, digestsAgain: 0, digestsMissed: 0 };
  private readonly time: VirtualTime;
  private readonly charges = new Map<string, DigestedCharge>();
  private readonly due = new Map<string, DueDigest>();
  private readonly takes: Take[] = [];
  private readonly newest = new Map<SimulatedProcess, Take>();
  private readonly begunAt = new Map<SimulatedProcess, number>();
  /** Since when the table says that it was sent, or that there was nothing to say. */
  private readonly noted = new Map<string, number>();

  constructor(time: VirtualTime) {
    this.time = time;
  }

  planned(charge: DigestedCharge): void {
    this.charges.set(charge.id, charge);
  }
  written(id: string): void {
    this.charges.get(id)!.writtenAt = this.time.now;
  }
  told(id: string): void {
    const charge = this.charges.get(id)!;
    charge.toldAt = Math.min(charge.toldAt, this.time.now);
  }

  asks(digest: DueDigest): void {
    this.due.set(digest.id, digest);
  }

  begun(process: SimulatedProcess): void {
    this.begunAt.set(process, this.time.now);
    this.newest.delete(process);
  }

  isNoted(id: string): void {
    if (this.noted.has(id)) return;
    this.noted.set(id, this.time.now);
    if (this.takes.some((take) => take.id === id)) return;
    const digest = this.due.get(id);
    if (!digest) throw new Violation('digest', `${id} is noted, and nobody asked for it`);
    const sure = this.sureOf(digest, this.time.now - 60_000);
    if (sure.length > 0) throw new Violation('digest', `${id} is noted as sent, and was not`);
  }

  taken(process: SimulatedProcess, mail: Mail): void {
    const { takes, newest, due, counts } = this;
    const digest = due.get(mail.id);
    if (!digest) throw new Violation('digest', `${mail.id} is mailed, and nobody asked for it`);
    const begunAt = this.begunAt.get(process)!;
    for (const { id, state } of takes) {
      if (id !== mail.id) continue;
      if (state === 'done') throw new Violation('digest', `${id} is mailed again`);
      if (state === 'open') throw new Violation('digest', `${id} is mailed by two at once`);
      if (this.noted.get(id)! < begunAt)
        throw new Violation('digest', `${id} is mailed again, though it was noted`);
    }
    if (takes.some(({ id }) => id === mail.id)) counts.digestsAgain += 1;
    counts.digests += 1;
    const take: Take = { id: mail.id, state: process.alive ? 'open' : 'failed' };
    takes.push(take);
    newest.set(process, take);
    this.check(mail, digest, begunAt);
  }

  ended(process: SimulatedProcess, result: object | undefined): void {
    const take = this.newest.get(process);
    if (!take || take.state !== 'open') return;
    take.state = result === undefined ? 'failed' : 'done';
    if (result !== undefined && !this.noted.has(take.id))
      throw new Violation('digest', `${take.id} is not noted as sent`);
  }

  /** After the last attempt: whether one of them did not fail. */
  over(digest: DueDigest, { isDone, mayFail }: { isDone: boolean; mayFail: boolean }): void {
    const { id } = digest;
    if (isDone && !this.noted.has(id)) throw new Violation('digest', `${id} is done, and nobody noted so`);
    if (isDone || this.noted.has(id)) return;
    if (!mayFail) throw new Violation('digest', `${id} is never mailed`);
    this.counts.digestsMissed += 1;
  }

  // ---- what it says -------------------------------------------------------------------------------------------

  /** What it must have seen, whoever read it at an instant. */
  private sureOf({ from, to }: { from: number; to: number }, readAt: number): DigestedCharge[] {
    return [...this.charges.values()].filter(
      ({ at, toldAt }) => at >= from && at < to && toldAt + SHOWN_AFTER_MS <= readAt,
    );
  }

  private check({ subject, text }: Mail, digest: DueDigest, begunAt: number): void {
    const spanFrom = Math.min(digest.before, digest.monthFrom);
    const span = { from: spanFrom, to: digest.to };
    const sure = this.sureOf(span, begunAt);
    const isSure = new Set(sure);
    const open = [...this.charges.values()].filter(
      (charge) =>
        !isSure.has(charge) &&
        charge.at >= spanFrom &&
        charge.at < digest.to &&
        charge.writtenAt < this.time.now,
    );
    if (open.length > OPEN_CHARGES_MAX) return;
    for (let choice = 0; choice < 2 ** open.length; choice += 1) {
      const seen = [...sure, ...open.filter((_charge, i) => (choice >> i) % 2 === 1)];
      const said = saysOf(digest, seen);
      if (said && subject === said.subject && said.parts.every((part) => text.includes(part))) return;
    }
    throw new Violation('digest', `${digest.id} says what the charges never were:\n${subject}\n${text}`);
  }
}

/** By the auditor's own arithmetic; undefined where there is nothing to say. */
function saysOf(
  { from, to, before, kind, when, month, monthFrom }: DueDigest,
  seen: readonly DigestedCharge[],
): { subject: string; parts: string[] } | undefined {
  const within = (first: number, end: number) => seen.filter(({ at }) => at >= first && at < end);
  const own = within(from, to);
  const total = sum(own);
  const calls = own.reduce((count, charge) => count + charge.calls, 0n);
  if (calls === 0n && total === 0n) return undefined;
  const spent = dollars(total);
  const by = (title: string, nameOf: (charge: DigestedCharge) => string): string => {
    const names = [...new Set(own.map(nameOf))];
    const lines = names
      .map((name) => ({ name, cents: sum(own.filter((charge) => nameOf(charge) === name)) }))
      .filter(({ cents }) => cents !== 0n)
      .sort((a, b) => Number(b.cents - a.cents) || (a.name < b.name ? -1 : 1))
      .map(({ name, cents }) => `\n  ${name.padEnd(40)} ${dollars(cents)} (${percent(cents, total)})`);
    return `\n\n${title}${lines.join('')}\n\n`;
  };
  return {
    subject: `Spendcap: ${spent} spent ${when}`,
    parts: [
      `${ORG} spent ${spent} ${when} in ${calls} ${calls === 1n ? 'call' : 'calls'}, ${against(total, sum(within(before, from)), kind)}.\n`,
      `\nMonth ${month}: ${dollars(sum(within(monthFrom, to)))} `,
      by('By person', ({ user }) => user ?? 'app web'),
      by('By team', () => 'growth'),
      by('By app and feature', ({ feature }) => `web/${feature}`),
      by('By model', ({ model }) => model),
    ],
  };
}

function against(total: bigint, earlier: bigint, kind: DueDigest['kind']): string {
  const before = kind === 'daily' ? 'the day before' : 'the week before';
  if (earlier === 0n) return `after nothing ${before}`;
  if (earlier === total) return `as much as ${before}`;
  const [difference, word] = total > earlier ? [total - earlier, 'more'] : [earlier - total, 'less'];
  return `${percent(difference, earlier)} ${word} than ${before} (${dollars(earlier)})`;
}

const sum = (charges: readonly DigestedCharge[]): bigint =>
  charges.reduce((cents, charge) => cents + charge.cents, 0n);

const dollars = (cents: bigint): string => `$${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`;

/** To the nearest; of something never 0%. */
function percent(part: bigint, whole: bigint): string {
  if (part === 0n) return '0%';
  const rounded = ((part * 1000n) / whole + 5n) / 10n;
  return rounded === 0n ? 'less than 1%' : `${rounded}%`;
}
