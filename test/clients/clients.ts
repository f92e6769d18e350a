/**
 * Every client that promises to work unchanged, behind one face: the published package, with nothing set but its
 * base URL, its key and what the call itself asks for.
 */
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { ChatAnthropic } from '@langchain/anthropic';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, streamText, type LanguageModel } from 'ai';
import { ANTHROPIC_MAJORS, OPENAI_MAJORS, type Anthropic, type OpenAI } from './majors.ts';
import { MODEL, OUTPUT_TOKENS, PROMPT, type Dialect } from './refusals.ts';

export interface ClientCall {
  /** Of the gateway, without a path. */
  url: string;
  key: string;
  model?: string | undefined;
  prompt?: string | undefined;
  outputTokens?: number | undefined;
  headers?: Record<string, string> | undefined;
  /** The client's own where undefined. */
  maxRetries?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface Client {
  name: string;
  dialect: Dialect;
  /** The text of a plain answer. */
  ask: (call: ClientCall) => Promise<string>;
  /** The pieces of a streamed one. */
  stream: (call: ClientCall) => AsyncGenerator<string>;
}

/** All of a stream. */
export async function streamed(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

const optionsOf = ({ headers, signal, maxRetries }: ClientCall) => ({
  ...(headers && { headers }),
  ...(signal && { signal }),
  ...(maxRetries !== undefined && { maxRetries }),
});

function openAiChat(sdk: (typeof OPENAI_MAJORS)[number]): Client {
  const clientOf = ({ url, key }: ClientCall): OpenAI =>
    new sdk.OpenAI({ baseURL: `${url}/v1`, apiKey: key });
  const body = ({ model = MODEL.openai, prompt = PROMPT, outputTokens = OUTPUT_TOKENS }: ClientCall) => ({
    model,
    max_completion_tokens: outputTokens,
    messages: [{ role: 'user' as const, content: prompt }],
  });
  return {
    name: `${sdk.sdk}, chat`,
    dialect: 'openai',
    ask: async (call) => {
      const { choices } = await clientOf(call).chat.completions.create(body(call), optionsOf(call));
      return choices[0]!.message.content!;
    },
    async *stream(call) {
      const chunks = await clientOf(call).chat.completions.create(
        { ...body(call), stream: true },
        optionsOf(call),
      );
      for await (const { choices } of chunks) yield choices[0]?.delta.content ?? '';
    },
  };
}

function openAiResponses(sdk: (typeof OPENAI_MAJORS)[number]): Client {
  const clientOf = ({ url, key }: ClientCall): OpenAI =>
    new sdk.OpenAI({ baseURL: `${url}/v1`, apiKey: key });
  const body = ({ model = MODEL.openai, prompt = PROMPT, outputTokens = OUTPUT_TOKENS }: ClientCall) => ({
    model,
    max_output_tokens: outputTokens,
    input: prompt,
  });
  return {
    name: `${sdk.sdk}, responses`,
    dialect: 'openai',
    ask: async (call) => (await clientOf(call).responses.create(body(call), optionsOf(call))).output_text,
    async *stream(call) {
      const events = await clientOf(call).responses.create({ ...body(call), stream: true }, optionsOf(call));
      for await (const event of events) {
        if (event.type === 'response.output_text.delta') yield event.delta;
        if (event.type === 'response.failed') throw new Error(event.response.error?.message);
      }
    },
  };
}

function anthropicMessages(sdk: (typeof ANTHROPIC_MAJORS)[number]): Client {
  const clientOf = ({ url, key }: ClientCall): Anthropic => new sdk.Anthropic({ baseURL: url, apiKey: key });
  const body = ({ model = MODEL.anthropic, prompt = PROMPT, outputTokens = OUTPUT_TOKENS }: ClientCall) => ({
    model,
    max_tokens: outputTokens,
    messages: [{ role: 'user' as const, content: prompt }],
  });
  return {
    name: sdk.sdk,
    dialect: 'anthropic',
    ask: async (call) => {
      const { content } = await clientOf(call).messages.create(body(call), optionsOf(call));
      return content[0]?.type === 'text' ? content[0].text : '';
    },
    async *stream(call) {
      const events = await clientOf(call).messages.create({ ...body(call), stream: true }, optionsOf(call));
      for await (const event of events) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text;
      }
    },
  };
}

function aiSdk(name: string, dialect: Dialect, modelOf: (call: ClientCall) => LanguageModel): Client {
  const options = (call: ClientCall) => ({
    model: modelOf(call),
    prompt: call.prompt ?? PROMPT,
    maxOutputTokens: call.outputTokens ?? OUTPUT_TOKENS,
    ...(call.headers && { headers: call.headers }),
    ...(call.signal && { abortSignal: call.signal }),
    ...(call.maxRetries !== undefined && { maxRetries: call.maxRetries }),
  });
  return {
    name,
    dialect,
    ask: async (call) => (await generateText(options(call))).text,
    async *stream(call) {
      // Its errors are parts of the stream; the default for onError prints them as well.
      const { stream } = streamText({ ...options(call), onError: () => undefined });
      for await (const part of stream) {
        if (part.type === 'error') throw part.error;
        if (part.type === 'abort') throw new Error('aborted');
        if (part.type === 'text-delta') yield part.text;
      }
    },
  };
}

export const aiSdkOpenAi = ({ url, key }: ClientCall) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
export const aiSdkAnthropic = ({ url, key }: ClientCall) =>
  createAnthropic({ baseURL: `${url}/v1`, apiKey: key });

const retriesOf = ({ maxRetries }: ClientCall) => (maxRetries === undefined ? {} : { maxRetries });

export const langChainOpenAi = (call: ClientCall, options = {}): ChatOpenAI =>
  new ChatOpenAI({
    model: call.model ?? MODEL.openai,
    apiKey: call.key,
    maxTokens: call.outputTokens ?? OUTPUT_TOKENS,
    configuration: { baseURL: `${call.url}/v1`, defaultHeaders: call.headers },
    ...retriesOf(call),
    ...options,
  });
export const langChainAnthropic = (call: ClientCall): ChatAnthropic =>
  new ChatAnthropic({
    model: call.model ?? MODEL.anthropic,
    apiKey: call.key,
    maxTokens: call.outputTokens ?? OUTPUT_TOKENS,
    anthropicApiUrl: call.url,
    clientOptions: { defaultHeaders: call.headers },
    ...retriesOf(call),
  });

const signalOf = ({ signal }: ClientCall) => (signal ? { signal } : {});

function langChain(
  name: string,
  dialect: Dialect,
  modelOf: (call: ClientCall) => ChatOpenAI | ChatAnthropic,
): Client {
  return {
    name,
    dialect,
    ask: async (call) => (await modelOf(call).invoke(call.prompt ?? PROMPT, signalOf(call))).text,
    async *stream(call) {
      const chunks = await modelOf(call).stream(call.prompt ?? PROMPT, signalOf(call));
      for await (const { text } of chunks) yield text;
    },
  };
}

/**
 * LangChain passes over `response.failed`, whoever sends it, OpenAI itself included (1.6.0): what tells a program
 * is that no chunk said "completed".
 */
const langChainResponses: Client = {
  ...langChain('langchain openai responses', 'openai', (call) =>
    langChainOpenAi(call, { useResponsesApi: true }),
  ),
  async *stream(call) {
    const model = langChainOpenAi(call, { useResponsesApi: true });
    let status: unknown;
    for await (const chunk of await model.stream(call.prompt ?? PROMPT, signalOf(call))) {
      status = chunk.response_metadata['status'] ?? status;
      yield chunk.text;
    }
    if (status !== 'completed') throw new Error('the response was not completed');
  },
};

export const SDK_CLIENTS: Client[] = [
  ...OPENAI_MAJORS.flatMap((sdk) => [openAiChat(sdk), openAiResponses(sdk)]),
  ...ANTHROPIC_MAJORS.map(anthropicMessages),
];
export const AI_SDK_CLIENTS: Client[] = [
  aiSdk('ai 7, openai', 'openai', (call) => aiSdkOpenAi(call)(call.model ?? MODEL.openai)),
  aiSdk('ai 7, openai chat', 'openai', (call) => aiSdkOpenAi(call).chat(call.model ?? MODEL.openai)),
  aiSdk('ai 7, anthropic', 'anthropic', (call) => aiSdkAnthropic(call)(call.model ?? MODEL.anthropic)),
];
export const LANG_CHAIN_CLIENTS: Client[] = [
  langChain('langchain openai', 'openai', (call) => langChainOpenAi(call)),
  langChainResponses,
  langChain('langchain anthropic', 'anthropic', langChainAnthropic),
];
export const CLIENTS: Client[] = [...SDK_CLIENTS, ...AI_SDK_CLIENTS, ...LANG_CHAIN_CLIENTS];
