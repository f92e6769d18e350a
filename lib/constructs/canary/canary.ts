/**
 * Asks every quarter of an hour, as a caller with a cap of one cent, whether the cap still holds. It has no
 * permission on the books: what it sees is what callers see. An operator puts its key into the secret once
 * (docs/deploy.md); until then it fails, because nobody watches.
 */
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import { NodeFunction } from '../node-function/node-function.ts';
import { FunctionSchedule } from '../schedule/function-schedule.ts';

const PERIOD = Duration.minutes(15);

export interface CanaryProps {
  policy: Policy;
  /** The address that callers use. */
  gatewayUrl: string;
}

export class Canary extends Construct {
  readonly function: NodeFunction;
  readonly secretArn: string;

  constructor(scope: Construct, id: string, { policy, gatewayUrl }: CanaryProps) {
    super(scope, id);
    const secret = this.#secret();
    this.secretArn = secret.secretArn;
    this.function = new NodeFunction(this, 'Function', {
      folder: 'canary',
      description: 'Calls the gateway with a cap of one cent: the second call must be refused',
      policy,
      timeout: Duration.minutes(2),
      memorySize: 256,
      environment: { GATEWAY_URL: gatewayUrl, CANARY_SECRET_ARN: this.secretArn },
    });
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [this.secretArn] }),
    );
    new FunctionSchedule(this, 'QuarterHourly', {
      function: this.function,
      description: 'Every 15 minutes: does a cap of one cent hold?',
      every: PERIOD,
      maxAge: PERIOD,
      // A second try at once would hide what the first one saw.
      retries: { delivery: 0, run: 0 },
    });
  }

  #secret(): Secret {
    const secret = new Secret(this, 'Secret', {
      description: 'Spendcap key of the canary: {"key": "sck_..."}',
      // Without a template the value would be a random text; the generated member is not used.
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ key: '' }),
        generateStringKey: 'unused',
      },
      // A new key is made in a minute; nothing is lost with this one.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'The key buys a cent a day; a new one is made by the admin API, which no rotation function may call.',
    });
    return secret;
  }
}
