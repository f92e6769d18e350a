/**
 * What may never be lost: the books, the provider keys, and the bus that others subscribe to. Deleting the stack
 * leaves all three in the account.
 */
import { CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import { BudgetTable } from './constructs/budget-table/budget-table.ts';
import { ProviderSecret } from './constructs/provider-secrets/provider-secret.ts';

export interface StatefulStackProps extends StackProps {
  stage: string;
}

export class StatefulStack extends Stack {
  readonly table: BudgetTable;
  readonly providerSecret: ProviderSecret;
  readonly bus: EventBus;

  constructor(scope: Construct, id: string, { stage, ...props }: StatefulStackProps) {
    super(scope, id, props);
    this.table = new BudgetTable(this, 'BudgetTable');
    this.providerSecret = new ProviderSecret(this, 'ProviderSecret');
    this.bus = new EventBus(this, 'Bus', { eventBusName: `spendcap-${stage}` });
    this.bus.applyRemovalPolicy(RemovalPolicy.RETAIN);

    new CfnOutput(this, 'TableName', { value: this.table.tableName });
    new CfnOutput(this, 'ProviderSecretArn', { value: this.providerSecret.secretArn });
    new CfnOutput(this, 'EventBusName', { value: this.bus.eventBusName });
  }
}
