/** Sends each digest once, and none of a time in which nothing was spent and no threshold reached. */
import { untilNobodyTells } from '../expiry.ts';
import type { Span } from '../ledger/charges-between.ts';
import { isApplied, type FinanceMail } from '../ports.ts';
import type { RowReader } from '../rollups/read-rows.ts';
import { dateAt } from '../time.ts';
import type { CrossingNotes } from './crossing-notes.ts';
import type { DigestKind } from './digest-kinds.ts';
import { digestSpan, readDigest } from './digest.ts';
import { digestMail } from './digest-mail.ts';
import { OneAtATime } from './one-at-a-time.ts';

const DONE = 'M#DIGEST';

export interface DigestDeskDeps {
  reader: RowReader;
  notes: CrossingNotes;
  mail: FinanceMail;
  org: string;
  moreUrl: string | undefined;
  /** Those that the policy wants. */
  kinds: readonly DigestKind[];
}

export type Digested = 'mailed' | 'was_mailed' | 'nothing' | 'not_wanted';

export class DigestDesk {
  readonly kinds: readonly DigestKind[];
  private readonly deps: DigestDeskDeps;
  private readonly oneAtATime: OneAtATime;

  constructor(deps: DigestDeskDeps) {
    this.deps = deps;
    this.oneAtATime = new OneAtATime(deps.reader);
    this.kinds = deps.kinds;
  }

  /**
   * Of the last day or week that is over. Throws what the mail or the table throws, and where somebody else is at it or
   * was, a minute ago, when it died: nothing is noted then, and whoever asked asks again.
   */
  async send(kind: DigestKind): Promise<Digested> {
    const { reader, kinds } = this.deps;
    if (!kinds.includes(kind)) return 'not_wanted';
    const span = digestSpan(kind, reader.zone, reader.clock.now());
    const id = `${kind}#${dateAt(reader.zone, span.from)}`;
    const digested = await this.oneAtATime.run(id, () => this.sendOnce(kind, span, id));
    if (digested === undefined) throw new Error(`another process is mailing the digest ${id}`);
    return digested;
  }

  private async sendOnce(kind: DigestKind, span: Span, id: string): Promise<Digested> {
    const { reader, notes, mail, org, moreUrl } = this.deps;
    if (await reader.table.get({ pk: DONE, sk: id })) return 'was_mailed';
    const digest = await readDigest(reader, kind, span);
    const crossings = await notes.sentBetween(span);
    const isEmpty = digest.calls === 0n && digest.costPicoUsd === 0n && crossings.length === 0;
    if (!isEmpty) await mail.send(digestMail(digest, { id, org, crossings, moreUrl }));
    isApplied(await reader.table.put({ item: { pk: DONE, sk: id, ...untilNobodyTells(span.to) } }));
    return isEmpty ? 'nothing' : 'mailed';
  }
}
