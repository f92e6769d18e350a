/**
 * Messages usage: input, cache reads and cache writes are disjoint and add up; thinking stands inside
 * `output_tokens`. With `iterations`, the top level leaves out what other models did (compaction, advisor), so
 * the iterations are summed in its place, each at its own model. Source: @anthropic-ai/sdk 1.12.0 typings.
 */
import * as z from 'zod';
import { whole, type Ratio } from '../../../core/pricing/ratio.ts';
import {
  read,
  unreadable,
  type FeeCounts,
  type UsagePart,
  type UsageReader,
} from '../../../core/pricing/usage.ts';
import { conditionsAt, count, countOrNone, parseUsage, valueAt } from '../reported-count.ts';

const inference = z.looseObject({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: countOrNone,
  cache_creation_input_tokens: countOrNone,
  cache_creation: z
    .looseObject({ ephemeral_5m_input_tokens: countOrNone, ephemeral_1h_input_tokens: countOrNone })
    .nullish(),
});
/** More than any call makes, and as many as a charge can list. */
const ITERATIONS_MAX = 1000;

const messagesUsage = inference.extend({
  iterations: z
    .array(inference.extend({ type: z.string().nullish(), model: z.string().nullish() }))
    .max(ITERATIONS_MAX)
    .nullish(),
  server_tool_use: z.record(z.string(), z.unknown()).nullish(),
});

export const readAnthropicUsage: UsageReader = ({ usage, fees }) =>
  parseUsage(messagesUsage, usage, (parsed) => {
    const toolFees = serverToolFees(parsed.server_tool_use);
    if (toolFees === undefined) return unreadable('usage.server_tool_use: not counts');
    const iterations = parsed.iterations ?? [];
    return read({
      parts: iterations.length > 0 ? iterations.map(partOf) : [partOf(parsed)],
      fees: fees ?? toolFees,
      conditions: conditionsAt(usage, 'usage', ['service_tier', 'speed', 'inference_geo']),
    });
  });

function partOf(usage: z.output<typeof inference> & { model?: unknown }): UsagePart {
  const fiveMinutes = usage.cache_creation?.ephemeral_5m_input_tokens ?? 0n;
  const oneHour = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0n;
  // The flat count alone, or one that a later event of the stream raised: five minutes is the default lifetime.
  const unsplit = usage.cache_creation_input_tokens - fiveMinutes - oneHour;
  const written5m = fiveMinutes + (unsplit > 0n ? unsplit : 0n);
  return {
    ...(typeof usage.model === 'string' && { model: usage.model }),
    tokens: {
      input: usage.input_tokens,
      cache_read: usage.cache_read_input_tokens,
      cache_write_5m: written5m,
      cache_write_1h: oneHour,
      output: usage.output_tokens,
    },
    tierInputTokens: usage.input_tokens + usage.cache_read_input_tokens + written5m + oneHour,
  };
}

/** Page fetches cost their tokens only. Every other counter is a fee, also one that no card knows yet. */
const FREE_TOOLS: ReadonlySet<string> = new Set(['web_fetch_requests', 'tool_search_requests']);

function serverToolFees(use: Record<string, unknown> | null | undefined): FeeCounts | undefined {
  const fees: [string, Ratio][] = [];
  for (const [name, value] of Object.entries(use ?? {})) {
    const parsed = countOrNone.safeParse(value);
    if (!parsed.success) return undefined;
    if (parsed.data > 0n && !FREE_TOOLS.has(name))
      fees.push([name.replace(/_requests$/, ''), whole(parsed.data)]);
  }
  return Object.fromEntries(fees);
}

/**
 * Usage of a stream: that of `message_start`, whose output count is a placeholder, under the fields that are
 * not null in the last `message_delta`, which are cumulative. Undefined when either event is missing.
 */
export function overlayStreamUsage(messageStart: unknown, messageDelta: unknown): unknown {
  const started = valueAt(messageStart, ['message', 'usage']);
  const final = valueAt(messageDelta, ['usage']);
  if (typeof started !== 'object' || typeof final !== 'object' || !started || !final) return undefined;
  const told = Object.entries(final).filter(([, value]) => value !== null);
  // The placeholder is no count: a delta must bring the real one.
  return { ...started, output_tokens: undefined, ...Object.fromEntries(told) };
}

const streamUsage = z.looseObject({ message_start: z.unknown(), message_delta: z.unknown() });

/** `usage` is the two events themselves: `{ message_start, message_delta }`. */
export const readAnthropicStreamUsage: UsageReader = (report) => {
  const events = streamUsage.safeParse(report.usage);
  if (!events.success) return unreadable('usage: message_start and message_delta are expected');
  const usage = overlayStreamUsage(events.data.message_start, events.data.message_delta);
  if (usage === undefined) return unreadable('usage: message_start or message_delta has none');
  return readAnthropicUsage({ ...report, usage });
};
