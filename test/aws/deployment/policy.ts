/**
 * The policy file of the deployment: two price feeds of the test, an app whose answers are stored, a model that may stand in
 * for another, two ladders, and a subscriber by webhook.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { definePolicy } from '../../../lambdas/core/policy/policy.ts';
import type { FeedServer } from '../../support/feed-server.ts';

export const STORING_APP = 'archive';
/** A name that is in no DNS: see webhooks-to-loopback.mjs. */
export const SUBSCRIBER = { id: 'chat', url: 'https://hooks.example.com/spendcap' };

/** Ladders: one that is soon full, and one that waits. */
export const STEEP = 'steep';
export const PATIENT = 'patient';
export const GRACE_MINUTES = 1;

/** Resolves to its path. */
export function writePolicy(folder: string, feeds: FeedServer): string {
  const policy = definePolicy({
    org: { name: 'Example', financeEmail: 'finance@example.com' },
    apps: [{ id: STORING_APP, team: 'web', storeAnswers: { retentionHours: 1 } }],
    modelTiers: [['gpt-4o', 'gpt-4o-mini']],
    ladders: {
      [STEEP]: { throttle: { requestsPerMinute: 1 } },
      [PATIENT]: { throttle: { graceMinutes: GRACE_MINUTES } },
    },
    webhooks: [
      {
        ...SUBSCRIBER,
        events: [
          ...(['CapThresholdCrossed', 'StageChanged', 'CapReached'] as const),
          ...(['GrantRequested', 'GrantApproved', 'GrantDenied', 'GrantExpired'] as const),
        ],
      },
    ],
    priceFeeds: [
      { family: 'genai-prices', url: `${feeds.url}/genai` },
      { family: 'litellm', url: `${feeds.url}/litellm` },
    ],
  });
  const file = join(folder, 'policy.json');
  writeFileSync(file, JSON.stringify(policy));
  return file;
}
