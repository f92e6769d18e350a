/** A `Response` as API Gateway's REST proxy integration wants it: whole, or as a stream behind its first line. */
import { Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';

export interface AnswerHead {
  statusCode: number;
  headers: Record<string, string>;
  /** Only those that a comma would not join: `set-cookie`. */
  multiValueHeaders?: Record<string, string[]>;
}
export interface StreamedAnswer extends AnswerHead {
  body: Readable;
}
export interface BufferedAnswer extends AnswerHead {
  body: string;
}

export function streamedAnswer(response: Response): StreamedAnswer {
  const { body } = response;
  return {
    ...headOf(response),
    body: body ? Readable.fromWeb(body as NodeReadableStream) : Readable.from([]),
  };
}

export async function bufferedAnswer(response: Response): Promise<BufferedAnswer> {
  return { ...headOf(response), body: await response.text() };
}

function headOf({ status, headers }: Response): AnswerHead {
  const single = Object.fromEntries([...headers].filter(([name]) => name !== 'set-cookie'));
  const cookies = headers.getSetCookie();
  return {
    statusCode: status,
    headers: single,
    ...(cookies.length > 0 && { multiValueHeaders: { 'set-cookie': cookies } }),
  };
}
