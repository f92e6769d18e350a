/** The feeds: where each stands when nobody names another place, and who reads it. */
import { FAMILIES, type Family } from '../../core/price-changes/reading.ts';
import { parseAws } from './aws.ts';
import type { ParseFeed } from './feed.ts';
import { parseGenaiPrices } from './genai-prices.ts';
import { parseLiteLlm } from './litellm.ts';
import { parseModelsDev } from './models-dev.ts';
import { parseOpenRouter } from './openrouter.ts';

export interface Feed {
  family: Family;
  url: string;
}

const AWS = 'https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws';

export const PUBLIC_FEEDS: readonly Feed[] = [
  {
    family: 'genai-prices',
    url: 'https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data.json',
  },
  {
    family: 'litellm',
    url: 'https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json',
  },
  { family: 'models-dev', url: 'https://models.dev/api.json' },
  { family: 'openrouter', url: 'https://openrouter.ai/api/v1/models' },
  // One file a service and region. Claude is in the first, Amazon's own models are in the second.
  { family: 'aws', url: `${AWS}/AmazonBedrockFoundationModels/current/us-east-1/index.json` },
  { family: 'aws', url: `${AWS}/AmazonBedrock/current/us-east-1/index.json` },
];

export const PARSERS: Record<Family, ParseFeed> = {
  'genai-prices': parseGenaiPrices,
  litellm: parseLiteLlm,
  'models-dev': parseModelsDev,
  openrouter: parseOpenRouter,
  aws: parseAws,
};

/**
 * `family=url` with commas between; a family may stand there several times. `none` and only that: no feed. The problem
 * is a clause for whoever set it.
 */
export function parseFeeds(text: string): { feeds: readonly Feed[] } | { problem: string } {
  if (text.trim() === 'none') return { feeds: [] };
  const feeds: Feed[] = [];
  for (const part of text.split(',')) {
    const [name, ...rest] = part.trim().split('=');
    const url = rest.join('=');
    const family = FAMILIES.find((known) => known === name);
    if (family === undefined)
      return { problem: `names the family "${name!}"; there are ${FAMILIES.join(', ')}, or none alone` };
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol) || parsed.username !== '')
      return { problem: `gives ${family} the address "${url}"; write ${family}=https://…` };
    feeds.push({ family, url: parsed.href });
  }
  return { feeds };
}
