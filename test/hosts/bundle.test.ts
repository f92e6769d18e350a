/** The proxy function as it is deployed: one file, which loads by itself. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundleProxy } from '../../bench/proxy-bundle.ts';
import { installAwsLambda, takeApart } from '../support/awslambda-shim.ts';
import { invoke, restEvent } from './lambda-world.ts';

/**
 * The aim is 600. In the way are undici (280: its HTTP parser twice, and the half of fetch) and the SDK's search for
 * credentials (135); without both it is 577.
 */
const KIB_MAX = 1000;

let bundle: Uint8Array;
let folder: string;
beforeAll(async () => {
  bundle = await bundleProxy();
  folder = await mkdtemp(join(tmpdir(), 'spendcap-bundle-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the bundle of the proxy function', () => {
  it(`is smaller than ${KIB_MAX} KiB`, () => {
    expect(bundle.byteLength / 1024).toBeLessThan(KIB_MAX);
  });

  it('holds the policy in place of its constant', () => {
    expect(Buffer.from(bundle).includes('SPENDCAP_POLICY')).toBe(false);
  });

  it('loads, and answers and logs a mistake in its environment', async () => {
    installAwsLambda();
    const file = join(folder, 'handler.mjs');
    await writeFile(file, bundle);
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
    expect(lines[0]).toMatch(/"kind":"failed".*TABLE_NAME.*PROVIDER_SECRET_ARN/);
    expect(lines[1]).toMatch(/"kind":"call".*"status":500/);
  });
});
