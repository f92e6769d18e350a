/**
 * An answer on its way to Lambda: its head, then its body, piece by piece and at the reader's pace.
 *
 * Not through `pipeline`, which destroys the stream to Lambda when the body fails. That breaks the connection, the
 * runtime client (aws-lambda-ric 4, Node 24) leaves two promises rejected that nobody awaits, and Node ends the process,
 * whatever was still to be written. A body that fails leaves the stream open instead: the client sends the error that
 * is thrown here in trailers, and the container lives on. Shown by the lane `runtime` of `npm run test:aws`.
 */
import { once } from 'node:events';
import { addAbortSignal, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { StreamedAnswer } from './rest-answer.ts';

/**
 * Resolves when all of it was handed over. Throws where the body failed, the connection to Lambda was lost, or `signal`
 * aborted before: whoever does not read is not waited for any longer.
 */
export async function sendAnswer(
  { body, ...head }: StreamedAnswer,
  toLambda: Writable,
  signal: AbortSignal,
): Promise<void> {
  addAbortSignal(signal, body);
  const stream = awslambda.HttpResponseStream.from(toLambda, head);
  stream.once('error', (error: Error) => {
    lostConnections.add(error);
    body.destroy(new Error('the client left'));
  });
  const sent = once(stream, 'finish', { signal });
  sent.catch(() => undefined); // looked at below, unless the body fails first
  stream.write(''); // the head goes out with the first write, however long the body is silent
  body.pipe(stream);
  await finished(body);
  await sent;
}

const lostConnections = new WeakSet<Error>();

/** Whether it was told for a connection to Lambda that broke. */
export const isLostConnection = (error: unknown): boolean =>
  error instanceof Error && lostConnections.has(error);
