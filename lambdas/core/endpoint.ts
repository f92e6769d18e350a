/**
 * What the request flow asks of an endpoint (one upstream route in one dialect). Implementations stand in
 * adapters/providers/<dialect>; the flow knows no provider's field names.
 */
import type { EpochMs, HoldId } from './brands.ts';
import type { JsonDocument, JsonObject } from './json-document.ts';
import { withMember, within } from './json-edits.ts';
import type { UpstreamName } from './ports.ts';
import type { Ability } from './pricing/abilities.ts';
import type { ConditionText, Endpoint as EndpointName, PriceCard } from './pricing/card.ts';
import type { FeeCounts, UsageReading } from './pricing/usage.ts';
import type { WorstCaseQuestion } from './pricing/worst-case.ts';
import type { Refusal, Stepped } from './refusals.ts';
import type { StreamFraming } from './stream-framing.ts';

export type Dialect = 'openai' | 'anthropic' | 'bedrock';

/** What pricing and clamping need to know of a request, read from its body. */
export interface CallShape {
  model: string;
  streaming: boolean;
  /** `limited`: a member of the request limits it; `fixed`: nothing that Spendcap may change does. */
  output: 'limited' | 'fixed' | 'none';
  /** The output of each choice at most, by the request; undefined when the model alone bounds it. */
  outputTokensAsked: bigint | undefined;
  /** A clamp below this would make the provider refuse the call. */
  outputTokensFloor: bigint;
  /** Texts that are read apart from each other, each up to the model's context. */
  inputs: bigint;
  /** Answers generated, each with its own output. */
  choices: bigint;
  /** Inferences that one answer takes at most. Beyond one, each reads a context that the provider filled up. */
  rounds: bigint;
  /** Inferences that the provider adds to the call's own, billed apart. */
  sideInferences: readonly SideInference[];
  /** Input tokens that the provider adds and the body does not show. */
  hiddenInputTokens: bigint;
  /** Whether the request asks for cache writes, at the dearest time to live that it names. */
  cacheWrites: WorstCaseQuestion['cacheWrites'];
  /** What the request asks for that changes its price (service tier, speed, geography): without a price, refused. */
  conditionsAsked: ConditionText[];
  /** The request leaves its service tier to a setting at the provider. */
  tierIsOpen: boolean;
  /** What the provider may do unasked, where the card prices it. */
  conditionsPossible: ConditionText[];
  /** The provider adds stored state to the input: only the model's whole context bounds it. */
  readsStoredState: boolean;
  /** Images in the body, each bounded by its card; their inline bytes are not text. */
  images: { count: bigint; inlineBytes: bigint };
  /** A file of sound: no byte of it bounds its tokens, and its seconds only where it proves them. */
  audio: { secondsMax: bigint | undefined } | undefined;
  /** What input or output has beside text. */
  media: readonly ('audio' | 'image')[];
  /** Units at most of what is billed apart from tokens: searches, seconds, characters. */
  fees: FeeCounts;
  /** The client reads usage on the stream itself. */
  wantsStreamUsage: boolean;
  /** What another model must be able to do to stand in; undefined: none may. */
  needs: readonly Ability[] | undefined;
}

/** Advice, a summary of the conversation, an attempt by another model: each reads up to its model's whole context. */
export interface SideInference {
  /** Undefined: the call's own. */
  model: string | undefined;
  /** How many at most. */
  times: bigint;
  /** Of each; undefined: whatever the model can write. */
  outputTokensMax: bigint | undefined;
  cacheWrites: WorstCaseQuestion['cacheWrites'];
  /** It happens only from so many input tokens on; undefined: with any. */
  fromInputTokens: bigint | undefined;
}

/** What holds of a call unless its request says more. */
export const BARE_SHAPE: Omit<CallShape, 'model'> = {
  streaming: false,
  output: 'none',
  outputTokensAsked: undefined,
  outputTokensFloor: 0n,
  inputs: 1n,
  choices: 1n,
  rounds: 1n,
  sideInferences: [],
  hiddenInputTokens: 0n,
  cacheWrites: 'none',
  conditionsAsked: [],
  tierIsOpen: false,
  conditionsPossible: [],
  readsStoredState: false,
  images: { count: 0n, inlineBytes: 0n },
  audio: undefined,
  media: [],
  fees: {},
  wantsStreamUsage: false,
  needs: undefined,
};

export interface BodyEdits {
  card: PriceCard;
  /** Set only when Spendcap injects or clamps the output limit. */
  outputTokensMax: bigint | undefined;
  /** Set only when another model stands in for the one that was asked for. */
  model?: string | undefined;
  /** Where a provider logs what its caller says of a call, this tells whose money it was. */
  holdId: HoldId;
}

/** One event of a stream, as it is passed on. */
export interface StreamEvent {
  event: string | undefined;
  data: string;
  id: string | undefined;
  /** The bytes it came in, where its framing is binary; left out of one that is ours or was changed. */
  frame?: Uint8Array | undefined;
}

/** What became of one upstream event. */
export interface Metered {
  /** What the client gets; null drops it. */
  pass: StreamEvent | null;
  /** The answer ends with this event: settle, then pass it on. */
  isLast: boolean;
}

/** Reads one stream's usage as it goes by. */
export interface StreamMeter {
  take(event: StreamEvent): Metered;
  /** The provider's usage so far; undefined until its usage block was seen. */
  usage(): UsageReading | undefined;
  /** True once the provider said that the answer is complete. */
  isComplete(): boolean;
  /** Model that the provider says it serves; undefined until told. */
  servedModel(): string | undefined;
  /** True once the provider's own error frame was passed on: the client knows already. */
  sawError(): boolean;
  /** The dialect's own frames for a stream that broke here: never a clean close. */
  brokenOff(message: string, requestId: string): StreamEvent[];
}

/** `cost` and `cost_details` as they stand in a usage object: decimal strings of dollars. */
export type CostMembers = { cost: string; cost_details: Record<string, string> };
/** The cost of the usage read so far; undefined where it has no price. */
export type CostWriter = (reading: UsageReading) => CostMembers | undefined;

/** The model that an answer says it was served by; a name that no header can carry is none. */
export function servedModelOf({ model }: JsonObject): string | undefined {
  return typeof model === 'string' && MODEL_NAME.test(model) ? model : undefined;
}

const MODEL_NAME = /^[\x21-\x7e]{1,256}$/;

/** A text with its usage object, found at `path`, extended by the cost. */
export function withCost(text: string, path: string[], members: CostMembers): string {
  return within(text, path, (usage) =>
    withMember(withMember(usage, ['cost'], members.cost), ['cost_details'], members.cost_details),
  );
}

interface AnyEndpoint {
  name: EndpointName;
  dialect: Dialect;
  upstream: UpstreamName;
  upstreamPath: string;
  /** Usage of a plain answer. */
  readUsage(answer: JsonObject, card: PriceCard): UsageReading | undefined;
  readServedModel(answer: JsonObject): string | undefined;
  /** Where no answer tells its usage and the request does, as the provider counts it. */
  usageAsked?(shape: CallShape): UsageReading;
  /** How events stand on the wire; server-sent events where left out. */
  framing?: StreamFraming;
  meterStream(context: { shape: CallShape; card: PriceCard; costOf: CostWriter }): StreamMeter;
}

export interface JsonEndpoint extends AnyEndpoint {
  body: 'json';
  readCall(document: JsonDocument, headers: Headers): Stepped<CallShape>;
  bodyFor(document: JsonDocument, shape: CallShape, edits: BodyEdits): string;
}

/** Takes multipart/form-data, which is forwarded byte for byte. */
export interface FormEndpoint extends AnyEndpoint {
  body: 'form';
  readCall(form: FormData): Promise<Stepped<CallShape>>;
}

export type Endpoint = JsonEndpoint | FormEndpoint;

/** A call that was admitted and then failed at the provider, told in our own words. */
export interface UpstreamFault {
  status: number;
  code: string;
  message: string;
  /** False when it may have been billed: a blind repeat could pay twice. */
  mayRetry: boolean;
}

/** The tightest dollar cap of an admitted call, for dialects that have headers of their own for it. */
export interface UsdCapFacts {
  effectiveLimitPicoUsd: bigint;
  /** Settled and held. */
  usedPicoUsd: bigint;
  resetsAt: EpochMs | null;
}

/** Renders what Spendcap itself says, in one dialect. */
export interface DialectRenderer {
  refusal(refusal: Refusal, context: { requestId: string; headers: Headers }): Response;
  fault(fault: UpstreamFault, requestId: string): Response;
  /** Headers of an admitted call beyond the contract's own. */
  admitted(cap: UsdCapFacts | undefined): [string, string][];
}
