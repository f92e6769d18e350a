/** Stands between the proxy function and the emulator's DynamoDB, and notes each write in order. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Recorder {
  url: string;
  /** Operations as DynamoDB names them, with the number of requests that the provider had seen by then. */
  writes(): string[];
  forget(): void;
  close(): Promise<void>;
}

const WRITE = /\.(PutItem|UpdateItem|DeleteItem|TransactWriteItems)$/;

export async function startRecorder(target: string, upstreamRequests: () => number): Promise<Recorder> {
  let writes: string[] = [];
  const note = ({ headers }: IncomingMessage): void => {
    const operation = WRITE.exec(String(headers['x-amz-target']))?.[1];
    if (operation !== undefined) writes.push(`${operation} after ${upstreamRequests()} upstream`);
  };
  const server = createServer((incoming, outgoing) => {
    note(incoming);
    const { method, url, headers } = incoming;
    const onward = request(new URL(url ?? '/', target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.once('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    writes: () => writes,
    forget: () => (writes = []),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
