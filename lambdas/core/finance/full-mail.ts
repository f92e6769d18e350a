/** The mail of one crossing, whole: as the event has it, with what the money went on and where to see more. */
import type { CapThresholdCrossed } from '../events/cap-threshold-crossed.ts';
import { aboutWords, instantOption, instantWords, shareWords } from '../mail-words.ts';
import type { Mail } from '../ports.ts';
import { parseRfc3339 } from '../time.ts';
import { windowStart, type Cause, type Causes } from './causes.ts';

const NEXT = '\n\nWhat happens next\n';
const END = '\n\nEvent ';
const NAME_LENGTH = 40;

export function fullMail(
  event: CapThresholdCrossed,
  { causes, moreUrl }: { causes: Causes | undefined; moreUrl: string | undefined },
): Mail {
  const { id, mail } = event;
  const text = mail.text
    .replace(NEXT, () => `${causes ? causesText(event, causes) : ''}${NEXT}`)
    .replace(END, () => `\n\nSee more: ${moreUrl ?? reportCommand(event)}${END}`);
  return { id, subject: mail.subject, text };
}

function causesText({ metric, window, principal }: CapThresholdCrossed, causes: Causes): string {
  const { since, top, count, total } = causes;
  const line = ({ name, amount }: Cause): string =>
    `  ${shortened(name).padEnd(NAME_LENGTH)} ${aboutWords(metric, amount)} (${shareWords(amount, total)})`;
  const rest = total - top.reduce((sum, { amount }) => sum + amount, 0n);
  return [
    `\n\n${principal === null ? 'Who used most' : 'What it went on'}${window === 'lifetime' ? ', of the last 31 days' : ''}, since ${instantWords(since)}`,
    ...top.map(line),
    ...(count > top.length ? [line({ name: `${count - top.length} more`, amount: rest })] : []),
  ].join('\n');
}

const shortened = (name: string): string =>
  name.length <= NAME_LENGTH ? name : `${name.slice(0, NAME_LENGTH - 3)}...`;

/** The same on the command line. */
function reportCommand(event: CapThresholdCrossed): string {
  const from = instantOption(windowStart(event, parseRfc3339(event.at)!));
  return `spendcap report spend ${[...whose(event), `--from ${from}`].join(' ')}`;
}

function whose({ principal, scope }: CapThresholdCrossed): string[] {
  if (principal !== null) return [`--${principal.type} ${principal.id}`, '--by feature,model'];
  return [...(['team', 'app'].includes(scope.type) ? [`--${scope.type} ${scope.id}`] : []), '--by user'];
}
