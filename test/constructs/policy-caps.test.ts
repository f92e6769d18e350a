/** The policy file's caps: when a deployment brings them into the table, and after what. */
import { describe, expect, test } from 'vitest';
import { readDeployment } from '../../lib/deployment.ts';
import { createStacks } from '../../lib/stacks.ts';
import { parsePolicy, type PolicyInput } from '../../lambdas/core/policy/policy.ts';
import { Template } from 'aws-cdk-lib/assertions';
import { appWith, nameOf, resourcesOf, type Resource } from './stacks.ts';

const TYPE = 'Custom::SpendcapPolicyCaps';

function stackWith(input: PolicyInput, context: Record<string, unknown> = {}): Template {
  const app = appWith(context);
  return Template.fromStack(createStacks(app, readDeployment(app, parsePolicy(input))).stateless);
}
const propertiesOf = (template: Template): Record<string, unknown> =>
  Object.values(resourcesOf(template, TYPE))[0]!.Properties;

const stateless = stackWith({});

describe('the caps of the policy file', () => {
  test('are brought in by our own function, which may take ten minutes to say so', () => {
    expect(Object.keys(resourcesOf(stateless, TYPE))).toHaveLength(1);
    const { ServiceToken, ServiceTimeout } = propertiesOf(stateless);
    const [token, attribute] = (ServiceToken as { 'Fn::GetAtt': [string, string] })['Fn::GetAtt'];
    expect(nameOf(token)).toBe('PolicyCapsFunction');
    expect(attribute).toBe('Arn');
    expect(Number(ServiceTimeout)).toBe(600);
  });

  test('are brought in again by another policy, and by another table', () => {
    const hashOf = (template: Template) => propertiesOf(template)['PolicySha256'];
    expect(hashOf(stateless)).toMatch(/^[0-9a-f]{64}$/);
    expect(hashOf(stackWith({}))).toBe(hashOf(stateless));
    expect(hashOf(stackWith({}, { proxyConcurrency: 7 }))).toBe(hashOf(stateless));
    expect(hashOf(stackWith({ plans: {} }))).not.toBe(hashOf(stateless));
    expect(JSON.stringify(propertiesOf(stateless)['TableName'])).toContain('BudgetTable');
  });

  test('come after the function’s permissions', () => {
    const functions = resourcesOf(stateless, 'AWS::Lambda::Function') as Record<
      string,
      Resource & { DependsOn: string[] }
    >;
    const [, fn] = Object.entries(functions).find(([id]) => nameOf(id) === 'PolicyCapsFunction')!;
    expect(fn.DependsOn.map(nameOf)).toContain('PolicyCapsFunctionRoleDefaultPolicy');
  });
});
