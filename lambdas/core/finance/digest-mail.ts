/** The mail of a digest: what was spent, against the time before, on whom and on what, and where the month goes. */
import { durationMs } from '../brands.ts';
import { aboutWords, centsWords, instantOption, shareWords } from '../mail-words.ts';
import { PICO_PER_USD } from '../money.ts';
import type { Mail } from '../ports.ts';
import { dateAt, plus } from '../time.ts';
import type { Digest, Share } from './digest.ts';

const NAMED = 5;
const CROSSINGS_NAMED = 10;
const NAME_COLUMN = 40;

export interface DigestFacts {
  id: string;
  org: string;
  /** Subjects of the mails of thresholds, oldest first. */
  crossings: readonly string[];
  moreUrl: string | undefined;
}

export function digestMail(digest: Digest, { id, org, crossings, moreUrl }: DigestFacts): Mail {
  const { by, calls, costPicoUsd } = digest;
  const spent = usd(costPicoUsd);
  const text = `${org} spent ${spent} ${whenWords(digest)} in ${calls} ${calls === 1n ? 'call' : 'calls'}${comparedWords(digest)}.

${monthLine(digest)}

${[
  sharesOf('By person', by.person, costPicoUsd),
  sharesOf('By team', by.team, costPicoUsd),
  sharesOf('By app and feature', by.feature, costPicoUsd),
  sharesOf('By model', by.model, costPicoUsd),
].join('\n\n')}

Caps that reached a threshold
${crossings.length === 0 ? '  none' : listOf(crossings)}

What happens next
Nothing by itself: caps hold as they are. ${digest.kind === 'daily' ? 'The next of these mails comes in the morning after a day on which something is spent.' : 'The next of these mails comes on the Monday after a week in which something is spent.'}

See more: ${moreUrl ?? `spendcap report spend --by team,user --from ${instantOption(digest.from)} --to ${instantOption(digest.to)}`}
`;
  return { id, subject: `Spendcap: ${spent} spent ${whenWords(digest)}`, text };
}

/** Of a total: finer than cents only where there is no dollar of it. */
const usd = (amount: bigint, total = amount): string =>
  total < PICO_PER_USD ? aboutWords('usd', amount) : centsWords(amount);

function whenWords({ kind, zone, from, to }: Digest): string {
  const [first, last] = [dateAt(zone, from), dateAt(zone, plus(to, durationMs(-1)))];
  return kind === 'daily' ? `on ${first}` : `from ${first} to ${last}`;
}

function comparedWords({ kind, costPicoUsd, costBefore }: Digest): string {
  const before = kind === 'daily' ? 'the day before' : 'the week before';
  if (costBefore <= 0n) return `, after nothing ${before}`;
  if (costPicoUsd === costBefore) return `, as much as ${before}`;
  const isMore = costPicoUsd > costBefore;
  const difference = isMore ? costPicoUsd - costBefore : costBefore - costPicoUsd;
  return `, ${shareWords(difference, costBefore)} ${isMore ? 'more' : 'less'} than ${before} (${usd(costBefore)})`;
}

function monthLine({ month, zone }: Digest): string {
  const name = dateAt(zone, month.begun).slice(0, 7);
  if (!month.pace) return `Month ${name}: ${usd(month.costPicoUsd)} in all.`;
  return `Month ${name}: ${usd(month.costPicoUsd)} so far, at this pace about ${usd(month.pace.atEnd)} by its end.`;
}

function sharesOf(title: string, shares: readonly Share[], total: bigint): string {
  // One more takes no more room by its name.
  const named = shares.length === NAMED + 1 ? NAMED + 1 : NAMED;
  const rest = shares.slice(named);
  const more = rest.reduce((sum, { costPicoUsd }) => sum + costPicoUsd, 0n);
  const line = ({ name, costPicoUsd }: Share): string =>
    `  ${cut(name).padEnd(NAME_COLUMN)} ${usd(costPicoUsd, total)} (${shareWords(costPicoUsd, total)})`;
  return [
    title,
    ...shares.slice(0, named).map(line),
    ...(rest.length > 0 ? [line({ name: `${rest.length} more`, costPicoUsd: more })] : []),
  ].join('\n');
}

function listOf(subjects: readonly string[]): string {
  const newestFirst = [...subjects].reverse().map((subject) => `  ${subject.replace(/^Spendcap: /, '')}`);
  const more = newestFirst.length - CROSSINGS_NAMED;
  return [...newestFirst.slice(0, CROSSINGS_NAMED), ...(more > 0 ? [`  and ${more} more`] : [])].join('\n');
}

const cut = (name: string): string =>
  name.length <= NAME_COLUMN ? name : `${name.slice(0, NAME_COLUMN - 3)}...`;
