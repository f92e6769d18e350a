/** Stored answers on AWS: the key, its permission and its variable come together, and only where an app asks for them. */
import { describe, expect, test } from 'vitest';
import { nameOf, resourcesOf, storingPolicy, synthesised } from './stacks.ts';

interface Statement {
  Action: string | string[];
  Resource: unknown;
}

const secretsOf = (template: ReturnType<typeof synthesised>['stateless']) =>
  Object.entries(resourcesOf(template, 'AWS::SecretsManager::Secret')).filter(([id]) =>
    nameOf(id).startsWith('AnswerKey'),
  );
const variablesOf = (template: ReturnType<typeof synthesised>['stateless'], name: string) => {
  const [, fn] = Object.entries(resourcesOf(template, 'AWS::Lambda::Function')).find(
    ([id]) => nameOf(id) === name,
  )!;
  return (fn.Properties['Environment'] as { Variables: Record<string, unknown> }).Variables;
};

describe('a policy that stores answers', () => {
  const { stateless } = synthesised({}, storingPolicy);
  const [secretId, secret] = secretsOf(stateless)[0]!;

  test('has one key, made up by Secrets Manager, that goes with its stack', () => {
    expect(secretsOf(stateless)).toHaveLength(1);
    expect(secret.Properties).toMatchObject({
      GenerateSecretString: { PasswordLength: 64, ExcludePunctuation: true },
    });
    expect(secret.DeletionPolicy).toBe('Delete');
  });

  test('lets the proxy read it, and nobody else', () => {
    const readers = Object.values(resourcesOf(stateless, 'AWS::IAM::Policy')).flatMap(({ Properties }) => {
      const { Statement } = Properties['PolicyDocument'] as { Statement: Statement[] };
      const reading = Statement.filter(({ Resource }) => JSON.stringify(Resource).includes(secretId));
      return reading.map(({ Action }) => [
        nameOf((Properties['Roles'] as { Ref: string }[])[0]!.Ref),
        Action,
      ]);
    });
    expect(readers).toEqual([['ProxyRole', 'secretsmanager:GetSecretValue']]);
    expect(variablesOf(stateless, 'Proxy')['ANSWER_KEY_SECRET_ARN']).toEqual({ Ref: secretId });
    expect(variablesOf(stateless, 'Admin')).not.toHaveProperty('ANSWER_KEY_SECRET_ARN');
  });
});

test('a policy that stores none has no key', () => {
  const { stateless } = synthesised();
  expect(secretsOf(stateless)).toEqual([]);
  expect(variablesOf(stateless, 'Proxy')).not.toHaveProperty('ANSWER_KEY_SECRET_ARN');
});
