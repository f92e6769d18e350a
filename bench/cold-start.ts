/**
 * What a new container pays before its first call: the import of the proxy function's bundle, in a process of its own
 * each time. On Lambda the share of a processor that goes with the memory setting makes it longer.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { bundleFunctions } from '../lib/constructs/node-function/bundle.ts';

const PROCESSES = 15;

export interface ColdStart {
  bundleBytes: number;
  importMsMedian: number;
}

export async function measureColdStart(): Promise<ColdStart> {
  const bundle = bundleFunctions({}, ['proxy']).get('proxy')!;
  const folder = await mkdtemp(join(tmpdir(), 'spendcap-bundle-'));
  try {
    for (const [name, content] of bundle) await writeFile(join(folder, name), content);
    const file = join(folder, 'index.mjs');
    const times: number[] = [];
    for (let n = 0; n < PROCESSES; n += 1) times.push(await importMs(file));
    times.sort((a, b) => a - b);
    return {
      bundleBytes: bundle.get('index.mjs')!.byteLength,
      importMsMedian: times[Math.floor(PROCESSES / 2)]!,
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Lambda's runtime sets `awslambda` before it loads a function. */
const SCRIPT = `
globalThis.awslambda = { streamifyResponse: (handler) => handler };
const begun = performance.now();
await import(process.argv[1]);
process.stdout.write(String(performance.now() - begun));
process.exit();
`;

async function importMs(file: string): Promise<number> {
  const argv = ['--enable-source-maps', '--input-type=module', '--eval', SCRIPT, pathToFileURL(file).href];
  const { stdout } = await promisify(execFile)(process.execPath, argv);
  return Number(stdout);
}
