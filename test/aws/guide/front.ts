/**
 * Stands before the emulator as AWS stands before a person at a terminal: reached over TLS as far as policies can
 * tell, and with addresses of APIs that lead somewhere. Signatures pass through unharmed.
 */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Front {
  url: string;
  /** The address that the API has here. */
  apiUrl(apiId: string, stage: string): string;
  close(): Promise<void>;
}

/** As CloudFormation puts it into an output. */
const API_ADDRESS = /https:\/\/([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com\/(\w+)/g;

export async function startFront(target: string): Promise<Front> {
  let url = '';
  const apiUrl = (apiId: string, stage: string): string => `${url}/_aws/execute-api/${apiId}/${stage}`;
  const server = createServer((incoming, outgoing) => {
    const isStacks = /\/cloudformation\//.test(incoming.headers.authorization ?? '');
    const headers = { ...incoming.headers, 'x-forwarded-proto': 'https' };
    const onward = request(
      new URL(incoming.url ?? '/', target),
      { method: incoming.method, headers },
      (answer) => {
        if (!isStacks) {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
          return;
        }
        void textOf(answer).then((text) => {
          const body = text.replaceAll(API_ADDRESS, (_, apiId: string, stage: string) =>
            apiUrl(apiId, stage),
          );
          const kept = Object.entries(answer.headers).filter(
            ([name]) => !/^(content-length|transfer-encoding)$/.test(name),
          );
          outgoing.writeHead(answer.statusCode ?? 502, Object.fromEntries(kept)).end(body);
        });
      },
    );
    onward.once('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    apiUrl,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const parts = (await answer.toArray()) as Buffer[];
  return Buffer.concat(parts).toString('utf8');
}
