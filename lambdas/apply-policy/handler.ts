/**
 * Brings the caps of the policy file into the table: a custom resource of the stack, which CloudFormation updates with
 * each deployment that changed the policy. A repeat changes nothing, and caps that somebody set by the API stand.
 */
import type { Directory } from '../core/directory/directory.ts';
import { applyPolicy } from '../core/policy/apply-policy.ts';
import { parsePolicy } from '../core/policy/policy.ts';
import { sha256 } from '../core/request-ids.ts';
import { openAwsBooks } from '../runtime/aws-books.ts';
import { systemClock } from '../runtime/clock.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput, type Log } from '../runtime/log.ts';
import { createCustomResource, putAnswer } from './custom-resource.ts';

/** The policy file's content, put here by the bundler. */
declare const SPENDCAP_POLICY: unknown;

export const handler = createHandler({
  policy: () => SPENDCAP_POLICY,
  directory: () => openAwsBooks(readEnvironment({ TABLE_NAME: text }, process.env).TABLE_NAME).directory,
  log: standardOutput,
});

/** What it throws fails the deployment: a policy that cannot be applied is not in force. */
export function createHandler({
  policy,
  directory,
  log,
  send = putAnswer,
}: {
  policy: () => unknown;
  directory: () => Directory;
  log: Log;
  send?: typeof putAnswer;
}) {
  return createCustomResource({
    ...{ physicalId: 'spendcap-policy', send, clock: systemClock },
    put: async ({ PolicySha256 }) => {
      try {
        // The new code may not be everywhere yet, and the old policy must not pass for the new one.
        if (PolicySha256 !== (await sha256(JSON.stringify(policy()))))
          throw new Error('The function still has another policy than this deployment. Deploy again.');
        log({ kind: 'policy_applied', ...(await applyPolicy(directory(), parsePolicy(policy()))) });
      } catch (error) {
        log({ kind: 'policy_not_applied', reason: String(error) });
        throw error;
      }
    },
  });
}
