/** The mail of a crossed threshold: for finance, who open nothing else to understand it. */
import { inMetric } from '../caps/amounts.ts';
import type { RungOfCap } from '../caps/rungs.ts';
import type { CapThresholdCrossed } from './event.ts';

type Facts = Omit<CapThresholdCrossed, 'mail'>;

/** The subject takes 99 characters of printable ASCII (SNS); names that do not fit are cut there, never in the text. */
const NAME_LENGTH_MAX = 24;

/** `later` are the rungs that are not reached yet, the mildest first. */
export function crossingMail(facts: Facts, later: readonly RungOfCap[]): CapThresholdCrossed['mail'] {
  const who = `${facts.principal.type} ${facts.principal.id}`;
  const share = percent(facts.threshold);
  const amount = (text: string): string => withUnit(facts.metric, text);
  const text = `${who} has used ${share} of the cap "${facts.cap}".

Who       ${who}
Cap       ${facts.cap}: ${amount(facts.limit)}${windowWords(facts.window)}${overageWords(facts)}${featureWords(facts)}
Settled   ${amount(facts.settled)}
Held      ${amount(facts.reserved)} by calls in flight, charged when they end
Left      ${amount(facts.remaining)}
Resets    ${resetWords(facts)}
Noticed   ${facts.at}

What happens next
${nextWords(facts, later)}

Event ${facts.id}
`;
  return { subject: `Spendcap: ${subjectWords(facts)}`, text };
}

function subjectWords({ principal, cap, rung, threshold }: Facts): string {
  const who = ascii(principal.id);
  const share = percent(threshold);
  if (rung === 'block') return `${who} is blocked, ${share} of ${ascii(cap)} used`;
  if (rung === 'throttle') return `${who} is at stage throttled, ${share} of ${ascii(cap)} used`;
  return `${who} has used ${share} of ${ascii(cap)}`;
}

function nextWords(facts: Facts, later: readonly RungOfCap[]): string {
  const until = facts.resets_at === null ? '' : ` or until ${facts.resets_at}`;
  if (facts.rung === 'block') {
    return `New calls under this cap are refused until somebody raises it${until}. Calls in flight end as usual.
To let calls through before, raise the limit: spendcap cap set ${scopeText(facts)} --id ${facts.cap} (see its --help).`;
  }
  const lines = later.map(
    ({ rung, threshold, from }) =>
      `At ${thousandthsAsPercent(threshold)} (${withUnit(facts.metric, inMetric(facts.metric, from))}) ${RUNG_WORDS[rung]}.`,
  );
  if (!later.some(({ rung }) => rung === 'block')) {
    lines.push(`A call that does not fit into what is left is refused.`);
  }
  const now =
    facts.rung === 'throttle'
      ? 'The caller sees the stage "throttled" on every answer. Nothing is refused yet.'
      : 'Nothing is refused yet, and nobody has to act.';
  return [now, ...lines].join('\n');
}

const scopeText = ({ scope }: Facts): string => (scope.type === 'org' ? 'org' : `${scope.type}:${scope.id}`);

const RUNG_WORDS: Record<Facts['rung'], string> = {
  warn: 'there is another notice like this one',
  throttle: 'the stage becomes "throttled", which refuses nothing by itself',
  block: 'new calls are refused',
};

const withUnit = (metric: Facts['metric'], amount: string): string =>
  metric === 'usd' ? `$${amount}` : `${amount} ${metric}`;

function windowWords(window: string): string {
  const rolling = /^rolling_(\d+)(h|d)$/.exec(window);
  if (rolling) return ` in any ${rolling[1]!} ${rolling[2] === 'h' ? 'hours' : 'days'}`;
  return window === 'lifetime' ? ' in all' : ` a ${window}`;
}

const overageWords = ({ metric, limit, effective_limit }: Facts): string =>
  limit === effective_limit ? '' : `, ${withUnit(metric, effective_limit)} with overage`;

const featureWords = ({ scope }: Facts): string =>
  scope.type === 'user_feature' ? `, for the feature ${scope.id.split('/')[1]!}` : '';

function resetWords({ window, resets_at }: Facts): string {
  if (resets_at === null) return 'never: the cap is for the lifetime';
  return window.startsWith('rolling_') ? `little by little, from ${resets_at} on` : resets_at;
}

/** "0.8" is "80%", "0.955" is "95.5%". */
function percent(fraction: string): string {
  const [whole, decimals = ''] = fraction.split('.');
  return thousandthsAsPercent(Number(`${whole!}${decimals.padEnd(3, '0')}`));
}
function thousandthsAsPercent(thousandths: number): string {
  const tenths = thousandths % 10;
  return `${Math.floor(thousandths / 10)}${tenths === 0 ? '' : `.${tenths}`}%`;
}

function ascii(name: string): string {
  const plain = name.replaceAll(/[^\x21-\x7e]/gu, '?');
  return plain.length <= NAME_LENGTH_MAX ? plain : `${plain.slice(0, NAME_LENGTH_MAX - 3)}...`;
}
