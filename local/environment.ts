/** The environment of the local server (contract 1), parsed once. Mistakes are explained, all of them at once. */
import * as z from 'zod';
import { parseFeeds, type Feed } from '../lambdas/adapters/price-feeds/families.ts';
import { parseWebhookSecrets } from '../lambdas/core/webhooks/signature.ts';
import type { UpstreamTargets } from '../lambdas/adapters/upstream/http-upstream.ts';
import type { UpstreamName } from '../lambdas/core/ports.ts';
import { bedrockCredential } from './bedrock-credential.ts';

export type Environment = Record<string, string | undefined>;

export interface LocalSettings {
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** Undefined keeps the books in memory. */
  dataDirectory: string | undefined;
  policyFile: string | undefined;
  /** Undefined makes one at start. */
  adminKey: string | undefined;
  /** Providers that are not here are simulated. */
  upstreams: UpstreamTargets;
  /** By subscription; one without is not posted to. */
  webhookSecrets: ReadonlyMap<string, readonly string[]>;
  /** Undefined: those of the policy. */
  priceFeeds: readonly Feed[] | undefined;
  /** What is set and has no effect: said at start, lest somebody relies on it. */
  notes: string[];
}

/** The environment does not describe a server; the message has a line for each mistake. */
export class InvalidEnvironment extends Error {
  override name = 'InvalidEnvironment';
}

const PROVIDERS: readonly UpstreamName[] = ['openai', 'azure', 'anthropic', 'gemini', 'bedrock'];
/** Read by other parts of Spendcap than the server. */
const OTHER_NAMES = ['SPENDCAP_URL'];
const ADMIN_KEY_LENGTH_MIN = 8;

const port = z
  .string()
  .regex(/^[0-9]{1,5}$/, 'must be a port number')
  .transform(Number)
  .refine((number) => number <= 65_535, 'must be a port number, 65535 at most');

const baseUrl = z.string().check(({ value, issues }) => {
  const problem = problemOfBaseUrl(value);
  if (problem !== undefined) issues.push({ code: 'custom', input: value, message: problem });
});

const feeds = z.string().transform((text, context): readonly Feed[] => {
  const parsed = parseFeeds(text);
  if ('feeds' in parsed) return parsed.feeds;
  context.addIssue({ code: 'custom', input: text, message: parsed.problem });
  return z.NEVER;
});

const webhookSecrets = z.string().transform((given, context) => {
  try {
    return parseWebhookSecrets(given);
  } catch (error) {
    const message = (error as Error).message;
    context.addIssue({
      code: 'custom',
      message: `must be as in {"chat": "whsec_…"}. ${message.slice(0, -1)}`,
    });
    return z.NEVER;
  }
});

const printable = z.string().regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces');

const providerShape = Object.fromEntries(
  PROVIDERS.flatMap((provider) => [
    [baseUrlName(provider), baseUrl.optional()],
    [apiKeyName(provider), printable.optional()],
  ]),
);

const environmentSchema = z.object({
  PORT: port.default(8787),
  HOST: z.string().default('127.0.0.1'),
  SPENDCAP_DATA_DIR: z.string().optional(),
  SPENDCAP_CONFIG: z.string().optional(),
  SPENDCAP_ADMIN_KEY: printable
    .min(ADMIN_KEY_LENGTH_MIN, `must have ${ADMIN_KEY_LENGTH_MIN} characters at least`)
    .optional(),
  SPENDCAP_PRICE_FEEDS: feeds.optional(),
  SPENDCAP_WEBHOOK_SECRETS: webhookSecrets.default(new Map()),
  ...providerShape,
});

export function readEnvironment(environment: Environment): LocalSettings {
  // An empty variable is how shells and compose files leave one out.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => explain(String(issue.path[0]), given, issue.message));
    throw new InvalidEnvironment(lines.join('\n'));
  }
  const { data } = parsed;
  return {
    host: data.HOST,
    port: data.PORT,
    dataDirectory: data.SPENDCAP_DATA_DIR,
    policyFile: data.SPENDCAP_CONFIG,
    adminKey: data.SPENDCAP_ADMIN_KEY,
    upstreams: upstreamsOf(given),
    webhookSecrets: data.SPENDCAP_WEBHOOK_SECRETS,
    priceFeeds: data.SPENDCAP_PRICE_FEEDS,
    notes: notesOn(given),
  };
}

function upstreamsOf(given: Environment): UpstreamTargets {
  const targets: UpstreamTargets = {};
  for (const provider of PROVIDERS) {
    const url = given[baseUrlName(provider)];
    if (url === undefined) continue;
    const { origin } = new URL(url);
    const credential =
      provider === 'bedrock' ? bedrockCredential(origin, given) : { apiKey: given[apiKeyName(provider)] };
    targets[provider] = { origin, ...credential };
  }
  return targets;
}

function notesOn(given: Environment): string[] {
  const unused = PROVIDERS.filter(
    (provider) => given[apiKeyName(provider)] !== undefined && given[baseUrlName(provider)] === undefined,
  ).map(
    (provider) =>
      `${apiKeyName(provider)} is not used: without ${baseUrlName(provider)} the provider is simulated.`,
  );
  const known = new Set([...Object.keys(environmentSchema.shape), ...OTHER_NAMES]);
  const unknown = Object.keys(given)
    .filter((name) => name.startsWith('SPENDCAP_') && !known.has(name))
    .map((name) => `${name} is not known here, and has no effect.`);
  return [...unused, ...unknown];
}

/** The value itself only where it is no secret. */
function explain(name: string, given: Environment, message: string): string {
  return name.endsWith('_KEY') || name.endsWith('_SECRETS')
    ? `${name} ${message}.`
    : `${name} is ${JSON.stringify(given[name])}: it ${message}.`;
}

function problemOfBaseUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    return 'must be an address such as https://api.openai.com';
  }
  if (url.username !== '' || url.password !== '')
    return 'must hold no credential; a key has its own variable';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return `must be without path: ${url.origin}`;
  }
  return undefined;
}

function baseUrlName(provider: UpstreamName): string {
  return `SPENDCAP_${provider.toUpperCase()}_BASE_URL`;
}
function apiKeyName(provider: UpstreamName): string {
  return `SPENDCAP_${provider.toUpperCase()}_API_KEY`;
}
