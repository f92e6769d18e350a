/** Price feeds on loopback, as they are served: with tags, compressed, moved, slow or broken, as the test says. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export type Served = Record<string, unknown> | unknown[] | string | Answer;

export interface FeedServer {
  url: string;
  /** What is served at a path; an object is served as JSON, with a tag by which it is asked for again. */
  serve(path: string, document: Served): void;
  /** `path status`, in order. */
  served: string[];
  close(): Promise<void>;
}

export async function startFeedServer(): Promise<FeedServer> {
  const answers = new Map<string, Answer>();
  const served: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url!;
    response.on('finish', () => served.push(`${path} ${response.statusCode}`));
    const answer = answers.get(path);
    if (answer) answer(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    serve: (path, document) => {
      answers.set(
        path,
        typeof document === 'function'
          ? document
          : tagged(typeof document === 'string' ? document : JSON.stringify(document)),
      );
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function tagged(text: string): Answer {
  const etag = `"${Buffer.from(text).toString('base64').slice(-40)}-${text.length}"`;
  return (request, response) => {
    const isKnown = request.headers['if-none-match'] === etag;
    response.writeHead(isKnown ? 304 : 200, { etag, 'content-type': 'application/json' });
    response.end(isKnown ? undefined : text);
  };
}
