/** The gateway as a Lambda function: what one container is made of. */
import { fromEnv } from '@aws-sdk/credential-provider-env';
import { awsSigner } from '../adapters/upstream/aws-signature.ts';
import type { Gateway, OperatorEvent } from '../core/gateway.ts';
import { parsePolicy, storesAnswers } from '../core/policy/policy.ts';
import { StoredAnswers } from '../core/replay/stored-answers.ts';
import { answerSealer } from '../runtime/answer-sealer.ts';
import { openAwsBooks } from '../runtime/aws-books.ts';
import { origin, readEnvironment, text } from '../runtime/environment.ts';
import { operatorLine, standardOutput } from '../runtime/log.ts';
import { providerKeys } from '../runtime/provider-keys.ts';
import { ProviderUpstream } from '../runtime/provider-upstream.ts';
import { openPrices } from '../runtime/stored-prices.ts';
import { reportStrayFailures } from '../runtime/stray-failures.ts';
import { openGateway } from './open-gateway.ts';
import { createHandler } from './streaming-handler.ts';

/** The policy file's content; the bundler puts it here, so that the code and its policy are deployed as one. */
declare const SPENDCAP_POLICY: unknown;

const policy = parsePolicy(SPENDCAP_POLICY);

const failed = (reason: string): void =>
  standardOutput(operatorLine('proxy', Date.now(), { kind: 'failed', requestId: '', reason }));
reportStrayFailures(failed);

let gateway: Gateway | undefined;
/** Built at the first call, so that a mistake in the environment is answered and logged as every failure is. */
export const handler = createHandler({ gateway: () => (gateway ??= gatewayOnAws()), log: standardOutput });

function gatewayOnAws(): Gateway {
  const settings = readEnvironment(
    {
      TABLE_NAME: text,
      PROVIDER_SECRET_ARN: text,
      ANSWER_KEY_SECRET_ARN: storesAnswers(policy) ? text : text.optional(),
      OPENAI_BASE_URL: origin.default('https://api.openai.com'),
      ANTHROPIC_BASE_URL: origin.default('https://api.anthropic.com'),
      AZURE_BASE_URL: origin.optional(),
      BEDROCK_REGION: text.optional(),
    },
    process.env,
  );
  const { table, ledger, directory, clock, ids } = openAwsBooks(settings.TABLE_NAME);
  const prices = openPrices({ table, clock });
  const report = (event: OperatorEvent): void => standardOutput(operatorLine('proxy', clock.now(), event));
  const region = settings.BEDROCK_REGION;
  const keys = providerKeys(settings.PROVIDER_SECRET_ARN);
  keys.current().catch(() => undefined); // on its way while the first call is admitted; told when it is needed
  prices.current().catch(() => undefined); // likewise
  const upstream = new ProviderUpstream({
    origins: {
      openai: settings.OPENAI_BASE_URL,
      anthropic: settings.ANTHROPIC_BASE_URL,
      ...(settings.AZURE_BASE_URL !== undefined && { azure: settings.AZURE_BASE_URL }),
      ...(region !== undefined && { bedrock: `https://bedrock-runtime.${region}.amazonaws.com` }),
    },
    // By the function's own role.
    signers:
      region === undefined
        ? {}
        : { bedrock: awsSigner({ service: 'bedrock', region, credentials: fromEnv() }) },
    currentKeys: () => keys.current(),
    report: failed,
  });
  const answerKey = settings.ANSWER_KEY_SECRET_ARN;
  const answers =
    answerKey === undefined
      ? undefined
      : new StoredAnswers({ table, clock, policy, sealer: answerSealer(answerKey) });
  return openGateway({ table, ledger, directory, prices, upstream, answers, clock, ids, policy, report });
}
