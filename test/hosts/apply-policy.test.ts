/** The policy's caps as a custom resource: what CloudFormation asks, and what it is answered whatever happens. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DynamoDbTable } from '../../lambdas/adapters/table/dynamodb-table.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { createCustomResource } from '../../lambdas/apply-policy/custom-resource.ts';
import { createHandler } from '../../lambdas/apply-policy/handler.ts';
import { capFromInput } from '../../lambdas/core/caps/cap-definition.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { systemClock as clock } from '../../lambdas/runtime/clock.ts';
import { systemIds as ids } from '../../lambdas/runtime/ids.ts';
import { resourcesOf, policy as deployedPolicy, synthesised } from '../constructs/stacks.ts';
import { userCap } from '../support/gateways.ts';
import { callOf } from '../support/worlds.ts';

interface Answered {
  body: Record<string, string>;
  headers: IncomingHttpHeaders;
}

/** CloudFormation's side: an address for one answer. */
let server: Server;
let url: string;
const answers: Answered[] = [];
let status = 200;
beforeAll(async () => {
  server = createServer((request, response) => {
    void request.toArray().then((parts) => {
      const body = JSON.parse(Buffer.concat(parts as Buffer[]).toString()) as Record<string, string>;
      answers.push({ body, headers: request.headers });
      response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer?X-Amz-Signature=secret`;
});
afterAll(() => server.close());

const lines: Record<string, unknown>[] = [];
const log = (line: Record<string, unknown>): void => void lines.push(line);
let directory: Directory;
beforeEach(() => {
  status = 200;
  answers.length = 0;
  lines.length = 0;
  const table = new DynamoDbTable({ api: openMemoryEngine({ clock }), tableName: 't', clock, ids });
  directory = new Directory({ table, clock });
});

const hashOf = (policy: unknown): string => createHash('sha256').update(JSON.stringify(policy)).digest('hex');
const asked = (type: string, hash: string) => ({
  ...{ RequestType: type, ResponseURL: url, StackId: 'stack-1', RequestId: 'request-1' },
  ...{ LogicalResourceId: 'Caps', ResourceType: 'Custom::SpendcapPolicyCaps' },
  ResourceProperties: { ServiceToken: 'arn', PolicySha256: hash, TableName: 't' },
});
const inTime = { getRemainingTimeInMillis: () => 60_000 };
const run = (type: string, policy: unknown, hash = hashOf(policy)) =>
  createHandler({ policy: () => policy, directory: () => directory, log })(asked(type, hash), inTime);
const limits = async (user: string) =>
  (await directory.capsFor(callOf(user))).map(({ id, limit }) => `${id} ${limit}`);

describe('a deployment', () => {
  it('brings the caps of its policy into force', async () => {
    await run('Create', parsePolicy({}));
    expect(answers.map(({ body }) => body)).toEqual([
      {
        Status: 'SUCCESS',
        PhysicalResourceId: 'spendcap-policy',
        StackId: 'stack-1',
        RequestId: 'request-1',
        LogicalResourceId: 'Caps',
      },
    ]);
    expect(await limits('anybody')).toEqual(['default-user 5000000000000']);
    expect(lines).toMatchObject([{ kind: 'policy_applied', created: ['default-user'] }]);
  });

  it('with another policy changes them, and leaves what the API set', async () => {
    await run('Create', parsePolicy({}));
    const own = capFromInput('alice-month', userCap('9.00'));
    if ('kind' in own) throw new Error(own.message);
    await directory.putCap(own, 'admin');
    const raised = { id: 'default-user', metric: 'usd', window: 'month', limit: '7.00' } as const;
    await run('Update', parsePolicy({ plans: { default: { caps: [raised] } } }));
    expect(await limits('anybody')).toEqual(['default-user 7000000000000']);
    expect(await limits('alice')).toEqual(['alice-month 9000000000000']);
    expect(lines[1]).toMatchObject({ created: [], changed: ['default-user'], deleted: [], kept: [] });
  });

  it('brings shared caps into force as the local server does', async () => {
    const growth = { type: 'team', id: 'growth' } as const;
    const cap = {
      id: 'growth-month',
      scope: growth,
      metric: 'usd',
      window: 'month',
      limit: '100.00',
    } as const;
    await run('Create', parsePolicy({ caps: [cap] }));
    expect(await limits('anybody')).toEqual(['default-user 5000000000000', 'growth-month 100000000000000']);
    expect(lines).toMatchObject([{ created: ['default-user', 'growth-month'] }]);
  });

  it('fails with the reason where a cap is refused, and changes nothing', async () => {
    await run('Create', parsePolicy({}));
    const year = { id: 'year', metric: 'usd', window: 'year', limit: '7.00' } as const;
    await run('Update', parsePolicy({ plans: { default: { caps: [year] } } }));
    expect(answers[1]!.body).toMatchObject({
      Status: 'FAILED',
      Reason: expect.stringContaining('cap "year" of plan "default": "year" is no window') as unknown,
    });
    expect(await limits('anybody')).toEqual(['default-user 5000000000000']);
    expect(lines[1]).toMatchObject({ kind: 'policy_not_applied' });
  });

  it('fails where the function has not the policy that is to be in force', async () => {
    await run('Update', parsePolicy({}), hashOf(deployedPolicy));
    expect(answers[0]!.body).toMatchObject({
      Status: 'FAILED',
      Reason: expect.stringMatching(/another policy/) as unknown,
    });
    expect(await limits('anybody')).toEqual([]);
  });

  it('fails, instead of waiting for ever, where the function cannot be opened', async () => {
    const broken = createHandler({
      policy: () => parsePolicy({}),
      directory: () => {
        throw new Error('TABLE_NAME is missing');
      },
      log,
    });
    await broken(asked('Create', hashOf(parsePolicy({}))), inTime);
    expect(answers[0]!.body).toMatchObject({ Status: 'FAILED', Reason: 'TABLE_NAME is missing' });
  });

  it('names the hash that its function computes', async () => {
    const [resource] = Object.values(resourcesOf(synthesised().stateless, 'Custom::SpendcapPolicyCaps'));
    await run('Create', deployedPolicy, resource!.Properties['PolicySha256'] as string);
    expect(answers[0]!.body['Status']).toBe('SUCCESS');
  });
});

describe('the answer', () => {
  it('is sent without a content type, and its address is in no log', async () => {
    await run('Create', parsePolicy({}));
    expect(answers[0]!.headers['content-type']).toBeUndefined();
    expect(JSON.stringify(lines)).not.toContain('Signature');
  });

  it('is given to a deletion, which takes nothing away', async () => {
    await run('Create', parsePolicy({}));
    await run('Delete', parsePolicy({}), 'whatever');
    expect(answers[1]!.body['Status']).toBe('SUCCESS');
    expect(await limits('anybody')).toEqual(['default-user 5000000000000']);
  });

  it('fails the invocation where it is not taken, so that Lambda tries again', async () => {
    status = 403;
    await expect(run('Create', parsePolicy({}))).rejects.toThrow('403');
  });

  it('is short enough for CloudFormation', async () => {
    await resource(() => Promise.reject(new Error('ж'.repeat(5000))))(asked('Create', ''), inTime);
    expect(Buffer.byteLength(sent[0]!)).toBeLessThan(4096);
  });

  it('comes before the time of the function is up', async () => {
    const never = new Promise<void>(() => undefined);
    await resource(() => never)(asked('Update', ''), { getRemainingTimeInMillis: () => 40 });
    expect(JSON.parse(sent[0]!)).toMatchObject({
      Status: 'FAILED',
      Reason: expect.stringMatching(/ran out/) as unknown,
    });
  });

  const sent: string[] = [];
  afterEach(() => void (sent.length = 0));
  const resource = (put: () => Promise<void>) =>
    createCustomResource({
      ...{ physicalId: 'x', clock, put },
      send: async (_url, body) => void sent.push(body),
    });
});

describe('the function as it is deployed', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it('answers what its environment lacks', async () => {
    vi.stubGlobal('SPENDCAP_POLICY', parsePolicy({}));
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const { handler } = await import('../../lambdas/apply-policy/handler.ts');
    await handler(asked('Create', hashOf(parsePolicy({}))), inTime);
    expect(answers[0]!.body).toMatchObject({
      Status: 'FAILED',
      Reason: expect.stringMatching(/TABLE_NAME/) as unknown,
    });
  });
});
