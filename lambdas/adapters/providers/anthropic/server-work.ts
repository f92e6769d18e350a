/**
 * What Anthropic does for one call beyond a single inference: its own tools, advice, summaries, attempts by other
 * models, conversations that it keeps. Each is bounded where the request bounds it, and named where it does not.
 * Source: @anthropic-ai/sdk 1.12.0 typings, read 2026-11-29; rules in prices.md 4.3 and 5.2.
 */
import type { CallShape, SideInference } from '../../../core/endpoint.ts';
import { isObject, type JsonObject, type JsonValue } from '../../../core/json-document.ts';
import { whole } from '../../../core/pricing/ratio.ts';
import { cacheWritesOf } from './cache-writes.ts';

export type ServerWork = Pick<CallShape, 'rounds' | 'sideInferences' | 'fees'>;

/** A feature that has no bound, as a sentence for the caller, and its member. */
export interface Unbounded {
  message: string;
  param: string;
}

/** Tools that Anthropic defines and the client runs; their prompts are some thousand tokens (prices.md 4.2). */
export const CLIENT_TOOLSET =
  /^(?:(?:bash|text_editor|computer|memory)|(?:browser|computer)_toolset)_[0-9]{8}$/;

/** `cacheWrites`: what the whole body asks for; its summaries and attempts write the same. */
export function serverWork(body: JsonObject, cacheWrites: CallShape['cacheWrites']): ServerWork | Unbounded {
  const unbounded = unboundedMember(body);
  if (unbounded) return unbounded;
  const work: { rounds: bigint; searches: bigint; sideInferences: SideInference[] } = {
    rounds: 1n,
    searches: 0n,
    sideInferences: [],
  };
  for (const tool of toolsOf(body)) {
    const problem = takeTool(tool, work);
    if (problem !== undefined) return { message: problem, param: 'tools' };
  }
  const summaries = summariesOf(body, work.rounds, cacheWrites);
  if ('message' in summaries) return summaries;
  const attempts = attemptsOf(body, cacheWrites);
  if ('message' in attempts) return attempts;
  const sideInferences = [...work.sideInferences, ...summaries, ...attempts];
  if (sideInferences.length > SIDE_INFERENCES_MAX) return TOO_MANY;
  return {
    rounds: work.rounds,
    fees: work.searches === 0n ? {} : { web_search: whole(work.searches) },
    sideInferences,
  };
}

/** More than any real request asks for; each is priced by itself. */
const SIDE_INFERENCES_MAX = 32;
const TOO_MANY: Unbounded = {
  message: `Advisors, fallbacks and context edits that summarise are more than ${SIDE_INFERENCES_MAX} together; send fewer.`,
  param: 'tools',
};

/** True where the answer goes on from what the provider keeps: only the model's context bounds that. */
export const continuesThread = ({ thread }: JsonObject): boolean => isPresent(thread);

/** Members that make the provider do work which the body does not bound. */
const UNBOUNDED_MEMBERS: Record<string, string> = {
  mcp_servers: 'MCP servers are called by the provider and cannot be bounded here.',
  container: 'Containers keep state at the provider and cannot be bounded here.',
};

function unboundedMember(body: JsonObject): Unbounded | undefined {
  for (const [member, message] of Object.entries(UNBOUNDED_MEMBERS)) {
    const value = body[member];
    if (Array.isArray(value) ? value.length > 0 : isPresent(value)) return { message, param: member };
  }
  return undefined;
}

export const toolsOf = ({ tools }: JsonObject): JsonObject[] =>
  Array.isArray(tools) ? tools.filter(isObject) : [];
const typeOf = ({ type }: JsonObject): string => (typeof type === 'string' ? type : 'custom');

/** The first versions, which the model calls by itself; later ones are called by code as often as it likes. */
const CALLED_DIRECTLY: ReadonlySet<string> = new Set(['web_search_20250305', 'web_fetch_20250910']);
const WEB_TOOL = /^(web_search|web_fetch)_[0-9]{8}$/;
const ADVISOR = /^advisor_[0-9]{8}$/;

/** Adds what a tool can cause; why it cannot be bounded, where it cannot. */
function takeTool(
  tool: JsonObject,
  work: { rounds: bigint; searches: bigint; sideInferences: SideInference[] },
): string | undefined {
  const type = typeOf(tool);
  if (type === 'custom' || CLIENT_TOOLSET.test(type)) return undefined;
  const isAdvisor = ADVISOR.test(type);
  if (!isAdvisor && !WEB_TOOL.test(type))
    return `The tool "${type}" runs at the provider and cannot be bounded here.`;
  if (!isCalledDirectly(tool, type)) {
    return `The tool "${type}" can be called by code any number of times; give it "allowed_callers": ["direct"].`;
  }
  const uses = tool['max_uses'];
  if (!isCount(uses)) return `The tool "${type}" runs at the provider; give it "max_uses", which bounds it.`;
  work.rounds += BigInt(uses);
  if (!isAdvisor) {
    if (type.startsWith('web_search_')) work.searches += BigInt(uses);
    return undefined;
  }
  const { model, max_tokens: limit } = tool;
  if (typeof model !== 'string') return `The tool "${type}" must name its "model".`;
  work.sideInferences.push({
    model,
    times: BigInt(uses),
    outputTokensMax: isCount(limit) ? BigInt(limit) : undefined,
    cacheWrites: cacheWritesOf({ cache_control: tool['caching'] }),
    fromInputTokens: undefined,
  });
  return undefined;
}

function isCalledDirectly(tool: JsonObject, type: string): boolean {
  const callers = tool['allowed_callers'];
  if (callers === undefined || callers === null) return CALLED_DIRECTLY.has(type) || ADVISOR.test(type);
  return Array.isArray(callers) && callers.every((caller) => caller === 'direct');
}

/** They only take away from the context. */
const CLEARING: ReadonlySet<unknown> = new Set(['clear_tool_uses_20250919', 'clear_thinking_20251015']);
const COMPACTION = 'compact_20260112';
/** Input tokens from which on the provider summarises, where the request sets none. */
const COMPACTION_TRIGGER = 150_000n;

/** A summary is another inference by the same model; no document says how long one is. */
function summariesOf(
  body: JsonObject,
  rounds: bigint,
  cacheWrites: CallShape['cacheWrites'],
): SideInference[] | Unbounded {
  const summary = { model: undefined, outputTokensMax: undefined, cacheWrites };
  const asked: SideInference[] = isPresent(body['compaction'])
    ? [{ ...summary, times: 1n, fromInputTokens: undefined }]
    : [];
  const management = body['context_management'];
  if (!isPresent(management)) return asked;
  const edits = isObject(management) ? (management['edits'] ?? []) : undefined;
  if (!Array.isArray(edits)) return unknownEdit('of another form');
  for (const edit of edits) {
    const type = isObject(edit) ? edit['type'] : undefined;
    if (CLEARING.has(type)) continue;
    if (!isObject(edit) || type !== COMPACTION) return unknownEdit(JSON.stringify(type));
    const { trigger } = edit;
    const value = isObject(trigger) ? trigger['value'] : undefined;
    if (isPresent(trigger) && !isCount(value)) return unknownEdit(`${COMPACTION} with such a trigger`);
    asked.push({
      ...summary,
      times: rounds,
      fromInputTokens: isCount(value) ? BigInt(value) : COMPACTION_TRIGGER,
    });
  }
  return asked;
}

const unknownEdit = (what: string): Unbounded => ({
  message: `A context edit ${what} is done by the provider and cannot be bounded here.`,
  param: 'context_management',
});

/** Each attempt is billed by itself; the first one is the call's own. */
function attemptsOf(body: JsonObject, cacheWrites: CallShape['cacheWrites']): SideInference[] | Unbounded {
  const { fallbacks } = body;
  if (!isPresent(fallbacks) || (Array.isArray(fallbacks) && fallbacks.length === 0)) return [];
  if (!Array.isArray(fallbacks)) {
    return {
      message: 'Which models the provider falls back on is not known here; name them.',
      param: 'fallbacks',
    };
  }
  const attempts: SideInference[] = [];
  for (const fallback of fallbacks) {
    const model = isObject(fallback) ? fallback['model'] : undefined;
    if (!isObject(fallback) || typeof model !== 'string') {
      return { message: 'Each of "fallbacks" must name its "model".', param: 'fallbacks' };
    }
    if (fallback['speed'] === 'fast') {
      return { message: 'A fallback at another speed has no price here.', param: 'fallbacks' };
    }
    const limit = fallback['max_tokens'] ?? body['max_tokens'];
    attempts.push({
      model,
      times: 1n,
      outputTokensMax: isCount(limit) ? BigInt(limit) : undefined,
      cacheWrites,
      fromInputTokens: undefined,
    });
  }
  return attempts;
}

const isPresent = (value: JsonValue | undefined): boolean => value !== undefined && value !== null;
export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
