/** The mail to who approves: everything to decide by, and one link. */
import { amountWords, aboutWords, asciiName, capitalised, instantWords } from '../mail-words.ts';
import { windowWords } from '../caps/windows.ts';
import type { Mail } from '../ports.ts';
import type { GrantRecord } from './grant.ts';
import type { Outlook } from './outlook.ts';

/** Two names, an amount and a few words fit into a subject. */
const NAME_LENGTH_MAX = 23;

export function grantMail(grant: GrantRecord, outlook: Outlook, link: string): Mail {
  const { id, metric, cap, window, windowEnds, principal, amount, requestedAt, answerBy } = grant;
  const { limit, effectiveLimit, settled, reserved, remaining } = outlook;
  const words = (some: bigint): string => amountWords(metric, some);
  const overage = effectiveLimit === limit ? '' : `, ${words(effectiveLimit)} with overage and grants`;
  const who = `${principal.type} ${principal.id}`;
  const text = `${capitalised(who)} asks for ${words(amount)} more under the cap "${cap}".

Reason    ${oneLine(grant.reason)}

Cap       ${cap}: ${words(limit)}${windowWords(window)}${overage}${outlook.isShared ? `, shared by the ${grant.scope.type} ${grant.scope.id}` : ''}
Settled   ${outlook.isShared ? 'at least ' : ''}${words(settled)}
Reserved  ${words(reserved)}${outlook.isShared ? ' with callers: held, free for their next calls, or just spent' : ' by calls in flight'}
Left      ${words(remaining)}
${paceLine(grant, outlook)}Resets    ${windowEnds === null ? 'never: the cap is for the lifetime' : `${window.startsWith('rolling_') ? 'little by little, until ' : ''}${instantWords(windowEnds)}`}
Asked     ${instantWords(requestedAt)}

What happens next
Calls that do not fit into what is left are refused until then.
If you approve, the limit is raised at once, until the end that you choose${windowEnds === null ? '' : ', and no longer than the window'}; the cap itself stays as it is.
Without a decision until ${instantWords(answerBy)} the request expires, and nothing changes. ${principal.id} hears of each with the next call.

Decide here. To open the page changes nothing. The link is yours alone: whoever has it can decide in your name.

${link}

Request ${id}
`;
  return {
    id,
    subject: `Spendcap: ${asciiName(principal.id, NAME_LENGTH_MAX)} asks for ${words(amount)} more on ${asciiName(cap, NAME_LENGTH_MAX)}`,
    text,
  };
}

function paceLine({ metric, windowEnds }: GrantRecord, { pace, effectiveLimit }: Outlook): string {
  if (!pace || windowEnds === null) return '';
  const end = aboutWords(metric, pace.atEnd);
  const share = pace.atEnd > effectiveLimit ? ', above the limit' : '';
  return `Pace      ${aboutWords(metric, pace.perDay)} a day; at this pace ${end} by the end of the window${share}\n`;
}

/** What somebody wrote: no line of it passes for one of ours, and no address of theirs becomes a link. */
export const oneLine = (text: string): string =>
  text
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .replaceAll(/(?:\b[a-z][a-z+.-]*:\/\/|\bwww\.)\S+/gi, '(a link, which the page shows)');
