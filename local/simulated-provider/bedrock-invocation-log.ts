/**
 * What AWS writes of each call where model invocation logging is on, also of one whose caller saw no answer: a line of
 * JSON in CloudWatch Logs or S3. Shape: schema version 1.0 of
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html (lines of Converse with
 * `requestMetadata` published by its users, checked 2026-11-30).
 */
import type { JsonObject } from '../../lambdas/core/json-document.ts';
import { toRfc3339 } from '../../lambdas/core/time.ts';
import { epochMs } from '../../lambdas/core/brands.ts';
import type { BilledTokens, SimulatedRequest } from './truth.ts';

const REGION = 'us-east-1';
const ACCOUNT = '123456789012';

/** Of every call that was billed, oldest first. */
export const invocationLog = (requests: readonly SimulatedRequest[]): JsonObject[] =>
  requests.flatMap((request) =>
    request.endpoint === 'bedrock-converse' && request.billed ? [lineOf(request, request.billed)] : [],
  );

function lineOf(request: SimulatedRequest, billed: BilledTokens): JsonObject {
  const { requestMetadata, ...inputBodyJson } = request.body ?? {};
  const cacheWrite = billed.cacheWrite + billed.cacheWrite1h;
  return {
    schemaType: 'ModelInvocationLog',
    schemaVersion: '1.0',
    timestamp: toRfc3339(epochMs(request.receivedAtEpochMs)),
    accountId: ACCOUNT,
    identity: { arn: `arn:aws:sts::${ACCOUNT}:assumed-role/simulated/simulated` },
    region: REGION,
    requestId: request.id,
    operation: request.stream ? 'ConverseStream' : 'Converse',
    modelId: request.model,
    input: {
      inputContentType: 'application/json',
      inputBodyJson,
      inputTokenCount: billed.input,
      cacheReadInputTokenCount: billed.cacheRead,
      cacheWriteInputTokenCount: cacheWrite,
    },
    output: {
      outputContentType: 'application/json',
      outputBodyJson: {
        usage: {
          inputTokens: billed.input,
          outputTokens: billed.output,
          totalTokens: billed.input + billed.output + billed.cacheRead + cacheWrite,
          cacheReadInputTokens: billed.cacheRead,
          cacheWriteInputTokens: cacheWrite,
        },
      },
      outputTokenCount: billed.output,
    },
    ...(requestMetadata !== undefined && { requestMetadata }),
  };
}
