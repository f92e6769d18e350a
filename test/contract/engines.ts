/** The engines that the contract suites run on. Each `open` gives a fresh, empty table. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { awsDynamoDb, dynamoDbClient } from '../../lambdas/adapters/table/aws.ts';
import type { DynamoDbApi } from '../../lambdas/adapters/table/dynamodb-api.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { openSqliteEngine } from '../../lambdas/adapters/table/local/sqlite-engine.ts';
import type { Clock } from '../../lambdas/core/ports.ts';
import { systemClock } from '../../lambdas/runtime/clock.ts';

export interface OpenEngine {
  api: DynamoDbApi;
  tableName: string;
  close(): Promise<void>;
}
export interface NamedEngine {
  name: string;
  /** The clock times transaction tokens; dynoxide has its own. */
  open(clock?: Clock): Promise<OpenEngine>;
}

const TABLE = 'spendcap-test';
const PORT_TRIES = 5;

const memory: NamedEngine = {
  name: 'memory',
  open: async (clock = systemClock) => ({
    api: openMemoryEngine({ clock }),
    tableName: TABLE,
    close: async () => undefined,
  }),
};

const sqlite: NamedEngine = {
  name: 'sqlite',
  open: async (clock = systemClock) => {
    const directory = mkdtempSync(join(tmpdir(), 'spendcap-sqlite-'));
    const engine = openSqliteEngine({ directory, clock });
    return {
      api: engine,
      tableName: TABLE,
      close: async () => {
        engine.close();
        rmSync(directory, { recursive: true });
      },
    };
  },
};

/** Path of the binary; undefined where the optional dependency has no build for this platform. */
export function dynoxideBinary(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve('@dynoxide/linux-x64/dynoxide');
  } catch {
    return undefined;
  }
}

const dynoxide: NamedEngine = {
  name: 'dynoxide',
  open: async () => {
    const { child, port } = await startDynoxide(dynoxideBinary()!);
    const client = dynamoDbClient({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
      // Thousands of calls at once queue here for one small server; on AWS the time-outs of aws.ts hold.
      requestHandler: { connectionTimeout: 60_000, requestTimeout: 60_000, httpAgent: { maxSockets: 16 } },
    });
    await client.send(new CreateTableCommand(tableDefinition));
    return {
      api: awsDynamoDb(client),
      tableName: TABLE,
      close: async () => {
        client.destroy();
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      },
    };
  },
};

export const engines: NamedEngine[] = dynoxideBinary() ? [memory, sqlite, dynoxide] : [memory, sqlite];

export const tableDefinition = {
  TableName: TABLE,
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: ['pk', 'sk', 'gpk', 'gsk'].map((AttributeName) => ({
    AttributeName,
    AttributeType: 'S' as const,
  })),
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'byTime',
      KeySchema: [
        { AttributeName: 'gpk', KeyType: 'HASH' },
        { AttributeName: 'gsk', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'ALL' },
    },
  ],
} satisfies ConstructorParameters<typeof CreateTableCommand>[0];

/** Whatever happens to the tests, no child outlives them. */
const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** A port can be taken by another process between our look and its start; then the next one is tried. */
async function startDynoxide(binary: string): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; attempt <= PORT_TRIES; attempt += 1) {
    const port = await freePort();
    const child = spawn(binary, ['--host', '127.0.0.1', '--port', String(port)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    living.add(child);
    child.once('exit', () => living.delete(child));
    for await (const line of createInterface(child.stderr)) {
      if (!line.includes('listening on')) continue;
      child.stderr.resume();
      return { child, port };
    }
  }
  throw new Error(`dynoxide did not start in ${PORT_TRIES} attempts`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
