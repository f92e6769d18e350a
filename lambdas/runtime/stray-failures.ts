/**
 * Failures that nobody waits for. Node ends the process for a rejected promise that nobody looks at, and a call that
 * was paid would not be charged until the collector comes by: it is reported instead, and the container goes on. Where
 * an error ends the process all the same, it is reported first.
 */
import { isLostConnection } from './send-answer.ts';

export function reportStrayFailures(report: (reason: string) => void): void {
  process.on('unhandledRejection', (error) => {
    // Lambda's client leaves two of them behind when its connection breaks; the call sees that by itself.
    if (!isLostConnection(error)) report(`a promise that nobody awaits: ${String(error)}`);
  });
  process.on('uncaughtExceptionMonitor', (error) => report(`the process ends: ${String(error)}`));
}
