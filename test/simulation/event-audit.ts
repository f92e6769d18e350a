/**
 * What the change feed tells, against what the table has shown: an event says what stood in the books, the same
 * event has the same id, and in the end each rung that was reached has been told of.
 */
import { inMetric, parseInMetric } from '../../lambdas/core/caps/amounts.ts';
import type { Cap } from '../../lambdas/core/caps/cap.ts';
import type { CapThresholdCrossed } from '../../lambdas/core/events/cap-threshold-crossed.ts';
import type { StoredItem } from '../../lambdas/adapters/table/local/attribute-values.ts';
import { shareOf } from './account-check.ts';
import { leafImage, poolImage, type AccountImage } from './images.ts';
import { isRate } from './rate-audit.ts';
import type { Truth } from './truth.ts';
import { Violation } from './violation.ts';

/** One account's figures in one window, as they stood after some write. */
interface Standing {
  pk: string;
  name: string;
  account: AccountImage;
}

export class EventAudit {
  private readonly known: Truth;
  /** By item, account, window and settled sum: what the books have shown. */
  private readonly shown = new Set<string>();
  /** The same with all figures, where somebody asks for them. */
  figures: Map<string, AccountImage[]> | undefined;
  /** The newest figures of each window of each account. */
  private readonly newest = new Map<string, Standing>();
  /** What each event is about, by its id, and the other way round. */
  private readonly subjects = new Map<string, string>();
  private readonly ids = new Map<string, string>();
  /** Windows, by account and rung, that were told of at a limit. */
  private readonly toldOf = new Map<string, bigint[]>();

  constructor(known: Truth) {
    this.known = known;
  }

  /** A record of the stream that nobody may lose. */
  recorded(pk: string, next: StoredItem | undefined): void {
    if (!next) return;
    if (pk.startsWith('P#')) this.stands(pk, pk.slice('P#'.length), poolImage(next));
    if (!pk.startsWith('L#')) return;
    for (const [name, account] of leafImage(next).a)
      if (account.r !== undefined && !isRate(name)) this.stands(pk, name, account);
  }

  private stands(pk: string, name: string, account: AccountImage): void {
    const standing = `${pk} ${name} ${account.k} ${account.s}`;
    this.shown.add(standing);
    const figures = this.figures?.get(standing);
    if (figures) figures.push(account);
    else this.figures?.set(standing, [account]);
    // A rolling window is one that goes on.
    this.newest.set(`${pk} ${name} ${account.b ? '' : account.k}`, { pk, name, account });
  }

  told(event: CapThresholdCrossed): void {
    const { id, account, window_key, rung, threshold, metric, settled, effective_limit } = event;
    const pk = event.principal ? `L#${event.principal.type}:${event.principal.id}` : `P#${account}`;
    const amountOf = (text: string): bigint => parseInMetric(metric, text) ?? -1n;
    if (!this.shown.has(`${pk} ${account} ${window_key} ${amountOf(settled)}`))
      throw new Violation('event', `${account} is told to have settled ${settled}, which it never showed`);
    if (amountOf(settled) < amountOf(event.threshold_amount))
      throw new Violation('event', `${account} is told to be at ${rung} ${threshold} with ${settled}`);
    const place = `${pk} ${account} ${rung} ${threshold} ${effective_limit}`;
    const subject = `${place} ${window_key}`;
    if ((this.subjects.get(id) ?? subject) !== subject || (this.ids.get(subject) ?? id) !== id)
      throw new Violation('event', `${subject} has another id than before, or shares one`);
    this.subjects.set(id, subject);
    this.ids.set(subject, id);
    this.toldOf.set(place, [...(this.toldOf.get(place) ?? []), BigInt(window_key)]);
  }

  /** Only by the newest revision of each cap: what was reached under an older one may have been over when it was seen. */
  atRest(): void {
    for (const { pk, name, account } of this.newest.values()) {
      const cap = this.known.revisionOf(name, account.r);
      const current = this.known.configuration.currentById(cap.id);
      if (current?.account !== name || current.revision !== account.r || cap.metric === 'concurrent')
        continue;
      for (const { rung, threshold, from } of rungsOf(cap, account)) {
        if (account.s <= 0n || account.s < from) continue;
        const place = `${pk} ${name} ${rung} ${threshold} ${inMetric(cap.metric, account.l)}`;
        const told = this.toldOf.get(place) ?? [];
        if (!told.some((key) => (account.b ? key <= account.k : key === account.k)))
          throw new Violation('event', `nobody was told that ${place} is reached with ${account.s}`);
      }
    }
  }
}

/** By the auditor's own arithmetic. */
function rungsOf({ thresholds, overage }: Cap, { l }: AccountImage) {
  const rung = (rung: string, thousandths: number | null, limit: bigint) =>
    thousandths === null
      ? []
      : [{ rung, threshold: fraction(thousandths), from: shareOf(limit, thousandths)! }];
  return [
    ...(thresholds.warn ?? []).flatMap((warn) => rung('warn', warn, l - overage)),
    ...rung('throttle', thresholds.throttle, l - overage),
    ...rung('block', thresholds.block, l),
  ];
}

const fraction = (thousandths: number): string => String(thousandths / 1000);
