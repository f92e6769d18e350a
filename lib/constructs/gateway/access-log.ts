/**
 * What the access log says of a request. No header and no query: both may carry keys. No caller's address: it is
 * personal, and the key tells who called.
 */
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';

const FIELDS: Record<string, string> = {
  requestId: '$context.requestId',
  at: '$context.requestTime',
  method: '$context.httpMethod',
  /** Without the query. */
  path: '$context.path',
  status: '$context.status',
  responseBytes: '$context.responseLength',
  latencyMs: '$context.responseLatency',
  integrationLatencyMs: '$context.integrationLatency',
  /** Of API Gateway's own answers, empty otherwise. */
  gatewayResponse: '$context.error.responseType',
};

export const accessLogFormat = AccessLogFormat.custom(JSON.stringify(FIELDS));
