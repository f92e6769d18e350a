/**
 * Where price changes are decided: by what feeds say, and by people. Whatever is decided is one transaction that anybody
 * else's decision on the same proposal makes fail, so runs at the same time are harmless and a repeat does nothing.
 */
import type { EpochMs } from '../brands.ts';
import type { Clock } from '../ports.ts';
import type { PriceCard, Provider } from '../pricing/card.ts';
import { priceBook } from '../pricing/price-book.ts';
import { acceptanceOf, CARD, cardFromItem, putCard, type Acceptance } from '../pricing/price-items.ts';
import type { PriceRecords } from '../pricing/price-records.ts';
import type { Proposal } from './decide.ts';
import {
  cardsInForce,
  propose,
  type ListState,
  type ProposalFor,
  type SourcedStatement,
  type WithoutCard,
} from './propose.ts';
import {
  datedCard,
  PROPOSAL,
  proposalFromItem,
  proposalId,
  putNewProposal,
  putProposalInState,
  type ProposalRecord,
} from './proposal-items.ts';
import type { Family } from './reading.ts';

export interface Heard {
  /** Cards that came into force. */
  accepted: PriceCard[];
  /** Proposals that nobody had seen before. */
  proposed: ProposalRecord[];
  withdrawn: ProposalRecord[];
  refused: { provider: Provider; model: string; families: Family[]; reason: string }[];
  /** All that is pending now. */
  pending: ProposalRecord[];
  withoutCard: WithoutCard[];
  /** Cards of the table that price no call, since a card of the release has their name. */
  shadowed: { id: string; reason: string }[];
}

export type PersonsDecision =
  | { kind: 'accepted'; card: PriceCard }
  | { kind: 'rejected' }
  | { kind: 'unknown' }
  /** Somebody was quicker, or another change came first. */
  | { kind: 'decided'; state: ProposalRecord['state'] };

export class PriceDesk {
  readonly #records: PriceRecords;
  readonly #reviewed: readonly PriceCard[];
  readonly #clock: Clock;

  constructor({
    records,
    reviewed,
    clock,
  }: {
    records: PriceRecords;
    reviewed: readonly PriceCard[];
    clock: Clock;
  }) {
    this.#records = records;
    this.#reviewed = reviewed;
    this.#clock = clock;
  }

  /** Every proposal there ever was. Throws TableUnavailable. */
  async proposals(): Promise<ProposalRecord[]> {
    return (await this.#records.items(PROPOSAL)).map(proposalFromItem);
  }

  /** Throws TableUnavailable; what was decided until then stands, and the next run goes on. */
  async hear(statements: readonly SourcedStatement[]): Promise<Heard> {
    const now = this.#clock.now();
    const state = await this.#listState();
    const records = await this.#recordsById();
    const { proposals, withoutCard } = propose(state, statements, now);
    const shadowed = state.book.leftOut.map(({ card, reason }) => ({ id: card.id, reason }));
    const heard: Heard = {
      ...{ accepted: [], proposed: [], withdrawn: [], refused: [], pending: [] },
      ...{ withoutCard, shadowed },
    };
    const seen = new Set<string>();
    for (const found of proposals) {
      const { card, families, verdict } = found.proposal;
      if (verdict.kind === 'refused') {
        heard.refused.push({ provider: card.provider, model: card.model, families, reason: verdict.reason });
        continue;
      }
      const id = await proposalId(found.replaces?.card.id ?? null, card);
      seen.add(id);
      await this.#take(records.get(id), recordOf(id, found, now), found, heard);
    }
    // Only who was heard can have taken back what they said.
    const speakers = new Set(statements.map(({ family }) => family));
    for (const record of records.values()) {
      const isTakenBack = !seen.has(record.id) && record.families.every((family) => speakers.has(family));
      if (record.state === 'pending' && isTakenBack) await this.#withdraw(record, heard);
    }
    heard.pending = (await this.proposals()).filter(({ state }) => state === 'pending');
    return heard;
  }

  /** By a person. Throws TableUnavailable. */
  async decide(id: string, decision: 'accept' | 'reject'): Promise<PersonsDecision> {
    const record = (await this.#recordsById()).get(id);
    if (record === undefined) return { kind: 'unknown' };
    if (record.state !== 'pending') return { kind: 'decided', state: record.state };
    if (decision === 'reject') {
      const put = putProposalInState({ ...record, state: 'rejected' }, 'pending');
      return (await this.#records.change([{ op: 'put', ...put }]))
        ? { kind: 'rejected' }
        : this.decide(id, decision);
    }
    const { book } = await this.#listState();
    const inForce = cardsInForce(book, this.#clock.now()).get(`${record.provider}/${record.model}`);
    if ((inForce?.id ?? null) !== record.replaces) return { kind: 'decided', state: 'withdrawn' };
    const card = datedCard(record.card, this.#clock.now());
    const isDone = await this.#accept(
      record,
      card,
      { by: 'person', families: record.families, anchor: card.id },
      record,
    );
    return isDone ? { kind: 'accepted', card } : this.decide(id, decision);
  }

  async #take(
    known: ProposalRecord | undefined,
    record: ProposalRecord,
    { proposal: { verdict, families }, replaces }: ProposalFor,
    heard: Heard,
  ): Promise<void> {
    const wasRejected = known?.state === 'rejected';
    // A person's no holds until more families say so, and then a person is asked again.
    if (known?.state === 'accepted' || (wasRejected && families.length <= known.families.length)) return;
    if (verdict.kind === 'accept' && !wasRejected) {
      const card = datedCard(record.card, record.since);
      const anchor = verdict.by === 'one_family' ? (replaces?.anchor.id ?? card.id) : card.id;
      if (await this.#accept(record, card, { by: verdict.by, families, anchor }, known))
        heard.accepted.push(card);
      return;
    }
    const reason = wasRejected ? `${record.reason}; rejected when fewer families said so` : record.reason;
    const since = known?.state === 'pending' ? known.since : record.since;
    if (known?.state === 'pending' && known.reason === reason && known.families.join() === families.join())
      return;
    const pending = { ...record, reason, since };
    const put = known === undefined ? putNewProposal(pending) : putProposalInState(pending, known.state);
    const isDone = await this.#records.change([{ op: 'put', ...put }]);
    if (isDone && known?.state !== 'pending') heard.proposed.push(pending);
  }

  async #withdraw(record: ProposalRecord, heard: Heard): Promise<void> {
    const withdrawn: ProposalRecord = { ...record, state: 'withdrawn' };
    if (await this.#records.change([{ op: 'put', ...putProposalInState(withdrawn, 'pending') }]))
      heard.withdrawn.push(withdrawn);
  }

  /** False where somebody else has decided meanwhile. */
  async #accept(
    record: ProposalRecord,
    card: PriceCard,
    acceptance: Omit<Acceptance, 'at'>,
    known: ProposalRecord | undefined,
  ): Promise<boolean> {
    const accepted: ProposalRecord = { ...record, state: 'accepted', accepted: card.id };
    const put = known === undefined ? putNewProposal(accepted) : putProposalInState(accepted, known.state);
    return this.#records.change([
      { op: 'put', ...putCard(card, { ...acceptance, at: this.#clock.now() }) },
      { op: 'put', ...put },
    ]);
  }

  async #recordsById(): Promise<Map<string, ProposalRecord>> {
    return new Map((await this.proposals()).map((record) => [record.id, record]));
  }

  async #listState(): Promise<ListState> {
    const reviewedIds = new Set(this.#reviewed.map(({ id }) => id));
    const acceptances = new Map<string, Acceptance>();
    const added: PriceCard[] = [];
    for (const item of await this.#records.items(CARD)) {
      if (reviewedIds.has(item['id'] as string)) continue;
      const card = cardFromItem(item);
      added.push(card);
      const acceptance = acceptanceOf(item);
      if (acceptance) acceptances.set(card.id, acceptance);
    }
    return { reviewed: this.#reviewed, added, book: priceBook(this.#reviewed, { added }), acceptances };
  }
}

function recordOf(id: string, { proposal, replaces }: ProposalFor, now: EpochMs): ProposalRecord {
  const { card, families } = proposal;
  return {
    id,
    state: 'pending',
    provider: card.provider,
    model: card.model,
    replaces: replaces?.card.id ?? null,
    card: datedCard(card, now),
    families,
    reason: reasonOf(proposal),
    since: now,
    accepted: null,
    told: false,
  };
}

function reasonOf({ verdict }: Proposal): string {
  switch (verdict.kind) {
    case 'accept':
      return verdict.by === 'one_family' ? 'a change within the gates' : 'two families agree';
    case 'pending':
    case 'refused':
      return verdict.reason;
  }
}
