/** The mail of unusual days, for finance: who, what is usual, what was seen, what it went on, and what can be done. */
import { scopeText } from '../escalation/mail.ts';
import type { AnomalyDetected } from '../events/anomaly-detected.ts';
import {
  aboutWords,
  asciiName,
  capitalised,
  instantOption,
  instantTextWords,
  shareWords,
} from '../mail-words.ts';
import { divFloor, usd } from '../money.ts';
import type { Mail } from '../ports.ts';
import { parseRfc3339 } from '../time.ts';
import { DAYS_BEFORE } from './rule.ts';

const NAME_COLUMN = 40;
/** A subject with two amounts below a hundred million dollars has 99 characters then. */
const NAME_LENGTH_MAX = 34;
const NAMED = 10;
const TIMES_SHOWN_MAX = 999n;

/** Of events that were noticed together, at least one. */
export function anomalyMail(events: readonly AnomalyDetected[], moreUrl: string | undefined): Mail {
  const dearestFirst = events.toSorted((a, b) => (usd(a.spent_usd) < usd(b.spent_usd) ? 1 : -1));
  const [first] = dearestFirst as [AnomalyDetected];
  return events.length === 1 ? mailOfOne(first, moreUrl) : mailOfMany(dearestFirst, moreUrl);
}

function mailOfOne(event: AnomalyDetected, moreUrl: string | undefined): Mail {
  const { id, scope, day, days, requests, until } = event;
  const [spent, usual] = [about(event.spent_usd), about(event.usual_usd)];
  const who = whoWords(event);
  const text = `${scope.type === 'user' ? who : capitalised(who)} spent ${spent} on ${day}. A usual day comes to ${usual}.

Spent     ${spent} in ${requests} ${requests === 1 ? 'call' : 'calls'} until ${instantTextWords(until)}, ${timesWords(event)} the usual
Usual     ${usual}, the median of the ${days} days with spending in the ${DAYS_BEFORE} days before
Dearest   ${about(event.dearest_usd)}, on one of those days
Unusual   from ${about(event.unusual_from_usd)} on, by the rule of your policy

What it went on
${causeLines(event).join('\n')}

${NEXT}
If it is not meant to be, limit the day: spendcap cap set ${scopeText({ scope })} --daily AMOUNT (see its --help).

See more: ${moreUrl ?? reportCommand(event)}

Event ${id}
`;
  const subject = `Spendcap: ${shortWho(scope)} spent ${spent} on ${day}, usually ${usual}`;
  return { id, subject, text };
}

function mailOfMany(events: readonly AnomalyDetected[], moreUrl: string | undefined): Mail {
  const [first] = events as [AnomalyDetected];
  const others = `${events.length - 1} more`;
  const more = events.length - NAMED;
  const text = `${events.length} spent far more in a day than usual:

${events.slice(0, NAMED).map(lineOf).join('\n')}${more > 0 ? `\n  and ${more} more` : ''}

${NEXT}
If it is not meant to be, limit the day of who it is: spendcap cap set (see its --help).

See more: ${moreUrl ?? `spendcap report spend --by user,feature --from ${fromOption(first)}`}

Event ${first.id} and ${others}
`;
  return {
    id: `${first.id}+${events.length}`,
    subject: `Spendcap: ${shortWho(first.scope)} and ${others} spent far more than usual`,
    text,
  };
}

const NEXT = `What happens next
Nothing by itself: caps hold as they are, and calls go on as long as they fit into them. If it is meant to be, nobody has to act; no other mail comes of it for this day, whatever is spent.`;

const lineOf = (event: AnomalyDetected): string =>
  `  ${cut(whoWords(event)).padEnd(NAME_COLUMN)} ${about(event.spent_usd)} on ${event.day}, usually ${about(event.usual_usd)}`;

function whoWords({ scope: { type, id } }: AnomalyDetected): string {
  if (type === 'org') return 'the organisation';
  return type === 'user' ? id : `${type} ${id}`;
}

function shortWho({ type, id }: AnomalyDetected['scope']): string {
  if (type === 'org') return 'the organisation';
  const kind = type === 'user' ? '' : `${type} `;
  return `${kind}${asciiName(id, NAME_LENGTH_MAX - kind.length)}`;
}

function causeLines({ scope, causes, spent_usd }: AnomalyDetected): string[] {
  const spent = usd(spent_usd);
  const lines = causes.map(({ user, app, feature, model, cost_usd }) => {
    const whose = scope.type === 'user' ? '' : `${user ?? `app ${app}`}: `;
    return { name: `${whose}${app}/${feature} with ${model}`, cost: usd(cost_usd) };
  });
  const rest = spent - lines.reduce((sum, { cost }) => sum + cost, 0n);
  return [...lines, ...(rest > 0n ? [{ name: 'everything else', cost: rest }] : [])].map(
    ({ name, cost }) =>
      `  ${cut(name).padEnd(NAME_COLUMN)} ${aboutWords('usd', cost)} (${shareWords(cost, spent)})`,
  );
}

const cut = (name: string): string =>
  name.length <= NAME_COLUMN ? name : `${name.slice(0, NAME_COLUMN - 3)}...`;

function about(amount: string): string {
  const exact = usd(amount);
  return exact < SHOWN_MIN ? 'less than $0.0001' : aboutWords('usd', exact);
}
const SHOWN_MIN = usd('0.0001');

/** "6.9 times". */
function timesWords({ spent_usd, usual_usd }: AnomalyDetected): string {
  const tenths = divFloor(usd(spent_usd) * 10n, usd(usual_usd));
  if (tenths > TIMES_SHOWN_MAX * 10n) return `over ${TIMES_SHOWN_MAX} times`;
  return `${tenths / 10n}${tenths % 10n === 0n ? '' : `.${tenths % 10n}`} times`;
}

const fromOption = ({ from }: AnomalyDetected): string => instantOption(parseRfc3339(from)!);

function reportCommand(event: AnomalyDetected): string {
  const { type, id } = event.scope;
  return `spendcap report spend ${[...whose(type, id), `--from ${fromOption(event)}`].join(' ')}`;
}

function whose(type: AnomalyDetected['scope']['type'], id: string): string[] {
  switch (type) {
    case 'user':
      return [`--user ${id}`, '--by feature,model'];
    case 'feature': {
      const [app, feature] = id.split('/') as [string, string];
      return [`--app ${app}`, `--feature ${feature}`, '--by user,model'];
    }
    case 'app':
    case 'team':
      return [`--${type} ${id}`, '--by user,feature'];
    case 'org':
      return ['--by team,user'];
  }
}
