/** The files that Lambda loads: each reads its environment once, and says what it lacks. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const HANDLERS: [string, () => Promise<{ handler: unknown }>, string][] = [
  ['change-feed', () => import('../../lambdas/change-feed/handler.ts'), 'EVENT_BUS_NAME'],
  ['escalate', () => import('../../lambdas/escalate/handler.ts'), 'STATE_MACHINE_ARN'],
];

beforeEach(() => {
  vi.resetModules();
  vi.stubEnv('AWS_REGION', 'eu-north-1');
  vi.stubEnv('TABLE_NAME', 'spendcap');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

it.each(HANDLERS)('%s starts with its environment', async (_name, load, variable) => {
  vi.stubEnv(variable, 'arn:aws:something');
  expect(typeof (await load()).handler).toBe('function');
});

it.each(HANDLERS)('%s names what is missing', async (_name, load, variable) => {
  await expect(load()).rejects.toThrow(variable);
});
