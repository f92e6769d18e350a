/** What is proposed for each model that somebody speaks of: which card it changes, and what the rules say to it. */
import type { EpochMs } from '../brands.ts';
import type { PriceCard } from '../pricing/card.ts';
import { priceBook, type PriceBook } from '../pricing/price-book.ts';
import type { Acceptance } from '../pricing/price-items.ts';
import { toRfc3339 } from '../time.ts';
import { decideChange, type Proposal, type Standing, type Statement } from './decide.ts';
import type { LeftOutRow } from './left-out.ts';
import { decideNew, type NoCard } from './new-model.ts';
import type { Family } from './reading.ts';

/** List prices, and how those came in that no release has. */
export interface ListState {
  reviewed: readonly PriceCard[];
  added: readonly PriceCard[];
  book: PriceBook;
  acceptances: ReadonlyMap<string, Acceptance>;
}

export interface SourcedStatement extends Statement {
  /** Address of the document. */
  source: string;
}

export interface ProposalFor {
  proposal: Proposal;
  /** Undefined: a model without a card. */
  replaces: Standing | undefined;
}

/**
 * A feed that is read for the first time has hundreds of models that no card is for, most of them old: that is no news.
 * What appears in it afterwards is.
 */
const NEW_MODELS_OF_A_FIRST_READING_MAX = 20;

/** A model without a card that will not get one of what is said now. */
export interface WithoutCard extends LeftOutRow {
  /** Address of the document that speaks of it. */
  source: string;
}

export interface Proposed {
  proposals: ProposalFor[];
  withoutCard: WithoutCard[];
}

export function propose(state: ListState, statements: readonly SourcedStatement[], now: EpochMs): Proposed {
  const cards = cardsInForce(state.book, now);
  const ofCard = new Map<PriceCard, SourcedStatement[]>();
  const ofNewModel = new Map<string, SourcedStatement[]>();
  for (const statement of statements) {
    const name = `${statement.reading.provider}/${statement.reading.model}`;
    const card = cards.get(name);
    if (card === undefined) ofNewModel.set(name, [...(ofNewModel.get(name) ?? []), statement]);
    else ofCard.set(card, [...(ofCard.get(card) ?? []), statement]);
  }
  const changes = [...ofCard].flatMap(([card, said]) => changesOf(standingOf(state, card), said));
  const { proposals, withoutCard } = newModels(state, ofNewModel, now);
  return { proposals: [...changes, ...proposals], withoutCard };
}

/** By each exact name, `<provider>/<name>`. */
export function cardsInForce(book: PriceBook, now: EpochMs): Map<string, PriceCard> {
  const cards = new Map<string, PriceCard>();
  for (const { endpoints, provider, model } of book.cards) {
    const card = book.find(endpoints[0]!, model, now);
    if (card === undefined) continue;
    for (const name of [card.model, ...card.aliases]) cards.set(`${provider}/${name}`, card);
  }
  return cards;
}

/** Older than whatever a feed says. */
const OF_A_RELEASE = -1;

function standingOf({ book, acceptances }: ListState, card: PriceCard): Standing {
  const acceptance = acceptances.get(card.id);
  return acceptance === undefined
    ? { card, since: OF_A_RELEASE, anchor: card }
    : { card, since: acceptance.at, anchor: book.byId(acceptance.anchor) ?? card };
}

function changesOf(standing: Standing, said: readonly SourcedStatement[]): ProposalFor[] {
  const heard = oneOfEachFamily(standing.card, said);
  return decideChange(standing, heard).map((proposal) => {
    const sources = heard
      .filter(({ family }) => proposal.families.includes(family))
      .map(({ source }) => source);
    const card = { ...proposal.card, sources: [...new Set(sources)] };
    return { proposal: { ...proposal, card }, replaces: standing };
  });
}

/** Under the model's own name, or else under one of its others. */
function oneOfEachFamily(card: PriceCard, said: readonly SourcedStatement[]): SourcedStatement[] {
  const byName = said.toSorted(
    (a, b) => Number(b.reading.model === card.model) - Number(a.reading.model === card.model),
  );
  const chosen = new Map<Family, SourcedStatement>();
  for (const statement of byName) {
    if (!chosen.has(statement.family)) chosen.set(statement.family, statement);
  }
  return [...chosen.values()];
}

function newModels(
  state: ListState,
  statements: ReadonlyMap<string, SourcedStatement[]>,
  now: EpochMs,
): Proposed {
  const found: Said<Proposal>[] = [];
  const firstReadings = new Map<Family, Said<Proposal>[]>();
  const withoutCard: WithoutCard[] = [];
  const leaveOut = ({ said }: Said<Proposal | NoCard>, reason: string): void => {
    for (const { source, reading } of said)
      withoutCard.push({ source, entry: `${reading.provider}/${reading.model}`, reason });
  };
  for (const said of statements.values()) {
    const { provider, model } = said[0]!.reading;
    const sources = [...new Set(said.map(({ source }) => source))];
    const decided = decideNew({ provider, model }, said, { sources, effectiveFrom: toRfc3339(now) });
    if (!('card' in decided)) {
      leaveOut({ said, decided }, decided.verdict.reason);
      continue;
    }
    const family = decided.families[0]!;
    if (decided.verdict.kind === 'pending' && said.every(({ since }) => since === 0))
      firstReadings.set(family, [...(firstReadings.get(family) ?? []), { said, decided }]);
    else found.push({ said, decided });
  }
  for (const some of firstReadings.values()) {
    if (some.length <= NEW_MODELS_OF_A_FIRST_READING_MAX) found.push(...some);
    else for (const one of some) leaveOut(one, 'one family alone has it, and had it when it was first read');
  }
  return {
    proposals: found.map(({ decided }) => ({ proposal: named(state, decided), replaces: undefined })),
    withoutCard,
  };
}

interface Said<D> {
  said: readonly SourcedStatement[];
  decided: D;
}

/** Refused where its name stands for another model, at an endpoint that both have. */
function named({ reviewed, added }: ListState, proposal: Proposal): Proposal {
  const { leftOut } = priceBook(reviewed, { added: [...added, proposal.card] });
  const problem = leftOut.find(({ card }) => card === proposal.card);
  return problem === undefined
    ? proposal
    : { ...proposal, verdict: { kind: 'refused', reason: problem.reason } };
}
