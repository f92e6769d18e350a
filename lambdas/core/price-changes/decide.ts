/**
 * What to do about what feeds say of one model. A change by a quarter is taken on the word of one family; one beyond, or
 * of the structure, waits for a second independent family or a person; ten times and a tenth are a wrong unit whoever
 * says so. Steps of a quarter do not add up: they are measured from the last price that two families, a person or a
 * release stand for.
 *
 * Feeds lag each other by days, so only what a family says anew can move a price: what stood before the card came in
 * has been weighed already, and an older word does not stand against a newer one.
 */
import type { EpochMs } from '../brands.ts';
import type { PriceCard } from '../pricing/card.ts';
import { decimal, isLess, over, type Ratio } from '../pricing/ratio.ts';
import { fieldsOf, fieldWords, mainOf, statedFields, withFields, type Field, type Fields } from './fields.ts';
import { isSmall, isWrongUnit, problemsOf, shareOf } from './gates.ts';
import type { Family, PriceReading } from './reading.ts';

/** What a family says of a model, and since when it says so; 0 where it said so when it was first read. */
export interface Statement {
  family: Family;
  reading: PriceReading;
  since: EpochMs;
}

/** The card in force, and what stands behind it. */
export interface Standing {
  card: PriceCard;
  /** When it came in; below 0 for a card of the release, so that all that feeds say is news to it. */
  since: number;
  /** The last card for which more than one family stands. */
  anchor: PriceCard;
}

export interface Proposal {
  /** The price that is proposed; identity and dates are still those of the card that it changes. */
  card: PriceCard;
  families: Family[];
  verdict: Verdict;
}

export type Verdict =
  | { kind: 'accept'; by: 'one_family' | 'two_families' }
  | { kind: 'pending'; reason: string }
  /** No person is asked: it cannot be right, or says nothing. */
  | { kind: 'refused'; reason: string };

/** Sells at prices of its own: it may agree with another family, and neither propose nor object. */
const SECONDS_ONLY: ReadonlySet<Family> = new Set(['openrouter']);

/** At most one proposal for each price that somebody says, in the order of the statements. */
export function decideChange(standing: Standing, statements: readonly Statement[]): Proposal[] {
  const voices = statements.flatMap((statement) => voiceOf(standing.card, statement));
  const proposals: Proposal[] = [];
  const heard = new Set<Voice>();
  for (const voice of voices) {
    if (heard.has(voice) || SECONDS_ONLY.has(voice.family) || voice.changes.size === 0) continue;
    const group = voices.filter((other) => agrees(other, voice));
    for (const other of group) heard.add(other);
    const newest = Math.max(...group.map(({ since }) => since));
    if (newest <= standing.since) continue;
    proposals.push(proposalOf(standing, voices, group, newest));
  }
  return proposals;
}

/** One statement in the fields of the card. */
interface Voice {
  family: Family;
  since: number;
  knowsHours: boolean;
  stated: Fields;
  /** Where it differs from the card. */
  changes: Map<Field, string>;
}

/** None where the statement has no list price to compare. */
function voiceOf(card: PriceCard, { family, reading, since }: Statement): Voice[] {
  const stated = statedFields(card, reading);
  const old = fieldsOf(card);
  const mains = [...old.keys()].filter((field) => mainOf(field) === undefined);
  if (mains.some((field) => !stated.has(field))) return [];
  const changes = new Map([...stated].filter(([field, price]) => !isEqual(price, old.get(field))));
  const voice = {
    family,
    since,
    knowsHours: reading.knowsHours || card.periods.length === 0,
    stated,
    changes,
  };
  return isAnHourOf(card, voice) ? [{ ...voice, changes: new Map() }] : [voice];
}

/** A feed without hours may name the price of the dearer ones: that is no change. */
function isAnHourOf(card: PriceCard, { knowsHours, changes }: Voice): boolean {
  const old = fieldsOf(card);
  return (
    !knowsHours &&
    card.periods.some(({ factor }) =>
      [...changes].every(([field, price]) => isEqual(price, old.get(field), factor)),
    )
  );
}

/** Both say the same of the list prices, and one of them says so of a change. */
function agrees(other: Voice, voice: Voice): boolean {
  if (other === voice) return true;
  const mains = [...voice.stated.keys()].filter((field) => mainOf(field) === undefined);
  if (!mains.every((field) => isEqual(voice.stated.get(field), other.stated.get(field)))) return false;
  return [...voice.changes].some(([field, price]) => isEqual(price, other.stated.get(field)));
}

function proposalOf(
  standing: Standing,
  voices: readonly Voice[],
  group: readonly Voice[],
  newest: number,
): Proposal {
  const votes = votesOf(group);
  const changes = new Map([...votes].map(([field, { price }]) => [field, price]));
  const card = withFields(standing.card, changes);
  const families = [...new Set(group.map(({ family }) => family))];
  const refused = refusalOf(standing.card, card, changes);
  if (refused !== undefined) return { card, families, verdict: { kind: 'refused', reason: refused } };

  const objectors = voices.filter(
    (voice) => !group.includes(voice) && !SECONDS_ONLY.has(voice.family) && voice.since >= newest,
  );
  const anchor = isConfirmed(voices) ? standing.card : standing.anchor;
  const reasons: string[] = [];
  let needsTwo = false;
  for (const [field, { price, families: witnesses }] of votes) {
    const large = isLargeChange(field, price, changes, [standing.card, anchor]);
    needsTwo ||= large;
    const against = objectors.filter(
      ({ stated }) => stated.has(field) && !isEqual(stated.get(field), price),
    ).length;
    if (witnesses.size < (large ? 2 : 1)) reasons.push(largeWords(standing.card, field, price));
    else if (witnesses.size <= against) reasons.push(`feeds disagree on ${fieldWords(field)}`);
  }
  if (group.some(({ knowsHours }) => !knowsHours))
    reasons.push('the price depends on the time of day, of which the feed says nothing');
  if (reasons.length > 0) return { card, families, verdict: { kind: 'pending', reason: summary(reasons) } };
  return {
    card,
    families,
    verdict: { kind: 'accept', by: needsTwo || families.length > 1 ? 'two_families' : 'one_family' },
  };
}

/** Of each field that anybody in the group changes the price with the most witnesses, of equals the dearest. */
function votesOf(group: readonly Voice[]): Map<Field, { price: string; families: Set<Family> }> {
  const votes = new Map<Field, { price: string; families: Set<Family> }>();
  for (const field of new Set(group.flatMap(({ changes }) => [...changes.keys()]))) {
    const said = new Map<string, Set<Family>>();
    for (const { family, stated } of group) {
      const price = stated.get(field);
      if (price !== undefined) said.set(price, (said.get(price) ?? new Set()).add(family));
    }
    const [price, families] = [...said].reduce((best, next) =>
      next[1].size > best[1].size ||
      (next[1].size === best[1].size && isLess(decimal(best[0]), decimal(next[0])))
        ? next
        : best,
    );
    votes.set(field, { price, families });
  }
  return votes;
}

/** Two families say what the card says. */
const isConfirmed = (voices: readonly Voice[]): boolean =>
  new Set(
    voices
      .filter(({ family, changes }) => changes.size === 0 && !SECONDS_ONLY.has(family))
      .map(({ family }) => family),
  ).size >= 2;

function refusalOf(old: PriceCard, next: PriceCard, changes: Fields): string | undefined {
  const before = fieldsOf(old);
  for (const [field, price] of changes) {
    const known = before.get(field);
    if (known !== undefined && isWrongUnit(shareOf(price, known)))
      return `${fieldWords(field)} would go from ${known} to ${price}: a wrong unit`;
  }
  return problemsOf(next)[0];
}

/** A list price by itself; any other by its share of it, which no general rise or cut touches. New ones are large. */
function isLargeChange(field: Field, price: string, changes: Fields, bases: readonly PriceCard[]): boolean {
  return bases.some((card) => {
    const old = fieldsOf(card);
    const known = old.get(field);
    if (known === undefined) return true;
    const main = mainOf(field);
    const [mainBefore, mainAfter] =
      main === undefined ? [] : [old.get(main), changes.get(main) ?? old.get(main)];
    const change: Ratio =
      mainBefore === undefined || mainAfter === undefined
        ? shareOf(price, known)
        : over(shareOf(price, mainAfter), shareOf(known, mainBefore));
    return !isSmall(change);
  });
}

function largeWords(card: PriceCard, field: Field, price: string): string {
  const known = fieldsOf(card).get(field);
  return known === undefined
    ? `${fieldWords(field)} is a new price`
    : `${fieldWords(field)} would go from ${known} to ${price}, which needs two families or a person`;
}

const REASONS_MAX = 3;
const summary = (reasons: readonly string[]): string =>
  [
    ...reasons.slice(0, REASONS_MAX),
    ...(reasons.length > REASONS_MAX ? [`and ${reasons.length - REASONS_MAX} more`] : []),
  ].join('; ');

/** The same amount, however it is written; with a factor, that many times the second. */
function isEqual(a: string | undefined, b: string | undefined, factor = '1'): boolean {
  if (a === undefined || b === undefined) return a === b;
  const [x, y, z] = [decimal(a), decimal(b), decimal(factor)];
  return x.n * y.d * z.d === y.n * z.n * x.d;
}
