/** The proxy function's bundle, made as lib/constructs/node-function/node-function.ts has it made. */
import { resolve } from 'node:path';
import { build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '..');

export async function bundleProxy(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['lambdas/proxy/handler.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    minify: true,
    banner: { js: "import{createRequire as __cr}from'module';const require=__cr(import.meta.url);" },
    define: { SPENDCAP_POLICY: '{}' },
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0]!.contents;
}
