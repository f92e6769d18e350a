/** Every usage block that Spendcap can read: one line a dialect. */
import type { Endpoint, Provider } from '../../core/pricing/card.ts';
import { unreadable, type UsageReader } from '../../core/pricing/usage.ts';
import { readAnthropicStreamUsage, readAnthropicUsage } from './anthropic/usage.ts';
import {
  readBedrockConverseUsage,
  readBedrockInvokeMetricsUsage,
  readBedrockTitanEmbeddingUsage,
} from './bedrock/usage.ts';
import { readCohereChatUsage } from './cohere/usage.ts';
import { readDeepSeekChatUsage } from './deepseek/usage.ts';
import { readGeminiUsage } from './gemini/usage.ts';
import { readGroqTranscriptionUsage } from './groq/usage.ts';
import { readMistralChatUsage, readMistralOcrUsage } from './mistral/usage.ts';
import { readOpenAiSpeechUsage, readOpenAiTranscriptionUsage } from './openai/usage-audio.ts';
import { readOpenAiChatUsage } from './openai/usage-chat.ts';
import { readOpenAiEmbeddingsUsage } from './openai/usage-embeddings.ts';
import { readOpenAiImagesUsage } from './openai/usage-images.ts';
import { readOpenAiResponsesUsage } from './openai/usage-responses.ts';
import { readXaiChatUsage } from './xai/usage.ts';

export const usageReaders = {
  'openai-chat': readOpenAiChatUsage,
  'openai-responses': readOpenAiResponsesUsage,
  'openai-embeddings': readOpenAiEmbeddingsUsage,
  'openai-images': readOpenAiImagesUsage,
  'openai-transcription': readOpenAiTranscriptionUsage,
  'openai-speech': readOpenAiSpeechUsage,
  'anthropic-messages': readAnthropicUsage,
  'anthropic-stream': readAnthropicStreamUsage,
  'bedrock-converse': readBedrockConverseUsage,
  'bedrock-invoke-anthropic': readAnthropicUsage,
  'bedrock-invoke-metrics': readBedrockInvokeMetricsUsage,
  'bedrock-invoke-titan-embed': readBedrockTitanEmbeddingUsage,
  gemini: readGeminiUsage,
  'deepseek-chat': readDeepSeekChatUsage,
  'xai-chat': readXaiChatUsage,
  'mistral-chat': readMistralChatUsage,
  'mistral-ocr': readMistralOcrUsage,
  // The OpenAI shape to the letter.
  'groq-chat': readOpenAiChatUsage,
  'openrouter-chat': readOpenAiChatUsage,
  'groq-transcription': readGroqTranscriptionUsage,
  'cohere-v2': readCohereChatUsage,
} as const satisfies Record<string, UsageReader>;
export type UsageDialect = keyof typeof usageReaders;

export function isUsageDialect(name: string): name is UsageDialect {
  return Object.hasOwn(usageReaders, name);
}

/**
 * The reader of plain answers and of final stream chunks; several providers share the chat endpoint. Where
 * nobody has read a provider's shape yet, every block is unreadable, and its calls are charged at their holds.
 */
export function usageReaderFor(endpoint: Endpoint | 'anthropic-stream', provider: Provider): UsageReader {
  switch (endpoint) {
    case 'openai-chat':
      return CHAT_READERS[provider] ?? noReader(endpoint, provider);
    case 'openai-responses':
    case 'openai-embeddings':
    case 'openai-images':
    case 'openai-transcription':
    case 'openai-speech':
    case 'anthropic-messages':
    case 'anthropic-stream':
    case 'bedrock-converse':
      return usageReaders[endpoint];
    case 'gemini-generate':
      return usageReaders.gemini;
    // bedrock-invoke: the shape is the vendor's, one of the bedrock-invoke dialects. gemini-embed: no usage.
    case 'bedrock-invoke':
    case 'gemini-embed':
      return noReader(endpoint, provider);
  }
}

const noReader =
  (endpoint: Endpoint, provider: Provider): UsageReader =>
  () =>
    unreadable(`no reader for ${endpoint} by ${provider}`);

const CHAT_READERS: Partial<Record<Provider, UsageReader>> = {
  openai: usageReaders['openai-chat'],
  deepseek: usageReaders['deepseek-chat'],
  xai: usageReaders['xai-chat'],
  mistral: usageReaders['mistral-chat'],
  groq: usageReaders['groq-chat'],
  openrouter: usageReaders['openrouter-chat'],
};
