/** The functions: how each runs, and the environment that its handler reads. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { bundleFunctions } from '../../lib/constructs/node-function/bundle.ts';
import { NodeFunction } from '../../lib/constructs/node-function/node-function.ts';
import { nameOf, policy, resourcesOf, synthesised } from './stacks.ts';

const { stateless } = synthesised();
const functions = Object.fromEntries(
  Object.entries(resourcesOf(stateless, 'AWS::Lambda::Function')).map(([id, { Properties }]) => [
    nameOf(id),
    Properties,
  ]),
);
const environmentOf = (name: string) =>
  (functions[name]!['Environment'] as { Variables: Record<string, unknown> }).Variables;

test('are these', () => {
  expect(Object.keys(functions).sort()).toEqual([
    'Admin',
    'ApprovalsFunction',
    'ApprovalsPage',
    'CanaryFunction',
    'ChangeFeedFunction',
    'ChargeFeedFunction',
    'CollectorFunction',
    'EscalationFunction',
    'FinanceDeskFunction',
    'PolicyCapsFunction',
    'PriceRefreshFunction',
    'Proxy',
    'RollUpFunction',
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
    ['Admin', ['DEAD_LETTERS', 'EVENT_BUS_NAME', 'FINANCE_TOPIC_ARN', 'KEY_ENVIRONMENT', 'TABLE_NAME']],
    [
      'ApprovalsFunction',
      ['APPROVAL_KEY_SECRET_ARN', 'FINANCE_TOPIC_ARN', 'GATEWAY_URL', 'STATE_MACHINE_ARN', 'TABLE_NAME'],
    ],
    ['ApprovalsPage', ['APPROVAL_KEY_SECRET_ARN', 'TABLE_NAME']],
    ['ChangeFeedFunction', ['EVENT_BUS_NAME', 'TABLE_NAME']],
    ['ChargeFeedFunction', ['TABLE_NAME']],
    ['RollUpFunction', ['EVENT_BUS_NAME', 'FINANCE_TOPIC_ARN', 'TABLE_NAME']],
    ['EscalationFunction', ['STATE_MACHINE_ARN', 'TABLE_NAME']],
    ['CollectorFunction', ['TABLE_NAME']],
    ['PriceRefreshFunction', ['EVENT_BUS_NAME', 'FINANCE_TOPIC_ARN', 'TABLE_NAME']],
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
    expect(environmentOf('Proxy')).not.toHaveProperty('AZURE_BASE_URL');
    const azure = synthesised({ azureBaseUrl: 'https://acme.openai.azure.com' }).stateless;
    azure.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: { AZURE_BASE_URL: 'https://acme.openai.azure.com' } },
    });
    expect(environmentOf('Proxy')).not.toHaveProperty('BEDROCK_REGION');
    const bedrock = synthesised({ bedrockRegion: 'eu-west-1' }).stateless;
    bedrock.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: { BEDROCK_REGION: 'eu-west-1' } },
    });
    const other = synthesised({ openaiBaseUrl: 'http://127.0.0.1:9000' }).stateless;
    other.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: { OPENAI_BASE_URL: 'http://127.0.0.1:9000' } },
    });
  });

  test('links in mails lead to the API, or to the domain that the context names', () => {
    expect(JSON.stringify(environmentOf('ApprovalsFunction')['GATEWAY_URL'])).toContain('.execute-api.');
    const { stateless: own } = synthesised({ publicUrl: 'https://llm.example.com/' });
    own.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: { GATEWAY_URL: 'https://llm.example.com', FINANCE_TOPIC_ARN: Match.anyValue() },
      },
    });
    const { Outputs: outputs } = own.toJSON() as { Outputs: Record<string, { Value: unknown }> };
    expect(JSON.stringify(outputs['Url']!.Value)).toContain('.execute-api.');
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

  test('is reserved for calls, and for one collector and roll-up at a time', () => {
    expect(reservedIn({}).sort()).toEqual(['CollectorFunction 1', 'Proxy 400', 'RollUpFunction 1']);
    expect(reservedIn({ proxyConcurrency: '900' })).toContain('Proxy 900');
  });

  test('is left alone where the account has none to give', () => {
    expect(reservedIn({ proxyConcurrency: 'none' })).toEqual([]);
  });
});

test('their code is the bundle of their folder, and the same sources are the same asset', () => {
  const [asset, again] = [0, 1].map(() => {
    const outdir = mkdtempSync(join(tmpdir(), 'spendcap-synth-'));
    try {
      const stack = new Stack(new App({ outdir }), 'Stack');
      const props = { description: '', timeout: Duration.minutes(1), memorySize: 128 };
      new NodeFunction(stack, 'Function', { ...props, folder: 'escalate', policy });
      const name = readdirSync(outdir).find((file) => file.startsWith('asset.'))!;
      const bundle = readdirSync(join(outdir, name)).map((file): [string, Buffer] => [
        file,
        readFileSync(join(outdir, name, file)),
      ]);
      return { name, bundle: new Map(bundle) };
    } finally {
      rmSync(outdir, { recursive: true });
    }
  });
  expect(again).toEqual(asset);
  const bundle = bundleFunctions(policy, ['escalate']).get('escalate')!;
  for (const [file, content] of bundle) expect(asset!.bundle.get(file)!.equals(content)).toBe(true);
  expect(asset!.bundle.size).toBe(bundle.size);
});
