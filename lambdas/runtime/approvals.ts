/** What both functions around an approval are made of on AWS. */
import { SFNClient } from '@aws-sdk/client-sfn';
import { ApprovalLinks } from '../adapters/approval-link/approval-links.ts';
import { BACKGROUND_SILENCE_MS_MAX, timeLimits } from '../adapters/aws-time-limits.ts';
import { StepFunctionsTokens } from '../adapters/step-functions/task-tokens.ts';
import { GrantDesk } from '../core/grants/grant-desk.ts';
import { openAwsBooks, type Books } from './aws-books.ts';
import { CachedSecret } from './cached-secret.ts';
import { systemClock as clock } from './clock.ts';
import { text } from './environment.ts';
import { standardOutput } from './log.ts';
import { secretReader } from './secret-reader.ts';

export const approvalsEnvironment = { TABLE_NAME: text, APPROVAL_KEY_SECRET_ARN: text };

export function openApprovals(settings: { TABLE_NAME: string; APPROVAL_KEY_SECRET_ARN: string }) {
  const books = openAwsBooks(settings.TABLE_NAME);
  const secret = new CachedSecret({
    clock,
    parse: (key) => key,
    read: secretReader(settings.APPROVAL_KEY_SECRET_ARN),
  });
  const links = new ApprovalLinks({ secret: () => secret.current() });
  return { ...books, links, ...openGrantDesk(books) };
}

export function openGrantDesk(books: Books) {
  const waiting = new StepFunctionsTokens({
    client: new SFNClient(timeLimits(BACKGROUND_SILENCE_MS_MAX)),
    report: (reason) => standardOutput({ kind: 'execution_not_told', reason }),
  });
  return { waiting, grants: new GrantDesk({ ...books, waiting }) };
}
