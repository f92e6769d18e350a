/** The SDKs of OpenAI and Anthropic, in both majors that are in use. */
import Anthropic1 from '@anthropic-ai/sdk';
import Anthropic0 from 'anthropic-0';
import OpenAI7, { AzureOpenAI as AzureOpenAI7 } from 'openai';
import OpenAI6, { AzureOpenAI as AzureOpenAI6 } from 'openai-6';

/** What is used here is the same in both; only private members keep the compiler from seeing it. */
export const OPENAI_MAJORS = [
  { sdk: 'openai 7', OpenAI: OpenAI7, AzureOpenAI: AzureOpenAI7 },
  {
    sdk: 'openai 6',
    OpenAI: OpenAI6 as unknown as typeof OpenAI7,
    AzureOpenAI: AzureOpenAI6 as unknown as typeof AzureOpenAI7,
  },
];
export const ANTHROPIC_MAJORS = [
  { sdk: '@anthropic-ai/sdk 1', Anthropic: Anthropic1 },
  { sdk: '@anthropic-ai/sdk 0', Anthropic: Anthropic0 as unknown as typeof Anthropic1 },
];
export type OpenAI = OpenAI7;
export type Anthropic = Anthropic1;
