/**
 * Changes that somebody has to decide on, and those that were decided. One item for each card and price that it would
 * get: what several runs see is one proposal, and a decision is taken once.
 */
import * as z from 'zod';
import { epochMs, type EpochMs } from '../brands.ts';
import type { Item, ItemKey, PutWrite } from '../ports.ts';
import { PROVIDERS, type PriceCard } from '../pricing/card.ts';
import { cardFromText, cardToText, PRICES } from '../pricing/price-items.ts';
import { sha256 } from '../request-ids.ts';
import { toRfc3339 } from '../time.ts';
import { FAMILIES } from './reading.ts';

export const PROPOSAL = 'proposal#';

const STATES = [
  'pending',
  'accepted',
  'rejected',
  /** Nobody says so any more, or another change came first. */
  'withdrawn',
] as const;

const proposalSchema = z.object({
  id: z.string(),
  state: z.enum(STATES),
  provider: z.enum(PROVIDERS),
  model: z.string(),
  /** The card that it changes; null for a model without one. */
  replaces: z.string().nullable(),
  /** With the price that is proposed; in force only once it was accepted, under another id. */
  card: z.string().transform(cardFromText),
  families: z.array(z.enum(FAMILIES)),
  reason: z.string(),
  since: z.bigint().transform((at) => epochMs(Number(at))),
  /** Id of the card that came of it. */
  accepted: z.string().nullable(),
  /** Whether finance has heard of it. */
  told: z.boolean(),
});

export type ProposalRecord = z.output<typeof proposalSchema>;

export const proposalKey = (id: string): ItemKey => ({ pk: PRICES, sk: `${PROPOSAL}${id}` });
export const proposalFromItem = (item: Item): ProposalRecord => proposalSchema.parse(item);

export const proposalToItem = (record: ProposalRecord): Item & ItemKey => ({
  ...proposalKey(record.id),
  ...record,
  card: cardToText(record.card),
  since: BigInt(record.since),
});

/** Refused where somebody else has decided, or was there first. */
export const putNewProposal = (record: ProposalRecord): PutWrite => ({
  item: proposalToItem(record),
  condition: 'attribute_not_exists(pk)',
});
export const putProposalInState = (record: ProposalRecord, state: ProposalRecord['state']): PutWrite => ({
  item: proposalToItem(record),
  condition: '#state = :state',
  names: { '#state': 'state' },
  values: { ':state': state },
});

const ID_LENGTH = 12;

/** The same for everybody who proposes this price for that card. */
export async function proposalId(replaces: string | null, card: PriceCard): Promise<string> {
  const { provider, model, rates, tiers, variants, fees, multipliers } = card;
  const price = canonical({ provider, model, rates, tiers, variants, fees, multipliers });
  return `pp_${(await sha256(`${replaces ?? 'new'}\n${price}`)).slice(0, ID_LENGTH)}`;
}

/** Members in order of their names, so that equal prices are equal texts. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part === 'bigint') return part.toString();
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });

/** The card as it comes into force at that instant. */
export function datedCard(card: PriceCard, from: EpochMs): PriceCard {
  const effectiveFrom = toRfc3339(from);
  const id = `${card.provider}/${card.model}@${effectiveFrom}`;
  return { ...card, id, effectiveFrom, checkedOn: effectiveFrom.slice(0, 'YYYY-MM-DD'.length) };
}
