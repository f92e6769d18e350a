/**
 * Where requests for more are decided, by people and by time. The decision is written once, at the record's version;
 * then it is carried out, in steps that bear a repeat: the limit is raised, the one who asked is told on their leaf, and
 * the record is closed. Whatever cuts that off, a repeat of the decision or the next sweep goes on.
 */
import type { EpochMs } from '../brands.ts';
import type { Cap } from '../caps/cap.ts';
import type { Directory } from '../directory/directory.ts';
import { leafKey, type Notice } from '../ledger/leaf.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { TOLD_FOR, withNotice, withoutOldNotices } from '../ledger/notices.ts';
import { everyItem } from '../pages.ts';
import type { Clock, Table, TaskTokens } from '../ports.ts';
import { plus } from '../time.ts';
import { endOf, type Decision, type GrantRecord } from './grant.ts';
import { GrantRecords } from './grant-records.ts';
import type { StoredGrant } from './grant-items.ts';
import { isRequester, type Approver } from './same-person.ts';

/** What a person decides. */
export type Verdict =
  { kind: 'approved'; amount: bigint; expiresAt: EpochMs } | { kind: 'denied'; reason: string };

export type Decided =
  /** As asked for, now or before: it is in force. */
  | { kind: 'done'; grant: GrantRecord }
  | { kind: 'unknown' }
  | { kind: 'own_request' }
  /** By somebody else, otherwise, or by time. */
  | { kind: 'decided_before'; grant: GrantRecord }
  /** The cap was deleted, or means something else now: there is nothing to raise. */
  | { kind: 'cap_gone'; grant: GrantRecord };

export interface GrantDeskDeps {
  table: Table;
  ledger: Ledger;
  directory: Directory;
  clock: Clock;
  /** Of executions that wait for a decision. */
  waiting: TaskTokens;
}

const GRANTS_A_PAGE = 100;

export class GrantDesk {
  readonly records: GrantRecords;
  private readonly deps: GrantDeskDeps;

  constructor(deps: GrantDeskDeps) {
    this.deps = deps;
    this.records = new GrantRecords(deps);
  }

  /** Throws TableUnavailable; a repeat goes on where this was cut off. */
  async decide(id: string, approver: Approver, verdict: Verdict): Promise<Decided> {
    for (;;) {
      const grant = await this.records.get(id);
      if (!grant) return { kind: 'unknown' };
      if (isRequester(approver, grant)) return { kind: 'own_request' };
      if (grant.decision) return await this.decidedBefore(grant, approver, verdict);
      const now = this.deps.clock.now();
      if (grant.answerBy <= now) {
        const expired = await this.write(grant, { kind: 'expired', at: now });
        if (expired) return { kind: 'decided_before', grant: expired };
        continue;
      }
      if (verdict.kind === 'approved' && !(await this.capOf(grant))) return { kind: 'cap_gone', grant };
      const done = await this.write(grant, { ...verdict, by: approver.name, at: now });
      if (done) return { kind: 'done', grant: done };
    }
  }

  /** Goes on with what is decided, and ends what nobody answered. Throws TableUnavailable. */
  async close(id: string): Promise<GrantRecord | undefined> {
    const grant = await this.records.get(id);
    if (!grant || (grant.state !== 'requested' && grant.state !== 'decided')) return grant;
    if (grant.decision) return this.carryOut(grant);
    const now = this.deps.clock.now();
    if (now < grant.answerBy) return grant;
    return (await this.write(grant, { kind: 'expired', at: now })) ?? this.close(id);
  }

  /** Closes whatever is open and should not be; returns how many are. Throws TableUnavailable. */
  async sweep(): Promise<number> {
    const open: string[] = [];
    const read = (at: { cursor?: string }) => this.records.list('requested', GRANTS_A_PAGE, at.cursor);
    for await (const { id, decision, answerBy } of everyItem(read)) {
      if (decision || answerBy <= this.deps.clock.now()) open.push(id);
    }
    for (const id of open) await this.close(id);
    return open.length;
  }

  /** A repeat of the same decision carries it out, if that is still to be done. */
  private async decidedBefore(grant: StoredGrant, { name }: Approver, verdict: Verdict): Promise<Decided> {
    const closed = grant.state === 'decided' ? await this.carryOut(grant) : grant;
    const isRepeat = isSameDecision(grant.decision!, name, verdict);
    return { kind: isRepeat ? 'done' : 'decided_before', grant: closed };
  }

  /** Undefined where somebody was quicker. */
  private async write(grant: StoredGrant, decision: Decision): Promise<GrantRecord | undefined> {
    const decided = await this.records.change(grant, { ...grant, state: 'decided', decision });
    return decided && (await this.carryOut(decided));
  }

  private async carryOut(grant: StoredGrant): Promise<GrantRecord> {
    const { waiting } = this.deps;
    const decision = grant.decision!;
    if (decision.kind === 'approved') await this.raise(grant, decision);
    if (decision.kind !== 'expired') await this.tell(grant, decision);
    const closed = await this.records.change(grant, { ...grant, state: decision.kind });
    // Who is not heard here finds the record closed when they look.
    if (grant.taskToken !== undefined) await waiting.end(grant.taskToken, { status: decision.kind });
    return closed ?? (await this.records.get(grant.id))!;
  }

  private async raise(grant: StoredGrant, { amount, expiresAt }: Approval): Promise<void> {
    const cap = await this.capOf(grant);
    const { id, windowKey: key, principal } = grant;
    if (cap) await this.deps.ledger.grant(cap, leafKey(principal), { id, key, amount, expiresAt });
  }

  /** On the leaves of who asked, unless they have asked for something newer. */
  private async tell(grant: StoredGrant, decision: Approval | Denial): Promise<void> {
    const { ledger, clock } = this.deps;
    const until =
      decision.kind === 'approved' ? endOf(grant, decision.expiresAt) : plus(decision.at, TOLD_FOR);
    const notice: Notice = { i: grant.id, s: decision.kind, w: BigInt(decision.at), u: BigInt(until) };
    for (let i = 0; i < grant.leaves; i += 1) {
      await ledger.leaves.change(leafKey(grant.principal, i), (leaf) => {
        const known = leaf.n?.[grant.account];
        if (known && (known.i !== notice.i || known.s === notice.s)) return undefined;
        return withNotice(withoutOldNotices(leaf, clock.now()), grant.account, notice);
      });
    }
  }

  private async capOf({ cap: id, account }: GrantRecord): Promise<Cap | undefined> {
    const cap = await this.deps.directory.getCap(id);
    return cap?.account === account ? cap : undefined;
  }
}

type Approval = Decision & { kind: 'approved' };
type Denial = Decision & { kind: 'denied' };

function isSameDecision(decision: Decision, by: string, verdict: Verdict): boolean {
  if (decision.kind === 'expired' || decision.by !== by || decision.kind !== verdict.kind) return false;
  return verdict.kind === 'denied'
    ? decision.kind === 'denied' && decision.reason === verdict.reason
    : decision.kind === 'approved' &&
        decision.amount === verdict.amount &&
        decision.expiresAt === verdict.expiresAt;
}
