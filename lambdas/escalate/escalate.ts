/**
 * Step 9: an event of the bus starts an execution of the ladder under the event's id, and the execution asks for the
 * stage to be set. A rule cannot name an execution; the name is what makes a repeat start nothing.
 */
import * as z from 'zod';
import { capThresholdCrossedSchema, type CapThresholdCrossed } from '../core/events/cap-threshold-crossed.ts';
import { setStage } from '../core/escalation/set-stage.ts';
import type { Directory } from '../core/directory/directory.ts';
import type { Ledger } from '../core/ledger/ledger.ts';
import type { Clock } from '../core/ports.ts';

/** Resolves when an execution of that name runs, or has run. */
export type StartExecution = (name: string, input: CapThresholdCrossed) => Promise<void>;

export interface EscalateDeps {
  ledger: Ledger;
  directory: Directory;
  clock: Clock;
  start: StartExecution;
}

const inputSchema = z.union([
  /** From the machine. */
  z.strictObject({ action: z.literal('set_stage'), event: capThresholdCrossedSchema }),
  /** From the rule; EventBridge adds members of its own. */
  z.object({ detail: capThresholdCrossedSchema }),
]);

export function createEscalate({ start, ...books }: EscalateDeps): (input: unknown) => Promise<object> {
  return async (input) => {
    const given = inputSchema.parse(input);
    if ('action' in given) {
      await setStage(books, given.event);
      return { stage_set: true };
    }
    await start(given.detail.id, given.detail);
    return { started: given.detail.id };
  };
}
