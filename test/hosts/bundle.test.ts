/** The functions as they are deployed: one file each, which loads by itself. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { bundleFunctions, type Bundle } from '../../lib/constructs/node-function/bundle.ts';
import { defaultProvider } from '../../lib/constructs/node-function/lambda-credentials.ts';
import { eventStreamSerdeProvider } from '../../lib/constructs/node-function/no-event-streams.ts';
import { installAwsLambda, takeApart } from '../support/awslambda-shim.ts';
import { invoke, restEvent } from './lambda-world.ts';

const KIB_MAX = 656;
const LAMBDAS = resolve(import.meta.dirname, '../../lambdas');

let bundles: Map<string, Bundle>;
let proxy: Uint8Array;
let folder: string;
beforeAll(async () => {
  const { apps } = parsePolicy({ apps: [{ id: 'web', team: 't', storeAnswers: { retentionHours: 1 } }] });
  bundles = bundleFunctions({ heldWaitMs: 123, apps });
  proxy = bundles.get('proxy')!.get('index.mjs')!;
  folder = await mkdtemp(join(tmpdir(), 'spendcap-bundle-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the bundles', () => {
  it('are one of each handler, a module and its source map', () => {
    const handlers = readdirSync(LAMBDAS).filter((name) => existsSync(join(LAMBDAS, name, 'handler.ts')));
    expect([...bundles.keys()].sort()).toEqual(handlers.sort());
    for (const bundle of bundles.values()) {
      expect([...bundle.keys()].sort()).toEqual(['index.mjs', 'index.mjs.map']);
    }
  });

  it('are the same bytes each time, with others and alone', () => {
    const again = bundleFunctions({ heldWaitMs: 123 }, ['escalate']).get('escalate');
    expect(again).toEqual(bundles.get('escalate'));
  });

  it('name their sources from the root of the checkout on, wherever that is', () => {
    const { sources } = JSON.parse(Buffer.from(bundles.get('proxy')!.get('index.mjs.map')!).toString()) as {
      sources: string[];
    };
    expect(sources).toContain('../lambdas/core/request-flow.ts');
    expect(sources.filter((source) => !/^\.\.\/(?!\.\.)|^<define:/.test(source))).toEqual([]);
  });

  it('take credentials from the environment', async () => {
    for (const [name, value] of Object.entries({
      ACCESS_KEY_ID: 'a',
      SECRET_ACCESS_KEY: 'b',
      SESSION_TOKEN: 'c',
    }))
      vi.stubEnv(`AWS_${name}`, value);
    try {
      const credentials = await defaultProvider()();
      expect(credentials).toMatchObject({ accessKeyId: 'a', secretAccessKey: 'b', sessionToken: 'c' });
    } finally {
      vi.unstubAllEnvs();
    }
    for (const bundle of bundles.values()) {
      expect(Buffer.from(bundle.get('index.mjs')!).includes('GetRoleCredentials')).toBe(false);
    }
  });
});

describe('event streams', () => {
  it('are in no bundle, and whatever asks for one is told so', () => {
    expect(() => eventStreamSerdeProvider()).toThrow(/hold no event streams/);
    for (const bundle of bundles.values()) {
      expect(Buffer.from(bundle.get('index.mjs')!).includes('event stream union')).toBe(false);
    }
  });
});

describe('the bundle of the proxy function', () => {
  it(`is smaller than ${KIB_MAX} KiB`, () => {
    expect(proxy.byteLength / 1024).toBeLessThan(KIB_MAX);
  });

  it('holds the policy in place of its constant', () => {
    expect(Buffer.from(proxy).includes('SPENDCAP_POLICY')).toBe(false);
    expect(Buffer.from(proxy).includes('heldWaitMs:123')).toBe(true);
  });

  it('loads, and answers and logs a mistake in its environment', async () => {
    installAwsLambda();
    for (const [name, content] of bundles.get('proxy')!) await writeFile(join(folder, name), content);
    const file = join(folder, 'index.mjs');
    const said: string[] = [];
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
    vi.stubEnv('TABLE_NAME', undefined);
    try {
      const { handler } = (await import(pathToFileURL(file).href)) as { handler: unknown };
      const { wire, ended } = invoke(handler, restEvent({ path: '/v1/chat/completions', body: '{}' }));
      expect(await ended).toBe('clean');
      expect(takeApart(wire.bytes()).prelude.statusCode).toBe(500);
    } finally {
      write.mockRestore();
      vi.unstubAllEnvs();
    }
    const lines = said.join('').trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/"kind":"failed".*TABLE_NAME.*PROVIDER_SECRET_ARN.*ANSWER_KEY_SECRET_ARN/);
    expect(lines[1]).toMatch(/"kind":"call".*"status":500/);
  });
});
