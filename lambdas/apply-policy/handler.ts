/**
 * Brings the caps of the policy file into the table. Run at each deployment: the policy is part of the bundle, so a new
 * policy is a new function. A repeat changes nothing, and caps that somebody set by the API stand.
 */
import type { Directory } from '../core/directory/directory.ts';
import { applyPolicy, type AppliedPolicy } from '../core/policy/apply-policy.ts';
import { parsePolicy, type Policy } from '../core/policy/policy.ts';
import { openAwsBooks } from '../runtime/aws-books.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput, type Log } from '../runtime/log.ts';

/** The policy file's content, put here by the bundler. */
declare const SPENDCAP_POLICY: unknown;

export const handler = createHandler({
  policy: () => parsePolicy(SPENDCAP_POLICY),
  directory: () => openAwsBooks(readEnvironment({ TABLE_NAME: text }, process.env).TABLE_NAME).directory,
  log: standardOutput,
});

/** What it throws fails the deployment: a policy that cannot be applied is not in force. */
export function createHandler(deps: { policy: () => Policy; directory: () => Directory; log: Log }) {
  return async (): Promise<AppliedPolicy> => {
    const applied = await applyPolicy(deps.directory(), deps.policy());
    deps.log({ kind: 'policy_applied', ...applied });
    return applied;
  };
}
