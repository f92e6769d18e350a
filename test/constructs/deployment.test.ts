/** What a deployment is told, and the rules of cdk-nag and of CloudFormation. */
import { App, Validations } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { CfnQueue } from 'aws-cdk-lib/aws-sqs';
import { describe, expect, test } from 'vitest';
import { DeploymentInvalid, readDeployment } from '../../lib/deployment.ts';
import { createStacks } from '../../lib/stacks.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { appWith, policy, storingPolicy } from './stacks.ts';

describe('context values', () => {
  const read = (context: Record<string, unknown>) => readDeployment(new App({ context }), policy);

  test('all have defaults', () => {
    expect(read({})).toEqual({
      stage: 'prod',
      openaiBaseUrl: 'https://api.openai.com',
      anthropicBaseUrl: 'https://api.anthropic.com',
      proxyConcurrency: 400,
      policy,
    });
  });

  test.each([
    ['stage', 'Prod'],
    ['stage', 'a-b'],
    ['openaiBaseUrl', 'api.openai.com'],
    ['alarmEmail', 'ops'],
    ['proxyConcurrency', '0'],
    ['proxyConcurrency', 'many'],
  ])('%s is not %s, and the mistake names it', (name, value) => {
    expect(() => read({ [name]: value })).toThrow(DeploymentInvalid);
    expect(() => read({ [name]: value })).toThrow(name);
  });

  test.each([
    ['https://api.openai.com/v1', /https:\/\/api\.openai\.com\b.*without a path/],
    ['https://api.openai.com?key=1', /without a path/],
    ['https://user:secret@api.openai.com', /without a path/],
    ['http://api.openai.com', /https/],
    ['http://127.0.0.1.example.com', /https/],
    ['ftp://api.openai.com', /https/],
    ['api.openai.com', /https/],
    ['', /https/],
  ])('an upstream or a domain is not %j, and the mistake says what to give', (address, advice) => {
    for (const name of ['openaiBaseUrl', 'anthropicBaseUrl', 'azureBaseUrl', 'publicUrl']) {
      const reading = () => read({ [name]: address });
      expect(reading).toThrow(DeploymentInvalid);
      expect(reading).toThrow(name);
      expect(reading).toThrow(advice);
      expect(reading).not.toThrow(/secret/);
    }
  });

  test.each([
    ['https://llm.example.com:8443', 'https://llm.example.com:8443'],
    // As copied from a browser.
    ['https://LLM.example.com/', 'https://llm.example.com'],
    // For a provider that is simulated beside an emulator; nothing else listens there.
    ['http://127.0.0.1:9000', 'http://127.0.0.1:9000'],
    ['http://localhost:9000', 'http://localhost:9000'],
    ['http://[::1]:9000', 'http://[::1]:9000'],
  ])('an upstream may be %s', (address, expected) => {
    expect(read({ openaiBaseUrl: address }).openaiBaseUrl).toBe(expected);
  });

  test('a stage stands in every name, so two fit into one account', () => {
    const app = appWith({ stage: 'test' });
    const { stateful, stateless } = createStacks(app, readDeployment(app, policy));
    expect([stateful.stackName, stateless.stackName]).toEqual([
      'spendcap-test-stateful',
      'spendcap-test-stateless',
    ]);
  });
});

describe('a policy file without an address for finance', () => {
  const warningsWith = (given: typeof policy): string[] => {
    const app = appWith();
    const { stateless } = createStacks(app, readDeployment(app, given));
    return Annotations.fromStack(stateless)
      .findWarning('*', Match.stringLikeRegexp('nobody-is-mailed'))
      .map(({ id }) => id);
  };

  test('is said at synth', () => {
    expect(warningsWith(parsePolicy({}))).toEqual(['/spendcap-prod-stateless/FinanceMail']);
  });

  test('and nothing is said with one', () => {
    expect(warningsWith(policy)).toEqual([]);
  });
});

describe('cdk-nag', () => {
  const checked = (): ReturnType<typeof appWith> => {
    const app = appWith();
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    return app;
  };

  test('finds nothing that is not acknowledged with its reason', () => {
    const app = checked();
    createStacks(app, readDeployment(app, storingPolicy));
    expect(() => app.synth()).not.toThrow();
  });

  test('would find something', () => {
    const app = checked();
    const { stateless } = createStacks(app, readDeployment(app, policy));
    new Topic(stateless, 'OverPlainHttp');
    expect(() => app.synth()).toThrow(/SNS3/);
  });
});

describe('the rules of CloudFormation', () => {
  const checked = (): ReturnType<typeof appWith> => appWith({ alarmEmail: 'ops@example.com' }, true);

  test('are kept', () => {
    const app = checked();
    createStacks(app, readDeployment(app, storingPolicy));
    expect(() => app.synth()).not.toThrow();
  });

  test('would not be', () => {
    const app = checked();
    const { stateless } = createStacks(app, readDeployment(app, policy));
    new CfnQueue(stateless, 'Hasty', { visibilityTimeout: -1 });
    expect(() => app.synth()).toThrow(/-1/);
  });
});
