/**
 * What one deployment is told: the policy file, and a few context values (`cdk deploy -c stage=test`). Checked
 * here once, so that a mistake is a sentence at synth and not a failure in the account.
 */
import type { App } from 'aws-cdk-lib';
import * as z from 'zod';
import type { Policy } from '../lambdas/core/policy/policy.ts';

/** Nothing outside a function listens here: these are for providers that are simulated beside an emulator. */
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Where a provider is: scheme, host and port, since the gateway adds the paths. */
const upstream = (usual: string) => origin(usual, 'the gateway adds /v1/… itself');

function origin(usual: string, whyNoPath: string) {
  return z.string().transform((address, context) => {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.has(url.hostname));
    if (!isSafe) {
      context.addIssue(`give an address that begins with https://, as in ${usual}`);
      return z.NEVER;
    }
    if (url.href !== `${url.origin}/`) {
      context.addIssue(`give ${url.origin}, without a path: ${whyNoPath}`);
      return z.NEVER;
    }
    return url.origin;
  });
}

const contextSchema = z.object({
  /** Part of every name; two stages can stand in one account. */
  stage: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,15}$/, 'use 1 to 16 small letters and digits, a letter first')
    .default('prod'),
  openaiBaseUrl: upstream('https://api.openai.com').default('https://api.openai.com'),
  anthropicBaseUrl: upstream('https://api.anthropic.com').default('https://api.anthropic.com'),
  /** Of the Azure OpenAI resource; without it there are no Azure deployments. */
  azureBaseUrl: upstream('https://my-resource.openai.azure.com').optional(),
  /** Where Bedrock is called, by the proxy's own role; without it the role may not call it. */
  bedrockRegion: z
    .string()
    .regex(/^[a-z]{2}(?:-[a-z]+)+-[0-9]$/, 'give a region, as in us-east-1')
    .optional(),
  /** Where people reach the gateway, if not at the API's own address: a domain that is mapped to it. */
  publicUrl: origin('https://llm.example.com', 'map the domain without a base path').optional(),
  /** Where alarms are mailed; without it they only show in CloudWatch. */
  alarmEmail: z.email().optional(),
  /**
   * Calls in flight at once. A call keeps its function busy for as long as the provider answers, so this is rate
   * times duration. Reserving fails where the account's quota would leave others less than 100; `none` reserves
   * nothing, which is what a new account with a quota of 10 needs.
   */
  proxyConcurrency: z.union([z.literal('none'), z.coerce.number().int().min(1)]).default(400),
});

export type Deployment = z.output<typeof contextSchema> & { policy: Policy };

/** Throws DeploymentInvalid, which names each context value that is wrong. */
export function readDeployment(app: App, policy: Policy): Deployment {
  const given = Object.fromEntries(
    Object.keys(contextSchema.shape).map((name) => [name, app.node.tryGetContext(name) as unknown]),
  );
  const parsed = contextSchema.safeParse(given);
  if (parsed.success) return { ...parsed.data, policy };
  const mistakes = parsed.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`);
  throw new DeploymentInvalid(`Context values have mistakes:\n${mistakes.join('\n')}`);
}

export class DeploymentInvalid extends Error {
  override name = 'DeploymentInvalid';
}
