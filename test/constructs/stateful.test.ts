/** What survives: the table as the adapter needs it, and everything retained. */
import { describe, expect, test } from 'vitest';
import { nameOf, resourcesOf, synthesised } from './stacks.ts';

const { stateful } = synthesised();

describe('the table', () => {
  const [table] = Object.values(resourcesOf(stateful, 'AWS::DynamoDB::GlobalTable'));
  const properties = table!.Properties;

  test('has the keys and the index of the adapter, all strings', () => {
    expect(properties['KeySchema']).toEqual([
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ]);
    expect(properties['GlobalSecondaryIndexes']).toEqual([
      {
        IndexName: 'byTime',
        KeySchema: [
          { AttributeName: 'gpk', KeyType: 'HASH' },
          { AttributeName: 'gsk', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ]);
    expect(properties['AttributeDefinitions']).toEqual(
      ['pk', 'sk', 'gpk', 'gsk'].map((name) => ({ AttributeName: name, AttributeType: 'S' })),
    );
  });

  test('is billed on demand, and streams both images', () => {
    expect(properties['BillingMode']).toBe('PAY_PER_REQUEST');
    expect(properties['StreamSpecification']).toEqual({ StreamViewType: 'NEW_AND_OLD_IMAGES' });
  });

  // That only stored answers have the attribute: test/flow/replay.test.ts.
  test('expires stored answers', () => {
    expect(properties['TimeToLiveSpecification']).toEqual({ AttributeName: 'ttl', Enabled: true });
  });

  test('can be restored to any second and cannot be deleted', () => {
    expect(properties['Replicas']).toEqual([
      expect.objectContaining({
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      }),
    ]);
  });

  test('stands in one region: two writers would each admit the same money', () => {
    expect(properties['Replicas']).toHaveLength(1);
  });
});

test('every resource outlives its stack', () => {
  const { Resources } = stateful.toJSON() as { Resources: Record<string, { DeletionPolicy?: string }> };
  const policies = Object.fromEntries(
    Object.entries(Resources).map(([id, { DeletionPolicy }]) => [nameOf(id), DeletionPolicy]),
  );
  expect(policies).toEqual({
    BudgetTable: 'Retain',
    ProviderSecret: 'Retain',
    Bus: 'Retain',
  });
});

test('the secret holds no key of ours', () => {
  stateful.hasResourceProperties('AWS::SecretsManager::Secret', {
    GenerateSecretString: { SecretStringTemplate: '{"openai_api_key":"","anthropic_api_key":""}' },
  });
});
