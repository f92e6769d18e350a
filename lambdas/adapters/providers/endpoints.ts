/** Every metered endpoint: one line each, with the paths that reach it. Whatever is not here is refused. */
import type { Dialect, DialectRenderer, Endpoint } from '../../core/endpoint.ts';
import { anthropicMessages } from './anthropic/messages.ts';
import { anthropicRendering } from './anthropic/rendering.ts';
import { bedrockRendering } from './bedrock/rendering.ts';
import { openAiChat } from './openai/chat.ts';
import { openAiEmbeddings } from './openai/embeddings.ts';
import { openAiImages } from './openai/images.ts';
import { openAiRendering } from './openai/rendering.ts';
import { openAiResponses } from './openai/responses.ts';
import { openAiSpeech } from './openai/speech.ts';
import { openAiTranscription } from './openai/transcription.ts';

/** Paths below the optional `/v1`; those that name a model or a deployment stand in lambdas/proxy/app.ts. */
export const ENDPOINTS: Record<string, Endpoint> = {
  '/chat/completions': openAiChat,
  '/responses': openAiResponses,
  '/embeddings': openAiEmbeddings,
  '/images/generations': openAiImages,
  '/audio/transcriptions': openAiTranscription,
  '/audio/speech': openAiSpeech,
  '/messages': anthropicMessages,
};

export const RENDERERS: Record<Dialect, DialectRenderer> = {
  openai: openAiRendering,
  anthropic: anthropicRendering,
  bedrock: bedrockRendering,
};
