/**
 * The gateway on Lambda: an event becomes a `Request`, the `Response` is streamed back, and the invocation ends only
 * when the call is settled. middy runs `requestEnd` once the body has ended, whether it was read, broke or lost its
 * client: there the completion is awaited, so that Lambda cannot freeze a call that is not in the books.
 */
import middy from '@middy/core';
import { executionModeStreamifyResponse } from '@middy/core/StreamifyResponse';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { streamedAnswer, type StreamedAnswer } from '../runtime/rest-answer.ts';
import { isProxyEvent } from '../runtime/rest-event.ts';
import { HostedCall, type StreamingDeps } from './hosted-call.ts';
import { internalError } from './internal-error.ts';

/** `awslambda` must be there when this is called: Lambda's runtime sets it before it loads the function. */
export function createHandler(deps: StreamingDeps) {
  const calls = new WeakMap<object, HostedCall>();
  const handler = middy<APIGatewayProxyEvent, StreamedAnswer | undefined>({
    executionMode: executionModeStreamifyResponse,
    requestEnd: ({ event }) => calls.get(event as object)?.end(),
  });
  handler.onError((request) => {
    const answer = streamedAnswer(internalError(headerNamesOf(request.event)));
    calls.get(request.event)?.failed(request.error, answer);
    request.response = answer;
  });
  return handler.handler(async (event, context) => {
    if (!isProxyEvent(event)) return undefined;
    // Idle connections and a timer that somebody forgot must not keep an invocation open, and billed.
    context.callbackWaitsForEmptyEventLoop = false;
    const call = new HostedCall(deps, event, context);
    calls.set(event, call);
    return call.answer();
  });
}

/** Only what tells the dialect: the rest of the event may be what cannot be read. */
function headerNamesOf({ multiValueHeaders, headers }: Partial<APIGatewayProxyEvent>): Headers {
  const names = Object.keys(multiValueHeaders ?? headers ?? {});
  const isAnthropic = names.some((name) => name.toLowerCase() === 'anthropic-version');
  return new Headers(isAnthropic ? [['anthropic-version', '']] : []);
}
