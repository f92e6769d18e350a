/**
 * A function as a custom resource of CloudFormation. A stack waits for the answer and knows nothing but it, so
 * whatever happens is answered: also a mistake in the environment, and time that runs out.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html (checked 2026-11-25)
 */
import * as z from 'zod';
import type { Clock } from '../core/ports.ts';
import { startDeadline } from '../runtime/deadline.ts';

const eventSchema = z.object({
  RequestType: z.enum(['Create', 'Update', 'Delete']),
  /** Signed for one PUT; whoever has it may answer, so it stays out of logs. */
  ResponseURL: z.url(),
  StackId: z.string(),
  RequestId: z.string(),
  LogicalResourceId: z.string(),
  ResourceProperties: z.record(z.string(), z.unknown()),
});

export interface CustomResource {
  /** The same for ever: with another one CloudFormation deletes the resource that it takes for the old one. */
  physicalId: string;
  /** Creates and updates; the message of what it throws is what the deployment ends with. */
  put: (properties: Record<string, unknown>) => Promise<void>;
  send: (url: string, body: string) => Promise<void>;
  clock: Clock;
}

interface Outcome {
  Status: 'SUCCESS' | 'FAILED';
  Reason?: string;
}

/** Of the 4096 bytes that an answer may have; some letters have three. */
const REASON_LENGTH_MAX = 1000;

export function createCustomResource({ physicalId, put, send, clock }: CustomResource) {
  return async (raw: unknown, context: { getRemainingTimeInMillis(): number }): Promise<void> => {
    const event = eventSchema.parse(raw);
    const deadline = startDeadline(context.getRemainingTimeInMillis(), clock);
    // What was written stays when the resource goes: the books outlive the stack.
    const work = event.RequestType === 'Delete' ? Promise.resolve() : put(event.ResourceProperties);
    const outcome = await Promise.race([
      outcomeOf(work),
      deadline.last.then(() => failure('The time of the function ran out.')),
    ]);
    deadline.clear();
    const { ResponseURL, StackId, RequestId, LogicalResourceId } = event;
    const ids = { PhysicalResourceId: physicalId, StackId, RequestId, LogicalResourceId };
    await send(ResponseURL, JSON.stringify({ ...outcome, ...ids }));
  };
}

const outcomeOf = (work: Promise<void>): Promise<Outcome> =>
  work.then(
    () => ({ Status: 'SUCCESS' }),
    (error: unknown) => failure(error instanceof Error ? error.message : String(error)),
  );

const failure = (reason: string): Outcome => ({
  Status: 'FAILED',
  Reason: reason.slice(0, REASON_LENGTH_MAX),
});

/** Throws where the answer was not taken: Lambda then invokes the function again, twice. */
export async function putAnswer(url: string, body: string): Promise<void> {
  // Bytes: a text would be sent with a content type, and the address is not signed for one.
  const answer = await fetch(url, { method: 'PUT', body: new TextEncoder().encode(body) });
  if (!answer.ok) throw new Error(`CloudFormation did not take the answer: status ${answer.status}`);
}
