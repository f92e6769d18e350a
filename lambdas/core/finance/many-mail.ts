/** One mail for many crossings: those of one cap and rung, or whatever is left of a burst. */
import { parseInMetric, withUnit } from '../caps/amounts.ts';
import { scopeText } from '../escalation/mail.ts';
import type { CapThresholdCrossed } from '../events/cap-threshold-crossed.ts';
import { asciiName, fractionAsPercent, instantTextWords } from '../mail-words.ts';
import { windowWords } from '../caps/windows.ts';
import type { Mail } from '../ports.ts';

const NAMED = 10;
const REPORT = 'spendcap report spend --by user';
const NAME_LENGTH_MAX = 23;
const NAME_COLUMN = 32;

/** All of one cap and rung. */
export function manyMail(events: readonly CapThresholdCrossed[], moreUrl: string | undefined): Mail {
  const [first] = events as [CapThresholdCrossed];
  const { cap, rung, threshold, metric, limit, window } = first;
  const who = `${events.length} ${peopleWord(events)}`;
  const dearest = [...events].sort(moreSettledFirst);
  const text = `${who} ${RUNG_TEXT[rung](fractionAsPercent(threshold))} of the cap "${cap}" (${withUnit(metric, limit)}${windowWords(window)}${first.scope.id === '*' ? ' each' : ''}) within a few minutes.

${listOf(dearest, lineOf)}

What happens next
${nextWords(first)}

See more: ${moreUrl ?? REPORT}

Event ${first.id} and ${events.length - 1} more
`;
  return {
    id: `${first.id}+${events.length}`,
    subject: `Spendcap: ${who} ${RUNG_SUBJECT[rung](fractionAsPercent(threshold))} of ${asciiName(cap, NAME_LENGTH_MAX)}`,
    text,
  };
}

/** Of several caps, where each in a mail of its own would be too many. */
export function mixedMail(events: readonly CapThresholdCrossed[], moreUrl: string | undefined): Mail {
  const [first] = events as [CapThresholdCrossed];
  const caps = new Set(events.map(({ cap }) => cap)).size;
  const gravest = [...events].sort(graverFirst);
  const blocked = events.filter(({ rung }) => rung === 'block').length;
  const text = `${events.length} thresholds of ${caps} caps were reached within a few minutes.

${listOf(gravest, ({ mail }) => mail.subject.replace(/^Spendcap: /, ''))}

What happens next
${blocked === 0 ? 'Calls go on as long as they fit into what is left.' : `New calls under the ${blocked} blocked are refused until somebody raises the cap or its window ends. All others go on as long as they fit into what is left.`}
To look at one cap: spendcap cap get ID. To raise it: spendcap cap set (see its --help).

See more: ${moreUrl ?? REPORT}

Event ${first.id} and ${events.length - 1} more
`;
  return {
    id: `${first.id}+${events.length}`,
    subject: `Spendcap: ${events.length} thresholds of ${caps} caps reached`,
    text,
  };
}

/** Blocked people before warned ones, and then by name. */
export const graverFirst = (a: CapThresholdCrossed, b: CapThresholdCrossed): number =>
  RUNGS.indexOf(b.rung) - RUNGS.indexOf(a.rung) || byName(a, b);

const byName = (a: CapThresholdCrossed, b: CapThresholdCrossed): number =>
  a.mail.subject < b.mail.subject ? -1 : 1;

const RUNGS: readonly string[] = ['warn', 'throttle', 'block'] satisfies CapThresholdCrossed['rung'][];

type Words = Record<CapThresholdCrossed['rung'], (share: string) => string>;
const RUNG_TEXT: Words = {
  warn: (share) => `have reached the ${share} warning`,
  throttle: (share) => `have reached the ${share} from which they are at the stage "throttled"`,
  block: (share) => `are blocked from ${share} on`,
};
const RUNG_SUBJECT: Words = {
  warn: (share) => `reached the ${share} warning`,
  throttle: () => 'are at stage throttled',
  block: () => 'are blocked, all they may use',
};

function nextWords(event: CapThresholdCrossed): string {
  const { rung, cap, scope, resets_at } = event;
  const raise = `To let more through, have the limit raised for everybody: spendcap cap set ${scopeText(event)} --id ${cap}.`;
  const own =
    scope.id === '*' && event.metric === 'usd'
      ? '\nOr give some of them a cap of their own: spendcap cap set user:NAME.'
      : '';
  if (rung !== 'block')
    return `Their calls go on as long as they fit into what is left. Where more is reached, another mail says so.${rung === 'warn' ? ' Nobody has to act.' : `\n${raise}${own}`}`;
  const until = resets_at === null ? '' : ` or until ${instantTextWords(resets_at)}`;
  return `New calls of theirs are refused until somebody raises the cap${until}. Calls in flight end as usual.\n${raise}${own}`;
}

const peopleWord = (events: readonly CapThresholdCrossed[]): string =>
  events.every(({ principal }) => principal?.type === 'user') ? 'people' : 'callers';

const lineOf = ({ principal, scope, metric, settled, effective_limit }: CapThresholdCrossed): string =>
  `${(principal?.id ?? scope.id).padEnd(NAME_COLUMN)} ${withUnit(metric, settled)} of ${withUnit(metric, effective_limit)}`;

function listOf(
  events: readonly CapThresholdCrossed[],
  line: (event: CapThresholdCrossed) => string,
): string {
  const rest = events.length - NAMED;
  const named = events.slice(0, NAMED).map((event) => `  ${line(event)}`);
  return [...named, ...(rest > 0 ? [`  and ${rest} more`] : [])].join('\n');
}

const settledOf = ({ metric, settled }: CapThresholdCrossed): bigint => parseInMetric(metric, settled) ?? 0n;

function moreSettledFirst(a: CapThresholdCrossed, b: CapThresholdCrossed): number {
  const [one, other] = [settledOf(a), settledOf(b)];
  if (one !== other) return one < other ? 1 : -1;
  return byName(a, b);
}
