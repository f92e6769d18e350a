/**
 * POST /model/{id}/converse and /converse-stream (client-bedrock-runtime 3.1164.0 typings, checked 2026-11-30). The
 * path names the model. Every call carries the id of its hold in `requestMetadata`, which AWS writes into the model
 * invocation log: who reads that log can tell what became of a call that nobody saw the end of (docs/bedrock.md).
 */
import {
  withCost,
  type BodyEdits,
  type CallShape,
  type CostWriter,
  type JsonEndpoint,
  type Metered,
  type StreamEvent,
  type StreamMeter,
} from '../../../core/endpoint.ts';
import { isObject, readJsonObject, type JsonDocument, type JsonObject } from '../../../core/json-document.ts';
import { withMember } from '../../../core/json-edits.ts';
import type { PriceCard } from '../../../core/pricing/card.ts';
import type { UsageReading } from '../../../core/pricing/usage.ts';
import { usageReaderFor } from '../usage-readers.ts';
import { readConverse } from './converse-request.ts';
import { awsEventStream } from './event-stream.ts';
import { HOLD_ENTRY } from './request-metadata.ts';

/** The id may hold slashes, where a front door has decoded them. */
export const CONVERSE_PATH = '/model/:model{.+}/converse';
export const CONVERSE_STREAM_PATH = '/model/:model{.+}/converse-stream';

export function bedrockConverse(model: string, { streaming }: { streaming: boolean }): JsonEndpoint {
  return {
    body: 'json',
    name: 'bedrock-converse',
    dialect: 'bedrock',
    upstream: 'bedrock',
    upstreamPath: `/model/${encodeURIComponent(model)}/converse${streaming ? '-stream' : ''}`,
    framing: awsEventStream,
    readCall: ({ value }) => readConverse(model, value, streaming),
    bodyFor,
    readUsage: readConverseUsage,
    // No answer names its model, but that of a prompt router, which is refused.
    readServedModel: () => undefined,
    meterStream: (context) => new ConverseStreamMeter(context),
  };
}

function bodyFor(
  { text, value }: JsonDocument,
  _shape: CallShape,
  { outputTokensMax, holdId }: BodyEdits,
): string {
  const limited =
    outputTokensMax === undefined
      ? text
      : withEntry(text, value, 'inferenceConfig', { maxTokens: Number(outputTokensMax) });
  return withEntry(limited, value, 'requestMetadata', { [HOLD_ENTRY]: holdId });
}

/** The member with one entry set; made where the body has none, or null. */
function withEntry(text: string, body: JsonObject, member: string, entry: JsonObject): string {
  if (!isObject(body[member])) return withMember(text, [member], entry);
  const [[name, value]] = Object.entries(entry) as [[string, string | number]];
  return withMember(text, [member, name], value);
}

function readConverseUsage(answer: JsonObject, card: PriceCard): UsageReading | undefined {
  const { usage } = answer;
  if (usage === undefined || usage === null) return undefined;
  return usageReaderFor('bedrock-converse', card.provider)({ usage, response: answer });
}

class ConverseStreamMeter implements StreamMeter {
  private metadata: JsonObject | undefined;
  private failed = false;
  private readonly context: { card: PriceCard; costOf: CostWriter };

  constructor(context: { card: PriceCard; costOf: CostWriter }) {
    this.context = context;
  }

  /** `metadata` comes last, after `messageStop`, and has the usage. */
  take(event: StreamEvent): Metered {
    if (event.event !== 'event/metadata') {
      this.failed ||= event.event?.startsWith('event/') !== true;
      return { pass: event, isLast: false };
    }
    this.metadata = readJsonObject(event.data) ?? {};
    const reading = this.usage();
    const members = reading && isObject(this.metadata['usage']) ? this.context.costOf(reading) : undefined;
    const pass = members
      ? { ...event, data: withCost(event.data, ['usage'], members), frame: undefined }
      : event;
    return { pass, isLast: true };
  }

  usage(): UsageReading | undefined {
    return this.metadata && readConverseUsage(this.metadata, this.context.card);
  }
  isComplete(): boolean {
    return this.metadata !== undefined;
  }
  servedModel(): undefined {
    return undefined;
  }
  sawError(): boolean {
    return this.failed;
  }
  /** The one exception of these streams that no client repeats by itself: the call may have been billed. */
  brokenOff(message: string): StreamEvent[] {
    return [{ event: 'exception/validationException', data: JSON.stringify({ message }), id: undefined }];
  }
}
