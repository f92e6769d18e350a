/**
 * `awslambda` for a runtime that lacks it: the streamed answer is collected and returned as a buffered one. Loaded
 * before the function by the test's own NODE_OPTIONS; nothing that is deployed knows of it.
 */
import { Buffer } from 'node:buffer';
import { Writable } from 'node:stream';

class Collected extends Writable {
  chunks = [];
  head = { statusCode: 200 };
  _write(chunk, _encoding, done) {
    this.chunks.push(chunk);
    done();
  }
  setContentType() {}
}

globalThis.awslambda = {
  streamifyResponse: (handler) => async (event, context) => {
    const stream = new Collected();
    const closed = new Promise((resolve) => stream.once('close', resolve));
    await handler(event, stream, context);
    stream.end();
    await closed;
    return { ...stream.head, body: Buffer.concat(stream.chunks).toString('utf8') };
  },
  HttpResponseStream: {
    from(stream, head) {
      stream.head = head;
      return stream;
    },
  },
};
