/**
 * Around a request for more: a new one starts an execution, which asks the approver by mail and waits under a task token;
 * a decision, or its time, lets it go on, and it sees that the decision was carried out. A schedule sees to what nobody
 * waits for any more.
 */
import * as z from 'zod';
import type { ApprovalLinks } from '../adapters/approval-link/approval-links.ts';
import { APPROVE_PATH } from '../approve/app.ts';
import type { Directory } from '../core/directory/directory.ts';
import { grantRequestedSchema, type GrantRequested } from '../core/events/grants.ts';
import type { GrantDesk } from '../core/grants/grant-desk.ts';
import { grantMail } from '../core/grants/mail.ts';
import { outlookOf } from '../core/grants/outlook.ts';
import type { Ledger } from '../core/ledger/ledger.ts';
import type { Clock, FinanceMail, TaskTokens } from '../core/ports.ts';

export interface AskApproverDeps {
  grants: GrantDesk;
  ledger: Ledger;
  directory: Directory;
  clock: Clock;
  links: ApprovalLinks;
  mail: FinanceMail;
  waiting: TaskTokens;
  /** Address that the mail goes to, and in whose name its link decides. */
  approver: string;
  /** Where the approval page is, without a slash at its end. */
  url: () => string;
  /** Resolves when an execution of that name runs, or has run. */
  start: (name: string, input: GrantRequested) => Promise<void>;
}

const inputSchema = z.union([
  z.strictObject({ action: z.literal('ask'), grant: z.string(), task_token: z.string() }),
  z.strictObject({ action: z.literal('close'), grant: z.string() }),
  z.strictObject({ action: z.literal('sweep') }),
  /** From the rule; EventBridge adds members of its own. */
  z.object({ detail: grantRequestedSchema }),
]);

export function createAskApprover(deps: AskApproverDeps): (input: unknown) => Promise<object> {
  return async (input) => {
    const given = inputSchema.parse(input);
    if ('detail' in given) {
      await deps.start(given.detail.id, given.detail);
      return { started: given.detail.id };
    }
    switch (given.action) {
      case 'ask':
        return ask(deps, given.grant, given.task_token);
      case 'close':
        return { status: (await deps.grants.close(given.grant))?.state ?? 'unknown' };
      case 'sweep':
        return { closed: await deps.grants.sweep() };
    }
  };
}

/** The token is noted before the mail leaves, so that no decision can come without somebody to hear of it. */
async function ask(deps: AskApproverDeps, id: string, taskToken: string): Promise<object> {
  const { grants, waiting } = deps;
  for (;;) {
    // Who could not be asked in time is not asked.
    await grants.close(id);
    const grant = await grants.records.get(id);
    if (!grant || grant.state !== 'requested') {
      await waiting.end(taskToken, { status: grant?.state ?? 'unknown' });
      return { asked: false };
    }
    const noted = await grants.records.change(grant, { ...grant, taskToken });
    if (!noted) continue;
    if (noted.mailedAt !== undefined) return { asked: true };
    await mailApprover(deps, noted);
    // Another change came first: then a repeat may mail once more.
    await grants.records.change(noted, { ...noted, mailedAt: deps.clock.now() });
    return { asked: true };
  }
}

type Grant = NonNullable<Awaited<ReturnType<GrantDesk['records']['get']>>>;

/** Nobody is asked about a cap that is gone. */
async function mailApprover(deps: AskApproverDeps, grant: Grant): Promise<void> {
  const { ledger, directory, clock, links, mail, approver, url } = deps;
  const cap = await directory.getCap(grant.cap);
  if (cap?.account !== grant.account) return;
  const outlook = await outlookOf(ledger, grant, cap, clock.now());
  const token = await links.sign({ grant: grant.id, recipient: approver }, grant.answerBy);
  await mail.send(grantMail(grant, outlook, `${url()}${APPROVE_PATH}?token=${token}`));
}
