/**
 * The caps of the policy file, in the table: a custom resource with the policy's hash as its property, so that each
 * deployment with another policy updates it, and none else. The function is the resource's own provider: the ones of
 * the CDK bring a second function with a managed policy. Removing the stack leaves the caps where they are.
 */
import { createHash } from 'node:crypto';
import { CustomResource, Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';
import type { BudgetTable } from '../budget-table/budget-table.ts';
import { NodeFunction } from '../node-function/node-function.ts';

export interface PolicyCapsProps {
  policy: Policy;
  table: BudgetTable;
}

export class PolicyCaps extends Construct {
  readonly function: NodeFunction;

  constructor(scope: Construct, id: string, { policy, table }: PolicyCapsProps) {
    super(scope, id);
    this.function = new NodeFunction(this, 'Function', {
      folder: 'apply-policy',
      description: 'Brings the caps of the policy file into the table, when a deployment changes them',
      policy,
      timeout: Duration.minutes(2),
      memorySize: 256,
    });
    table.grantPolicyCaps(this.function);
    // It comes after the function, and the function after its role and permissions.
    new CustomResource(this, 'Caps', {
      resourceType: 'Custom::SpendcapPolicyCaps',
      serviceToken: this.function.functionArn,
      // A function that cannot even start answers nothing; by default the stack would wait for an hour.
      serviceTimeout: Duration.minutes(10),
      properties: {
        PolicySha256: createHash('sha256').update(JSON.stringify(policy)).digest('hex'),
        // Another table has none of them yet.
        TableName: table.tableName,
      },
    });
  }
}
