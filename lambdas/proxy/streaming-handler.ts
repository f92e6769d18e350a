/**
 * The gateway on Lambda: an event becomes a `Request`, the `Response` is streamed back, and the invocation ends only
 * when the call is settled, whether its answer was read, broke or lost its client: Lambda cannot freeze a call that is
 * not in the books.
 */
import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import { streamedAnswer, type StreamedAnswer } from '../runtime/rest-answer.ts';
import { isProxyEvent } from '../runtime/rest-event.ts';
import { sendAnswer } from '../runtime/send-answer.ts';
import { HostedCall, type StreamingDeps } from './hosted-call.ts';
import { internalError } from './internal-error.ts';

/** `awslambda` must be there when this is called: Lambda's runtime sets it before it loads the function. */
export function createHandler(deps: StreamingDeps) {
  return awslambda.streamifyResponse(async (event: unknown, toLambda, context: Context): Promise<void> => {
    if (!isProxyEvent(event)) {
      toLambda.end();
      return;
    }
    // Idle connections and a timer that somebody forgot must not keep an invocation open, and billed.
    context.callbackWaitsForEmptyEventLoop = false;
    const call = new HostedCall(deps, event, context);
    try {
      await sendAnswer(await answerOf(call, event), toLambda, call.patience);
    } finally {
      await call.end();
    }
  });
}

async function answerOf(call: HostedCall, event: APIGatewayProxyEvent): Promise<StreamedAnswer> {
  try {
    return await call.answer();
  } catch (error) {
    return call.failed(error, streamedAnswer(internalError(headerNamesOf(event), event.path)));
  }
}

/** Only what tells the dialect: the rest of the event may be what cannot be read. */
function headerNamesOf({ multiValueHeaders, headers }: Partial<APIGatewayProxyEvent>): Headers {
  const names = Object.keys(multiValueHeaders ?? headers ?? {});
  const isAnthropic = names.some((name) => name.toLowerCase() === 'anthropic-version');
  return new Headers(isAnthropic ? [['anthropic-version', '']] : []);
}
