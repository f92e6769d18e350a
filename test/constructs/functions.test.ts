/** The functions: how each runs, and the environment that its handler reads. */
import { describe, expect, test } from 'vitest';
import { nameOf, resourcesOf, synthesised } from './stacks.ts';

const { stateless } = synthesised();
const functions = Object.fromEntries(
  Object.entries(resourcesOf(stateless, 'AWS::Lambda::Function')).map(([id, { Properties }]) => [
    nameOf(id),
    Properties,
  ]),
);
const environmentOf = (name: string) =>
  (functions[name]!['Environment'] as { Variables: Record<string, unknown> }).Variables;

test('are these eight', () => {
  expect(Object.keys(functions).sort()).toEqual([
    'Admin',
    'CanaryFunction',
    'ChangeFeedFunction',
    'CollectorFunction',
    'EscalationFunction',
    'PolicyCapsFunction',
    'PriceRefreshFunction',
    'Proxy',
  ]);
});

test.each(Object.keys(functions))(
  '%s runs Node 24 on ARM64, with source maps and its own log group',
  (name) => {
    expect(functions[name]).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      LoggingConfig: { LogGroup: expect.anything() as unknown },
    });
    expect(environmentOf(name)['NODE_OPTIONS']).toBe('--enable-source-maps');
  },
);

describe('environments', () => {
  test.each([
    ['Proxy', ['ANTHROPIC_BASE_URL', 'OPENAI_BASE_URL', 'PROVIDER_SECRET_ARN', 'TABLE_NAME']],
    ['Admin', ['KEY_ENVIRONMENT', 'TABLE_NAME']],
    ['ChangeFeedFunction', ['EVENT_BUS_NAME', 'TABLE_NAME']],
    ['EscalationFunction', ['STATE_MACHINE_ARN', 'TABLE_NAME']],
    ['CollectorFunction', ['TABLE_NAME']],
    ['PriceRefreshFunction', ['EVENT_BUS_NAME', 'TABLE_NAME']],
    ['PolicyCapsFunction', ['TABLE_NAME']],
    ['CanaryFunction', ['CANARY_SECRET_ARN', 'GATEWAY_URL']],
  ])('%s', (name, variables) => {
    expect(Object.keys(environmentOf(name)).sort()).toEqual([...variables, 'NODE_OPTIONS'].sort());
  });

  test('the providers are the real ones unless the context says otherwise', () => {
    expect(environmentOf('Proxy')).toMatchObject({
      OPENAI_BASE_URL: 'https://api.openai.com',
      ANTHROPIC_BASE_URL: 'https://api.anthropic.com',
    });
    const other = synthesised({ openaiBaseUrl: 'http://127.0.0.1:9000' }).stateless;
    other.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: { OPENAI_BASE_URL: 'http://127.0.0.1:9000' } },
    });
  });
});

describe('concurrency', () => {
  const reservedIn = (context: Record<string, unknown>) =>
    Object.entries(resourcesOf(synthesised(context).stateless, 'AWS::Lambda::Function')).flatMap(
      ([id, { Properties }]) => {
        const reserved = Properties['ReservedConcurrentExecutions'] as number | undefined;
        return reserved === undefined ? [] : [`${nameOf(id)} ${reserved}`];
      },
    );

  test('is reserved for calls and for one collector', () => {
    expect(reservedIn({}).sort()).toEqual(['CollectorFunction 1', 'Proxy 400']);
    expect(reservedIn({ proxyConcurrency: '900' })).toContain('Proxy 900');
  });

  test('is left alone where the account has none to give', () => {
    expect(reservedIn({ proxyConcurrency: 'none' })).toEqual([]);
  });
});
