/** A streaming handler that does what its event says, for what the runtime alone decides: RUNTIME_FACTS. */
import { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

const { awslambda } = globalThis;

const DEEDS = {
  write: (stream) => {
    headed(stream).write('text');
    stream.end();
  },
  'write nothing': (stream) => {
    headed(stream).write('');
    stream.end();
  },
  'end without a write': (stream) => headed(stream).end(),
  'end with a text': (stream) => headed(stream).end('text'),
  'throw before the first write': () => {
    throw new Error('as told');
  },
  'throw after it': (stream) => {
    headed(stream).write('text');
    throw new Error('as told');
  },
  'throw after the end': (stream) => {
    headed(stream).write('text');
    stream.end();
    throw new Error('as told');
  },
  'set the type too late': (stream) => {
    headed(stream).write('text');
    stream.setContentType('text/plain');
  },
  'tell what the stream is': (stream) => {
    const kind = stream instanceof Writable ? 'a Writable' : 'no Writable';
    stream.end(`${kind}: ${Object.getOwnPropertyNames(stream).sort().join(' ')}`);
  },
};

const headed = (stream) => awslambda.HttpResponseStream.from(stream, { statusCode: 200 });

export const handler = awslambda.streamifyResponse(async ({ does }, stream) => {
  DEEDS[does](stream);
  await setImmediate();
});
