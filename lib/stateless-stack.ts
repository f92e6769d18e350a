/** What runs: the front door and the functions. It can be removed and deployed again without losing a cent. */
import { resolve } from 'node:path';
import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { storesAnswers } from '../lambdas/core/policy/policy.ts';
import { Approvals } from './constructs/approvals/approvals.ts';
import { AnswerKey } from './constructs/answer-key/answer-key.ts';
import { grantBedrock } from './constructs/bedrock/grant-bedrock.ts';
import { Canary } from './constructs/canary/canary.ts';
import { ChangeFeed } from './constructs/change-feed/change-feed.ts';
import { grantRedrive } from './constructs/dead-letters/redrive.ts';
import { Collector } from './constructs/collector/collector.ts';
import { Escalation } from './constructs/escalation/escalation.ts';
import { FinanceDesk } from './constructs/finance-mail/finance-desk.ts';
import { FinanceMail } from './constructs/finance-mail/finance-mail.ts';
import { grantNews } from './constructs/finance-mail/grant-news.ts';
import { Gateway } from './constructs/gateway/gateway.ts';
import { Alarms } from './constructs/monitoring/alarms.ts';
import { addDashboard } from './constructs/monitoring/dashboard.ts';
import { NodeFunction } from './constructs/node-function/node-function.ts';
import { PolicyCaps } from './constructs/policy-caps/policy-caps.ts';
import { PriceRefresh } from './constructs/price-refresh/price-refresh.ts';
import { ChargeFeed } from './constructs/rollups/charge-feed.ts';
import { RollUp } from './constructs/rollups/roll-up.ts';
import { Webhooks } from './constructs/webhooks/webhooks.ts';
import type { Deployment } from './deployment.ts';
import type { StatefulStack } from './stateful-stack.ts';

export interface StatelessStackProps extends StackProps {
  deployment: Deployment;
  stateful: StatefulStack;
}

export class StatelessStack extends Stack {
  constructor(scope: Construct, id: string, { deployment, stateful, ...props }: StatelessStackProps) {
    super(scope, id, props);
    const proxy = this.#proxy(deployment, stateful);
    const admin = this.#admin(deployment, stateful);
    const { policy, stage, proxyConcurrency } = deployment;
    const { table, bus } = stateful;
    const mail = new FinanceMail(this, 'FinanceMail', policy);
    const approvals = new Approvals(this, 'Approvals', {
      ...{ stage, policy, table, bus, mail },
      definitionFile: resolve(import.meta.dirname, 'approval.asl.json'),
    });
    approvals.grantEnding(admin);
    const gateway = new Gateway(this, 'Gateway', { stage, proxy, admin, approve: approvals.page });
    approvals.linkTo(deployment.publicUrl ?? gateway.api.url);

    new PolicyCaps(this, 'PolicyCaps', { policy, table });
    const changeFeed = new ChangeFeed(this, 'ChangeFeed', { policy, table, bus });
    grantNews(admin, { bus, mail });
    const definitionFile = resolve(import.meta.dirname, 'escalation.asl.json');
    const financeDesk = new FinanceDesk(this, 'FinanceDesk', { policy, table, mail });
    const escalation = new Escalation(this, 'Escalation', {
      stage,
      policy,
      table,
      bus,
      desk: financeDesk,
      definitionFile,
    });
    const reserve = proxyConcurrency !== 'none';
    const collector = new Collector(this, 'Collector', { policy, table, reserve });
    const chargeFeed = new ChargeFeed(this, 'ChargeFeed', { policy, table });
    const rollUp = new RollUp(this, 'RollUp', { policy, table, reserve, bus, mail });

    const priceRefresh = new PriceRefresh(this, 'PriceRefresh', { policy, table, bus, mail });
    const canary = new Canary(this, 'Canary', { policy, gatewayUrl: gateway.api.url });

    // Nothing is made, or billed, for what nobody has subscribed to.
    const webhooks =
      policy.webhooks.length === 0 ? undefined : new Webhooks(this, 'Webhooks', { policy, bus });

    grantRedrive(admin, {
      dead: {
        'change-feed': changeFeed.deadLetters,
        'charge-feed': chargeFeed.deadLetters,
        'roll-up': rollUp.deadLetters,
        escalation: escalation.deadLetters,
        'finance-desk': financeDesk.deadLetters,
        approvals: approvals.deadLetters,
        collector: collector.deadLetters,
        'price-refresh': priceRefresh.deadLetters,
        ...(webhooks && { webhooks: webhooks.deadLetters }),
      },
      deliveries: webhooks?.queue,
    });
    // For tests that an administrator asks for.
    webhooks?.grantSigning(admin);
    const feeds = { changeFeed, chargeFeed, rollUp };
    const people = { escalation, financeDesk, approvals };
    const functions = { proxy, admin, ...feeds, ...people, collector, priceRefresh, canary };
    const watched = { gateway, ...functions, webhooks };
    new Alarms(this, 'Alarms', watched, deployment.alarmEmail);
    addDashboard(this, 'Dashboard', `spendcap-${stage}`, watched);

    new CfnOutput(this, 'Url', { value: gateway.api.url });
    new CfnOutput(this, 'ApiId', { value: gateway.api.restApiId });
    new CfnOutput(this, 'FinanceTopicArn', { value: mail.topicArn });
    new CfnOutput(this, 'CanarySecretArn', { value: canary.secretArn });
    if (webhooks) new CfnOutput(this, 'WebhookSecretArn', { value: webhooks.secretArn });
    new CfnOutput(this, 'LadderArn', { value: escalation.stateMachine.stateMachineArn });
  }

  #proxy(deployment: Deployment, { table, providerSecret }: StatefulStack): NodeFunction {
    const { policy, proxyConcurrency } = deployment;
    const proxy = new NodeFunction(this, 'Proxy', {
      folder: 'proxy',
      description: 'One call: identify, price, reserve, forward, meter, settle',
      policy,
      timeout: Duration.minutes(15),
      memorySize: 512,
      environment: {
        OPENAI_BASE_URL: deployment.openaiBaseUrl,
        ANTHROPIC_BASE_URL: deployment.anthropicBaseUrl,
        ...(deployment.azureBaseUrl !== undefined && { AZURE_BASE_URL: deployment.azureBaseUrl }),
      },
      ...(proxyConcurrency !== 'none' && { reservedConcurrentExecutions: proxyConcurrency }),
    });
    table.grantLedger(proxy);
    providerSecret.grantRead(proxy);
    if (deployment.bedrockRegion !== undefined) grantBedrock(proxy, deployment.bedrockRegion);
    if (storesAnswers(policy)) new AnswerKey(this, 'AnswerKey').grantRead(proxy);
    return proxy;
  }

  #admin({ policy, stage }: Deployment, { table }: StatefulStack): NodeFunction {
    const admin = new NodeFunction(this, 'Admin', {
      folder: 'admin',
      description: 'The admin API: caps, keys, usage, audit',
      policy,
      timeout: Duration.seconds(29),
      memorySize: 512,
      environment: { KEY_ENVIRONMENT: stage },
    });
    table.grantAdministration(admin);
    return admin;
  }
}
