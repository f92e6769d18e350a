/** The approval page as a Lambda function behind API Gateway. */
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { parsePolicy } from '../core/policy/policy.ts';
import { approvalsEnvironment, openApprovals } from '../runtime/approvals.ts';
import { readEnvironment } from '../runtime/environment.ts';
import { operatorLine, standardOutput, type Log } from '../runtime/log.ts';
import { bufferedAnswer, type BufferedAnswer } from '../runtime/rest-answer.ts';
import { isProxyEvent, requestFrom } from '../runtime/rest-event.ts';
import { createApproveApp, type ApproveDeps } from './app.ts';

/** The policy file's content; the bundler puts it here, so that the code and its policy are deployed as one. */
declare const SPENDCAP_POLICY: unknown;

export const handler = createHandler({ approvals: openOnAws, log: standardOutput });

type Parts = Omit<ApproveDeps, 'report'>;

function openOnAws(): Parts {
  const { org } = parsePolicy(SPENDCAP_POLICY);
  return { ...openApprovals(readEnvironment(approvalsEnvironment, process.env)), org: org.name };
}

/** A mistake in the environment is logged as every failure is; the token is in no log. */
export function createHandler({ approvals, log }: { approvals: () => Parts; log: Log }) {
  const report = (reason: string): void =>
    log(operatorLine('approve', Date.now(), { kind: 'failed', requestId: '', reason }));
  let app: ReturnType<typeof createApproveApp> | undefined;
  return async (event: APIGatewayProxyEvent): Promise<BufferedAnswer | undefined> => {
    if (!isProxyEvent(event)) return undefined;
    try {
      app ??= createApproveApp({ ...approvals(), report });
    } catch (error) {
      report(String(error));
      throw error;
    }
    return bufferedAnswer(await app.fetch(requestFrom(event)));
  };
}
