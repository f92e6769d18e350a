/**
 * The canary as a scheduled Lambda function. It says how it went as a metric, and fails where the promise was not
 * seen to hold, whatever the reason: a canary that cannot ask is no proof.
 */
import * as z from 'zod';
import type { Clock } from '../core/ports.ts';
import { systemClock } from '../runtime/clock.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { standardOutput, withMetrics, type Log } from '../runtime/log.ts';
import { secretReader } from '../runtime/secret-reader.ts';
import { probeCap, type ProbeTarget, type Verdict } from './probe.ts';

export const handler = createHandler({ target: awsTarget, clock: systemClock, log: standardOutput });

export class CanaryFailed extends Error {
  override name = 'CanaryFailed';
}

/** Throws CanaryFailed, after the metric was written. */
export function createHandler({
  target,
  clock,
  log,
}: {
  target: () => Promise<ProbeTarget>;
  clock: Clock;
  log: Log;
}) {
  return async (): Promise<void> => {
    let verdict: Verdict;
    try {
      verdict = await probeCap(await target());
    } catch (error) {
      verdict = { kind: 'failed', reason: String(error) };
    }
    const { kind, ...facts } = verdict;
    const metrics = { CanaryFailed: kind === 'held' ? 0 : 1 };
    log({ kind: `canary_${kind}`, ...facts, ...withMetrics('canary', clock.now(), metrics) });
    if (verdict.kind === 'failed') throw new CanaryFailed(verdict.reason);
  };
}

/** Read anew at each run, so that a key that was just put in is in use a quarter of an hour later at most. */
async function awsTarget(): Promise<ProbeTarget> {
  const { GATEWAY_URL, CANARY_SECRET_ARN } = readEnvironment(
    { GATEWAY_URL: z.url(), CANARY_SECRET_ARN: text },
    process.env,
  );
  return { gatewayUrl: GATEWAY_URL, key: parseCanaryKey(await secretReader(CANARY_SECRET_ARN)()) };
}

const secretSchema = z.object({ key: z.string().min(1) });

/** Throws without showing anything of the text. */
export function parseCanaryKey(secret: string): string {
  let value: unknown;
  try {
    value = JSON.parse(secret);
  } catch {
    throw new Error('the secret with the canary’s key is no JSON');
  }
  const parsed = secretSchema.safeParse(value);
  if (!parsed.success) throw new Error('the secret has no key for the canary yet: see docs/deploy.md');
  return parsed.data.key;
}
