/** The front door: what streams, who may, what its own answers and its log say. */
import { describe, expect, test } from 'vitest';
import { GATEWAY_ANSWERS } from '../../lib/constructs/gateway/gateway-responses.ts';
import { resourcesOf, synthesised, type Resource } from './stacks.ts';

const { stateless } = synthesised();
const methods = Object.values(resourcesOf(stateless, 'AWS::ApiGateway::Method'));
const integrationOf = ({ Properties }: Resource) =>
  Properties['Integration'] as { ResponseTransferMode?: string; TimeoutInMillis: number; Uri: unknown };

describe('the API', () => {
  test('is Regional: an edge-optimised one cuts streams after 30 s', () => {
    stateless.hasResourceProperties('AWS::ApiGateway::RestApi', {
      EndpointConfiguration: { Types: ['REGIONAL'] },
    });
  });

  test('streams everything to the proxy for up to 15 minutes', () => {
    const open = methods.filter(
      (method) =>
        method.Properties['AuthorizationType'] === 'NONE' &&
        !JSON.stringify(integrationOf(method).Uri).includes('ApprovalsPage'),
    );
    expect(open).toHaveLength(2);
    for (const method of open) {
      expect(method.Properties['HttpMethod']).toBe('ANY');
      expect(integrationOf(method)).toMatchObject({
        ResponseTransferMode: 'STREAM',
        TimeoutInMillis: 900_000,
      });
      expect(JSON.stringify(integrationOf(method).Uri)).toMatch(/Proxy.*response-streaming-invocations/);
    }
  });

  test('takes only IAM-signed requests below /admin/v1', () => {
    const signed = methods.filter(({ Properties }) => Properties['AuthorizationType'] === 'AWS_IAM');
    expect(signed).toHaveLength(1);
    expect(integrationOf(signed[0]!).ResponseTransferMode).toBeUndefined();
    expect(JSON.stringify(integrationOf(signed[0]!).Uri)).toContain('Admin');
    expect(methods).toHaveLength(6);
    const admin = methods.filter((method) => JSON.stringify(integrationOf(method).Uri).includes('Admin'));
    expect(admin).toEqual(signed);
  });
});

test('the approval page is looked at and decided on, and nothing else', () => {
  const page = methods.filter((method) =>
    JSON.stringify(integrationOf(method).Uri).includes('ApprovalsPage'),
  );
  expect(page.map(({ Properties }) => Properties['HttpMethod']).sort()).toEqual(['GET', 'HEAD', 'POST']);
  for (const method of page) expect(integrationOf(method).ResponseTransferMode).toBeUndefined();
});

describe('its own answers', () => {
  const answers = Object.fromEntries(
    Object.values(resourcesOf(stateless, 'AWS::ApiGateway::GatewayResponse')).map(({ Properties }) => [
      Properties['ResponseType'] as string,
      Properties as { ResponseParameters: object; ResponseTemplates: Record<string, string> },
    ]),
  );

  test('cover those that clients meet, and all others', () => {
    expect(Object.keys(answers).sort()).toEqual([
      'ACCESS_DENIED',
      'DEFAULT_4XX',
      'DEFAULT_5XX',
      'EXPIRED_TOKEN',
      'INTEGRATION_FAILURE',
      'INTEGRATION_TIMEOUT',
      'INVALID_SIGNATURE',
      'MISSING_AUTHENTICATION_TOKEN',
      'QUOTA_EXCEEDED',
      'REQUEST_TOO_LARGE',
      'THROTTLED',
    ]);
  });

  test.each(Object.keys(answers))('%s is JSON of both dialects', (type) => {
    const body = JSON.parse(answers[type]!.ResponseTemplates['application/json']!) as {
      type: string;
      error: { code: string; type: string; message: string; param: null };
    };
    expect(body.type).toBe('error');
    expect(body.error).toEqual({ ...body.error, type: body.error.code, param: null });
    expect(body.error.code).toMatch(/^[a-z_]+$/);
    expect(body.error.message).toMatch(/\.$/);
  });

  test.each(Object.keys(answers).filter((type) => type !== 'THROTTLED'))('%s is not repeated', (type) => {
    expect(answers[type]!.ResponseParameters).toEqual({
      'gatewayresponse.header.x-should-retry': "'false'",
    });
  });

  test('only the throttle, which ran nothing, may be repeated, and after a second', () => {
    expect(answers['THROTTLED']!.ResponseParameters).toEqual({ 'gatewayresponse.header.retry-after': "'1'" });
  });

  test('promise nothing about a charge where the function may have run', () => {
    for (const name of ['IntegrationTimeout', 'IntegrationFailure', 'Default5xx']) {
      expect(GATEWAY_ANSWERS[name]!.message).not.toContain('Nothing was charged');
    }
  });
});

describe('logs', () => {
  const [stage] = Object.values(resourcesOf(stateless, 'AWS::ApiGateway::Stage'));
  const { Format } = stage!.Properties['AccessLogSetting'] as { Format: string };

  test('name no header, query, body, key or address of the caller', () => {
    const variables = [...Format.matchAll(/\$context\.([\w.]+)/g)].map((match) => match[1]);
    expect(variables.sort()).toEqual([
      'error.responseType',
      'httpMethod',
      'integrationLatency',
      'path',
      'requestId',
      'requestTime',
      'responseLatency',
      'responseLength',
      'status',
    ]);
    expect(Format).not.toContain('$input');
  });

  test('of executions are errors without data', () => {
    expect(stage!.Properties['MethodSettings']).toEqual([
      expect.objectContaining({ LoggingLevel: 'ERROR', DataTraceEnabled: false }),
    ]);
  });

  test('are all kept for three months', () => {
    const groups = Object.values(resourcesOf(stateless, 'AWS::Logs::LogGroup'));
    expect(groups).toHaveLength(16);
    for (const { Properties } of groups) expect(Properties['RetentionInDays']).toBe(90);
  });
});
