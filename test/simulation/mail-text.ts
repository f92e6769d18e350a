/**
 * What stands in a mail of crossings, read as a person reads it, against the books: figures that an account had at one
 * instant, under one revision of its cap.
 */
import { inMetric, parseInMetric } from '../../lambdas/core/caps/amounts.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import type { CapThresholdCrossed } from '../../lambdas/core/events/cap-threshold-crossed.ts';
import type { Mail } from '../../lambdas/core/ports.ts';
import type { EventAudit } from './event-audit.ts';
import type { AccountImage } from './images.ts';
import { limitOf, type Truth } from './truth.ts';
import { Violation } from './violation.ts';

const NAMED_MAX = 10;

/** What an account could say of itself. */
interface Figures {
  used: string;
  limit: string;
  effective: string;
  held: string;
  left: string;
  /** What the rung is a share of. */
  of: string;
  share: string;
}

/** How many crossings it says that it has. */
export function countOf({ text }: Mail): number {
  const more = /^Event \S+ and (\d+) more$/m.exec(text);
  return more ? 1 + Number(more[1]) : 1;
}

export class MailText {
  private readonly known: Truth;
  private readonly shown = new Map<string, AccountImage[]>();

  constructor(known: Truth, events: EventAudit) {
    this.known = known;
    events.figures = this.shown;
  }

  /** Of one crossing. */
  checkSingle({ subject, text }: Mail, event: CapThresholdCrossed): void {
    const isTrue = this.figuresOf(event).some((figures) => {
      const { used, limit, effective, held, left, of, share } = figures;
      const lines = [
        ` has used ${used.split(' ')[0]!} of ${of} (${share})`,
        `\nCap       ${event.cap}: ${limit} `,
        ...(limit === effective ? [] : [`, ${effective} with overage`]),
        event.principal
          ? `\nUsed      ${used}\nHeld      ${held}`
          : `\nUsed      at least ${used}\nOn lease  ${held}`,
        `\nLeft      ${left}\n`,
        `\nEvent ${event.id}\n`,
      ];
      return lines.every((line) => text.includes(line)) && subject.includes(` ${share} of `);
    });
    if (!isTrue) throw new Violation('mail', `the books never showed this: ${subject}\n${text}`);
  }

  /** Of many: of one cap and rung, or of several. */
  checkGathered({ subject, text }: Mail, events: readonly CapThresholdCrossed[]): void {
    const isMixed = /^Spendcap: \d+ thresholds of /.test(subject);
    const left = new Set(events);
    const lines = [...text.matchAll(/^ {2}(?!and \d+ more$)(.+)$/gm)].map(([, line]) => line!);
    for (const line of lines) {
      const told = [...left].find((event) =>
        this.figuresOf(event).some((figures) =>
          isMixed ? isInSubject(line, event, figures) : isInLine(line, event, figures),
        ),
      );
      if (!told) throw new Violation('mail', `the books never showed this: ${line}, in ${subject}`);
      left.delete(told);
    }
    const more = Number(/^ {2}and (\d+) more$/m.exec(text)?.[1] ?? 0);
    const [first] = events as [CapThresholdCrossed];
    const isOne = events.every(
      ({ cap, rung, threshold }) => cap === first.cap && rung === first.rung && threshold === first.threshold,
    );
    const isWhole = lines.length === Math.min(events.length, NAMED_MAX) && more === left.size;
    if (!isWhole || (!isMixed && !isOne))
      throw new Violation(
        'mail',
        `${subject} is of ${events.length} and names ${lines.length} and ${more} more`,
      );
  }

  private figuresOf(event: CapThresholdCrossed): Figures[] {
    const { account, window_key, metric, settled, principal } = event;
    const pk = principal ? `L#${principal.type}:${principal.id}` : `P#${account}`;
    const found: Figures[] = [];
    for (const image of this.shown.get(`${pk} ${account} ${window_key} ${parseInMetric(metric, settled)}`) ??
      []) {
      const stoodAt = this.known.revisionOf(account, image.r);
      for (const cap of this.known.configuration.history.get(account)!.values())
        found.push(figuresUnder(cap, image, limitOf(cap) - limitOf(stoodAt), event.rung));
    }
    return found;
  }
}

/** By the auditor's own arithmetic. */
function figuresUnder(
  { metric, limit, overage }: Cap,
  { s, l, f }: AccountImage,
  raised: bigint,
  rung: string,
): Figures {
  const amount = (value: bigint): string =>
    metric === 'usd'
      ? `$${inMetric(metric, value)}`
      : `${value} ${value === 1n ? metric.slice(0, -1) : metric}`;
  const effective = l + raised;
  const of = rung === 'block' ? effective : effective - overage;
  const free = f + raised;
  return {
    used: amount(s),
    limit: amount(limit),
    effective: amount(effective),
    held: amount(l - s - f),
    left: amount(free > 0n ? free : 0n),
    of: amount(of),
    share: of > 0n ? percent((s * 1000n) / of) : 'over 999%',
  };
}

const percent = (thousandths: bigint): string =>
  thousandths % 10n === 0n ? `${thousandths / 10n}%` : `${thousandths / 10n}.${thousandths % 10n}%`;

const isInLine = (
  line: string,
  { principal, scope }: CapThresholdCrossed,
  { used, effective }: Figures,
): boolean => line.replace(/ +/, ' ') === `${principal?.id ?? scope.id} ${used} of ${effective}`;

const isInSubject = (line: string, { mail }: CapThresholdCrossed, { share }: Figures): boolean =>
  mail.subject === `Spendcap: ${line}` && line.includes(` ${share} of `);
