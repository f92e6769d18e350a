/**
 * The policy of this Spendcap: who may spend what. The same file drives the local server and `cdk deploy`.
 * Every member is explained in lambdas/core/policy/policy.ts; what is left out has the default written there.
 */
import { definePolicy } from './lambdas/core/policy/policy.ts';

export default definePolicy({
  org: { name: 'Example' },
  plans: {
    // Each user who has no usd cap of their own.
    default: { caps: [{ id: 'default-user', metric: 'usd', window: 'month', limit: '5.00' }] },
  },
});
