/** The files that Lambda loads: each reads its environment once, and says what it lacks. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const HANDLERS: [string, () => Promise<{ handler: unknown }>, string][] = [
  ['change-feed', () => import('../../lambdas/change-feed/handler.ts'), 'EVENT_BUS_NAME'],
  ['escalate', () => import('../../lambdas/escalate/handler.ts'), 'STATE_MACHINE_ARN'],
  ['mail-finance', () => import('../../lambdas/mail-finance/handler.ts'), 'FINANCE_TOPIC_ARN'],
  ['ask-approver', () => import('../../lambdas/ask-approver/handler.ts'), 'GATEWAY_URL'],
];
/** Of the approvals, beside the one that a case leaves out. */
const OTHERS = ['APPROVAL_KEY_SECRET_ARN', 'FINANCE_TOPIC_ARN', 'STATE_MACHINE_ARN'];

beforeEach(() => {
  vi.resetModules();
  vi.stubEnv('AWS_REGION', 'eu-north-1');
  vi.stubEnv('TABLE_NAME', 'spendcap');
  vi.stubGlobal('SPENDCAP_POLICY', {});
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

it.each(HANDLERS)('%s starts with its environment', async (_name, load, variable) => {
  for (const name of [variable, ...OTHERS]) vi.stubEnv(name, 'arn:aws:something');
  expect(typeof (await load()).handler).toBe('function');
});

it.each(HANDLERS)('%s names what is missing', async (_name, load, variable) => {
  await expect(load()).rejects.toThrow(variable);
});
