/** A DynamoDB on loopback without any table: whoever asks it fails at once, and what was asked is known. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AbsentTable {
  /** For a function's AWS_ENDPOINT_URL_DYNAMODB. */
  url: string;
  /** Whether a request had this text in it. */
  wasAskedFor(text: string): boolean;
  close(): Promise<void>;
}

const NOT_FOUND = JSON.stringify({
  __type: 'com.amazonaws.dynamodb.v20120810#ResourceNotFoundException',
  message: 'Requested resource not found',
});

export async function startAbsentTable(): Promise<AbsentTable> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      bodies.push(body);
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(NOT_FOUND);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    wasAskedFor: (text) => bodies.some((body) => body.includes(text)),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
