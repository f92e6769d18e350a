/** What nobody waits for: reported, unless it is told for a client that left. */
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { installAwsLambda, ResponseWire } from '../support/awslambda-shim.ts';

installAwsLambda();
const { sendAnswer } = await import('../../lambdas/runtime/send-answer.ts');
const { reportStrayFailures } = await import('../../lambdas/runtime/stray-failures.ts');

const reports: string[] = [];
const listeners = new Map<string | symbol, (error: unknown) => void>();
beforeEach(() => {
  reports.length = 0;
  vi.spyOn(process, 'on').mockImplementation((name, listener) => {
    listeners.set(name, listener);
    return process;
  });
  reportStrayFailures((reason) => reports.push(reason));
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('a failure that nobody waits for', () => {
  it('is reported, and the container goes on', () => {
    listeners.get('unhandledRejection')!(new Error('forgotten'));
    expect(reports).toEqual(['a promise that nobody awaits: Error: forgotten']);
  });

  it('is reported before it ends the process', () => {
    listeners.get('uncaughtExceptionMonitor')!(new TypeError('of ours'));
    expect(reports).toEqual(['the process ends: TypeError: of ours']);
  });

  it('is none of ours where the connection to Lambda broke', async () => {
    const wire = new ResponseWire();
    const lost: unknown[] = [];
    wire.on('error', (error) => lost.push(error));
    const body = new Readable({ read: () => undefined });
    const sent = sendAnswer({ statusCode: 200, headers: {}, body }, wire, new AbortController().signal);
    wire.cut();
    await expect(sent).rejects.toThrow('the client left');
    for (const error of lost) listeners.get('unhandledRejection')!(error);
    expect([lost.length, reports]).toEqual([1, []]);
  });
});
