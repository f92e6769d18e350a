/**
 * A message of a dead-letter queue, read. AWS writes three kinds: an event source's tells which records of a stream
 * failed and not what they say, a function's own has what it was given and how it failed, and those of the bus and of
 * the scheduler are what they could not deliver, with the reason beside it. Webhooks' are deliveries.
 */
import * as z from 'zod';
import { epochMs, type EpochMs } from '../brands.ts';
import { parseRfc3339 } from '../time.ts';
import { ATTEMPTS_MAX } from '../webhooks/delivery.ts';

export interface Letter {
  body: string;
  /** When it was put there. */
  sentAt: EpochMs;
  /** What whoever put it there wrote beside it. */
  attributes: Record<string, string>;
}

export type LetterContent =
  /** Records of the table's stream, which came into it in this time. */
  | { kind: 'records'; from: EpochMs; to: EpochMs; reason: string }
  /** What was to be worked. */
  | { kind: 'input'; input: unknown; reason: string }
  | { kind: 'unreadable'; reason: string };

/** Attribute of a webhook's message: why its last attempt failed. */
export const REASON_ATTRIBUTE = 'reason';

const instant = z.string().transform((text, context) => {
  const at = parseRfc3339(text);
  if (at === undefined) context.issues.push({ code: 'custom', message: 'not an instant', input: text });
  return at ?? epochMs(0);
});

const context = z.object({ condition: z.string() });

const recordsSchema = z.object({
  requestContext: context,
  DDBStreamBatchInfo: z.object({
    approximateArrivalOfFirstRecord: instant,
    approximateArrivalOfLastRecord: instant,
  }),
});

const failureSchema = z.object({
  requestContext: context,
  requestPayload: z.unknown().refine((payload) => payload !== undefined),
  responsePayload: z.object({ errorMessage: z.string() }).optional().catch(undefined),
});

export function readLetter({ body, attributes }: Letter): LetterContent {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { kind: 'unreadable', reason: 'it is no JSON' };
  }
  const records = recordsSchema.safeParse(json);
  if (records.success) {
    const { requestContext, DDBStreamBatchInfo: batch } = records.data;
    return {
      kind: 'records',
      from: batch.approximateArrivalOfFirstRecord,
      to: batch.approximateArrivalOfLastRecord,
      reason: requestContext.condition,
    };
  }
  const failure = failureSchema.safeParse(json);
  if (failure.success) {
    const { requestContext, requestPayload: input, responsePayload } = failure.data;
    const said = responsePayload && `: ${responsePayload.errorMessage}`;
    return { kind: 'input', input, reason: `${requestContext.condition}${said ?? ''}` };
  }
  return { kind: 'input', input: json, reason: reasonBeside(attributes) };
}

/** EventBridge's rules and schedules write the first two. */
function reasonBeside({
  ERROR_CODE: code,
  ERROR_MESSAGE: said,
  [REASON_ATTRIBUTE]: own,
}: Letter['attributes']) {
  if (code !== undefined) return said === undefined ? code : `${code}: ${said}`;
  return own ?? `not taken in ${ATTEMPTS_MAX} attempts`;
}
