/** The page of one request: the facts, and what can be decided. It works without scripts, and has none. */
import type { HtmlEscapedString } from 'hono/utils/html';
import { html, raw } from 'hono/html';
import type { EpochMs } from '../core/brands.ts';
import { inMetric } from '../core/caps/amounts.ts';
import { endOf, type GrantRecord } from '../core/grants/grant.ts';
import { REASON_LENGTH_MAX } from '../core/grants/limits.ts';
import type { Outlook } from '../core/grants/outlook.ts';
import { aboutWords, amountWords, instantWords } from '../core/mail-words.ts';
import { windowWords } from '../core/caps/windows.ts';
import { choicesFor } from './choices.ts';
import { STYLE } from './style.ts';

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** What somebody filled in, to be shown again where it cannot be taken. */
export interface Filled {
  amount?: string | undefined;
  until?: string | undefined;
  denial?: string | undefined;
}

export interface RequestPage {
  org: string;
  grant: GrantRecord;
  /** Undefined where the cap is gone. */
  outlook: Outlook | undefined;
  recipient: string;
  /** False where the one who asked is the one who has the link. */
  mayDecide: boolean;
  now: EpochMs;
  problem?: string | undefined;
  filled?: Filled | undefined;
}

export function requestPage(page: RequestPage): Html {
  const { org, grant, outlook, problem, recipient } = page;
  const who = grant.principal.id;
  const asked = amountWords(grant.metric, grant.amount);
  const isOpen = grant.state === 'requested' && page.now < grant.answerBy;
  return whole(
    `${who} asks for ${asked} more`,
    html`<p class="org">${org} · request for more budget</p>
      <h1>${who} asks for ${asked} more</h1>
      ${problem === undefined ? '' : html`<p class="note bad" role="alert">${problem}</p>`}
      ${isOpen ? '' : outcome(grant)}
      <blockquote><p>${grant.reason}</p></blockquote>
      ${outlook ? standing(grant, outlook) : html`<p>The cap "${grant.cap}" is gone, or means something else now.</p>`}
      ${!isOpen ? '' : page.mayDecide ? forms(page) : ownRequest(who)}`,
    html`This page is for ${recipient}. Request ${grant.id}`,
  );
}

/** For whoever has no link that is any good. */
export function plainPage(title: string, text: string): Html {
  return whole(
    title,
    html`<h1>${title}</h1>
      <p>${text}</p>`,
    html`Spendcap`,
  );
}

const whole = (title: string, body: Html, footer: Html): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title}</title>
        ${raw(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <main>${body}</main>
        <footer>${footer}</footer>
      </body>
    </html>`;

function outcome(grant: GrantRecord): Html {
  const { decision, metric, answerBy } = grant;
  switch (decision?.kind) {
    case 'approved': {
      const amount = amountWords(metric, decision.amount);
      const end = instantWords(endOf(grant, decision.expiresAt));
      return html`<p class="note good" role="status">
        Approved by ${decision.by} at ${instantWords(decision.at)}: the limit is ${amount} higher until
        ${end}.
      </p>`;
    }
    case 'denied':
      return html`<p class="note bad" role="status">
        Denied by ${decision.by} at ${instantWords(decision.at)}: ${decision.reason}
      </p>`;
    case 'expired':
    case undefined:
      return html`<p class="note bad" role="status">
        Nobody decided until ${instantWords(answerBy)}, so the request has expired, and nothing has changed.
      </p>`;
  }
}

function standing(
  { state, cap, metric, window, windowEnds, scope, requestedAt, answerBy }: GrantRecord,
  outlook: Outlook,
): Html {
  const { limit, effectiveLimit, settled, reserved, remaining, pace, isShared } = outlook;
  const words = (amount: bigint): string => amountWords(metric, amount);
  const row = (name: string, value: string): Html =>
    html`<dt>${name}</dt>
      <dd>${value}</dd>`;
  return html`${bar(outlook)}
    <dl>
      ${row('Cap', `${cap}: ${words(limit)}${windowWords(window)}${effectiveLimit === limit ? '' : `, ${words(effectiveLimit)} with overage and grants`}`)}
      ${isShared ? row('Shared by', scope.type === 'org' ? 'the organisation' : `the ${scope.type} ${scope.id}`) : ''}
      ${row('Settled', `${isShared ? 'at least ' : ''}${words(settled)}`)}
      ${row('Reserved', `${words(reserved)} ${isShared ? 'with callers: held, free for their next calls, or just spent' : 'by calls in flight'}`)}
      ${row('Left', words(remaining))}
      ${pace ? row('Pace', `${aboutWords(metric, pace.perDay)} a day; at this pace ${aboutWords(metric, pace.atEnd)} by the end of the window`) : ''}
      ${row('Resets', windowEnds === null ? 'never: the cap is for the lifetime' : instantWords(windowEnds))}
      ${row('Asked', instantWords(requestedAt))}
      ${state === 'requested' ? row('Answer by', instantWords(answerBy)) : ''}
    </dl>`;
}

/** Settled, reserved and left, as shares of the limit. */
function bar({ effectiveLimit, settled, reserved }: Outlook): Html {
  if (effectiveLimit <= 0n) return html``;
  const percent = (amount: bigint): number => Number((amount * 1000n) / effectiveLimit) / 10;
  const used = Math.min(100, percent(settled));
  const held = Math.min(100 - used, percent(reserved));
  return html`<svg role="img" aria-label="${used}% settled, ${held}% reserved" preserveAspectRatio="none">
    <rect class="left" width="100%" height="100%" />
    <rect class="held" width="${used + held}%" height="100%" />
    <rect class="used" width="${used}%" height="100%" />
  </svg>`;
}

const ownRequest = (who: string): Html =>
  html`<p class="note bad" role="status">
    This is ${who}’s own request, so it is not decided by this link. Somebody else who administers Spendcap
    can decide.
  </p>`;

function forms({ grant, now, filled = {} }: RequestPage): Html {
  const who = grant.principal.id;
  const amount = filled.amount ?? inMetric(grant.metric, grant.amount);
  const choices = choicesFor(grant, now);
  const chosen = filled.until ?? choices[0]!.value;
  return html`<section aria-labelledby="approve">
      <h2 id="approve">Approve</h2>
      <form method="post">
        <div>
          <label for="amount"
            >How much more, in ${grant.metric === 'usd' ? 'US dollars' : grant.metric}</label
          >
          <input
            class="amount"
            id="amount"
            name="amount"
            type="text"
            inputmode="decimal"
            autocomplete="off"
            required
            value="${amount}"
          />
        </div>
        <fieldset>
          <legend>For how long</legend>
          ${choices.map(
            ({ value, label }) =>
              html`<label class="pick"
                ><input
                  type="radio"
                  name="until"
                  value="${value}"
                  required
                  ${value === chosen ? 'checked' : ''}
                />${label}</label
              >`,
          )}
        </fieldset>
        <label class="pick"
          ><input type="checkbox" name="not_mine" value="yes" required />I am not ${who}, who asked for
          this.</label
        >
        <button name="decision" value="approve">Approve</button>
        <p class="hint">In force at once. The cap itself stays as it is.</p>
      </form>
    </section>
    <section aria-labelledby="deny">
      <h2 id="deny">Deny</h2>
      <form method="post">
        <div>
          <label for="denial">Why not? ${who} reads this.</label>
          <textarea id="denial" name="reason" rows="2" maxlength="${REASON_LENGTH_MAX}" required>
${filled.denial ?? ''}</textarea>
        </div>
        <button class="plain" name="decision" value="deny">Deny</button>
      </form>
    </section>`;
}
