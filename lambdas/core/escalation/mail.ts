/** The mail of a crossed threshold: for finance, who open nothing else to understand it. */
import { inMetric, withUnit } from '../caps/amounts.ts';
import type { RungOfCap } from '../caps/rungs.ts';
import type { EpochMs } from '../brands.ts';
import { paceOf, usedUpAt, type WindowSpan } from '../caps/pace.ts';
import {
  aboutWords,
  asciiName,
  capitalised,
  fractionAsPercent,
  instantTextWords,
  instantWords,
  thousandthsAsPercent,
  wholeCents,
} from '../mail-words.ts';
import { windowWords } from '../caps/windows.ts';
import { divFloor, PICO_PER_USD } from '../money.ts';
import type { CapThresholdCrossed } from '../events/cap-threshold-crossed.ts';
import type { Ladder } from '../policy/ladder.ts';

type Facts = Omit<CapThresholdCrossed, 'mail'>;

export interface Standing {
  settled: bigint;
  /** The one that the mail is about. */
  rung: RungOfCap;
  /** All of the cap's, the mildest first. */
  rungs: readonly RungOfCap[];
  effectiveLimit: bigint;
  /** Undefined where there is no pace to tell. */
  span: WindowSpan | undefined;
  at: EpochMs;
  /** What the stage `throttled` does to calls. */
  throttle: Ladder['throttle'];
}

/** Names that do not fit into the subject are cut there, never in the text. */
const NAME_LENGTH_MAX = 23;

export function crossingMail(facts: Facts, standing: Standing): CapThresholdCrossed['mail'] {
  const who = whoWords(facts);
  const amount = (text: string): string => withUnit(facts.metric, text);
  const text = `${capitalised(who)} has used ${usedWords(facts, standing)}${rungWords(facts)}

Who       ${who}${facts.principal === null ? ', all callers together' : ''}
Cap       ${facts.cap}: ${amount(facts.limit)}${windowWords(facts.window)}${overageWords(facts)}${featureWords(facts)}
${spentLines(facts)}
Left      ${amount(facts.remaining)}
${paceLine(facts, standing)}Resets    ${resetWords(facts)}
Noticed   ${instantWords(standing.at)}

What happens next
${nextWords(facts, standing)}

Event ${facts.id}
`;
  return { subject: `Spendcap: ${subjectWords(facts, standing)}`, text };
}

function paceLine({ metric }: Facts, { settled, effectiveLimit, span, at }: Standing): string {
  const pace = span && paceOf(settled, span, at);
  if (!span || !pace) return '';
  const end = `about ${aboutWords(metric, pace.atEnd)} by the end of the window`;
  const usedUp = usedUpAt(effectiveLimit, settled, span, at);
  const outlook =
    usedUp === undefined || settled >= effectiveLimit
      ? end
      : `the limit is reached about ${instantWords(usedUp)}; without a limit ${end}`;
  return `Pace      ${aboutWords(metric, pace.perDay)} a day; at this pace ${outlook}\n`;
}

/** A person or app, or whoever shares the cap. */
const whoWords = ({ principal, scope }: Facts): string =>
  principal !== null
    ? `${principal.type} ${principal.id}`
    : scope.type === 'org'
      ? 'the organisation'
      : `${scope.type} ${scope.id}`;

function shortWho({ principal, scope }: Facts): string {
  if (principal !== null) return ascii(principal.id);
  if (scope.type === 'org') return 'the organisation';
  return `${scope.type} ${ascii(scope.id, NAME_LENGTH_MAX - scope.type.length - 1)}`;
}

function subjectWords(facts: Facts, standing: Standing): string {
  const { cap, rung, threshold } = facts;
  const who = shortWho(facts);
  const share = shareWords(standing);
  if (rung === 'block') return `${who} is blocked, ${share} of ${ascii(cap)} used`;
  if (rung === 'throttle') return `${who} is at stage throttled, ${share} of ${ascii(cap)} used`;
  return `${who} has used ${share} of ${ascii(cap)} (warning at ${fractionAsPercent(threshold)})`;
}

/** "$16.31 of $20.00 (81.5%)": what the rung is a share of, which may be less than all that the caller may use. */
function usedWords({ metric }: Facts, standing: Standing): string {
  const { settled, rung } = standing;
  const limit = withUnit(metric, inMetric(metric, rung.of));
  const used = inMetric(metric, metric === 'usd' && rung.of >= PICO_PER_USD ? wholeCents(settled) : settled);
  const share = rung.of > 0n ? ` (${shareWords(standing)})` : '';
  return `${metric === 'usd' ? '$' : ''}${used} of ${limit}${share}`;
}

function rungWords({ cap, rung, threshold }: Facts): string {
  const share = fractionAsPercent(threshold);
  switch (rung) {
    case 'warn':
      return ` and so reached the ${share} warning of the cap "${cap}".`;
    case 'throttle':
      return ` and so reached the ${share} at which the cap "${cap}" makes the stage "throttled".`;
    case 'block':
      return `: the cap "${cap}" is blocked${threshold === '1' ? '' : ` from ${share} on`}.`;
  }
}

function nextWords(facts: Facts, { settled, rungs, throttle }: Standing): string {
  const isBlocked = rungs.some(({ rung, from }) => rung === 'block' && settled >= from);
  if (isBlocked) {
    const until = facts.resets_at === null ? '' : ` or until ${instantTextWords(facts.resets_at)}`;
    return `New calls under this cap are refused until somebody raises it${until}. Calls in flight end as usual.
${wayOutWords(facts)}`;
  }
  const goOn = 'Calls go on as long as they fit into what is left.';
  const now =
    facts.rung === 'throttle'
      ? [
          `${goOn} ${capitalised(throttleWords(throttle))}.`,
          `${facts.principal === null ? 'Callers see' : 'The caller sees'} the stage "throttled" on every answer.`,
          wayOutWords(facts),
        ]
      : [`${goOn} Nobody has to act.`];
  const later = rungs
    .filter(({ from }) => from > settled)
    .map(
      ({ rung, threshold, from }) =>
        `At ${thousandthsAsPercent(threshold)} (${withUnit(facts.metric, inMetric(facts.metric, from))}) ${wordsOf(rung, throttle)}.`,
    );
  return [...now, ...later].join('\n');
}

function wayOutWords(facts: Facts): string {
  const { cap, metric, scope, principal } = facts;
  const raise = `spendcap cap set ${scopeText(facts)} --id ${cap}`;
  if (scope.id !== '*' || principal === null)
    return `To let more through, have the limit raised: ${raise} (see its --help).`;
  // A dollar cap of one's own stands in for the one of everybody.
  return metric === 'usd'
    ? `To let more through, give ${principal.id} a cap of their own: spendcap cap set user:${principal.id} (see its --help).
To raise this cap, ${raise}, raises it for everybody.`
    : `To let more through, have the limit raised for everybody: ${raise} (see its --help).`;
}

export function scopeText({ scope }: Pick<Facts, 'scope'>): string {
  if (scope.type === 'org') return 'org';
  return scope.id === '*' ? `'${scope.type}:*'` : `${scope.type}:${scope.id}`;
}

function wordsOf(rung: Facts['rung'], throttle: Standing['throttle']): string {
  switch (rung) {
    case 'warn':
      return 'there is another notice like this one';
    case 'throttle':
      return `the stage becomes "throttled": ${throttleWords(throttle)}`;
    case 'block':
      return 'every new call is refused';
  }
}

/** `a, b, and c`. */
const CLAUSES = new Intl.ListFormat('en-US');

function throttleWords({ requestsPerMinute, cheaperModel, maxOutputTokens }: Standing['throttle']): string {
  const calls = requestsPerMinute === 1 ? '1 call' : `${requestsPerMinute} calls`;
  const measures = [
    ...(requestsPerMinute === null ? [] : [`each caller may begin ${calls} a minute`]),
    ...(cheaperModel ? ['calls go to a cheaper model where one can do them'] : []),
    ...(maxOutputTokens === undefined ? [] : [`answers have ${maxOutputTokens} tokens at most`]),
  ];
  return measures.length === 0 ? 'nothing is refused by it' : CLAUSES.format(measures);
}

const overageWords = ({ metric, limit, effective_limit }: Facts): string =>
  limit === effective_limit ? '' : `, ${withUnit(metric, effective_limit)} with overage`;

const featureWords = ({ scope }: Facts): string =>
  scope.type === 'user_feature' ? `, for the feature ${scope.id.split('/')[1]!}` : '';

/** A shared cap's pool hears of what was spent with each draw and return of its callers. */
function spentLines({ metric, settled, reserved, principal }: Facts): string {
  const [used, held] = [withUnit(metric, settled), withUnit(metric, reserved)];
  return principal === null
    ? `Used      at least ${used}
On lease  ${held} with callers: held by calls, free for the next ones, or spent in the last hour`
    : `Used      ${used}
Held      ${held}${heldWords(reserved)}`;
}

const heldWords = (reserved: string): string =>
  /[1-9]/.test(reserved) ? ' by calls in flight, which are charged what they cost' : '';

function resetWords({ window, resets_at }: Facts): string {
  if (resets_at === null) return 'never: the cap is for the lifetime';
  return window.startsWith('rolling_')
    ? `little by little, from ${instantTextWords(resets_at)} on`
    : instantTextWords(resets_at);
}

/** Never more than was used: what is a little less than the limit is not 100%. */
function shareWords({ settled, rung: { of } }: Standing): string {
  const share = of > 0n ? divFloor(settled * THOUSAND, of) : SHARE_SHOWN_MAX + 1n;
  return share > SHARE_SHOWN_MAX ? 'over 999%' : thousandthsAsPercent(Number(share));
}
const THOUSAND = 1000n;
const SHARE_SHOWN_MAX = 9999n;

const ascii = (name: string, lengthMax = NAME_LENGTH_MAX): string => asciiName(name, lengthMax);
