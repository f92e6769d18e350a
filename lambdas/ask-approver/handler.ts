/** Asking the approver on Lambda: invoked by the rule, by the state machine and by a schedule. */
import { SFNClient } from '@aws-sdk/client-sfn';
import { BACKGROUND_SILENCE_MS_MAX, timeLimits } from '../adapters/aws-time-limits.ts';
import { parsePolicy } from '../core/policy/policy.ts';
import { startOnStepFunctions } from '../adapters/step-functions/start-execution.ts';
import { approvalsEnvironment, openApprovals } from '../runtime/approvals.ts';
import { openFinanceMail } from '../runtime/aws-news.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { createAskApprover } from './ask-approver.ts';

/** The policy file's content; the bundler puts it here, so that the code and its policy are deployed as one. */
declare const SPENDCAP_POLICY: unknown;

/** Where the policy names nobody, whoever subscribed to the topic decides in this name. */
const NOBODY_NAMED = 'finance';

const settings = readEnvironment(
  { ...approvalsEnvironment, STATE_MACHINE_ARN: text, FINANCE_TOPIC_ARN: text, GATEWAY_URL: text },
  process.env,
);

export const handler = createAskApprover({
  ...openApprovals(settings),
  mail: openFinanceMail(settings.FINANCE_TOPIC_ARN),
  approver: parsePolicy(SPENDCAP_POLICY).org.financeEmail ?? NOBODY_NAMED,
  url: () => settings.GATEWAY_URL.replace(/\/$/, ''),
  start: startOnStepFunctions(
    new SFNClient(timeLimits(BACKGROUND_SILENCE_MS_MAX)),
    settings.STATE_MACHINE_ARN,
  ),
});
