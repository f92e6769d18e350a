/**
 * How a function is bundled: one ES module with its SDK, its source map beside it. The only description of it, for the
 * stacks, the benchmark and the tests.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import type { Policy } from '../../../lambdas/core/policy/policy.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const LAMBDAS = resolve(ROOT, 'lambdas');

/** Files by name; `index.mjs` exports `handler`. */
export type Bundle = Map<string, Uint8Array>;

export const sourceOf = (folder: string): string => resolve(LAMBDAS, folder);

/** Folders below `lambdas/` that are functions. */
export const functionFolders = (): string[] =>
  readdirSync(LAMBDAS).filter((folder) => existsSync(resolve(sourceOf(folder), 'handler.ts')));

/**
 * Bundles by folder. One run of esbuild for all of them: most of its time goes into reading what they have in common.
 * The same sources give the same bytes, wherever they lie and whatever else is bundled with them.
 */
export function bundleFunctions(
  policy: Partial<Policy>,
  folders: readonly string[] = functionFolders(),
): Map<string, Bundle> {
  const { outputFiles } = buildSync({
    absWorkingDir: ROOT,
    entryPoints: folders.map((folder) => ({ in: `lambdas/${folder}/handler.ts`, out: `${folder}/index` })),
    outdir: '.',
    outExtension: { '.js': '.mjs' },
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    minify: true,
    sourcemap: 'linked',
    sourcesContent: false,
    // Dependencies in CommonJS call require, which an ES module does not have.
    banner: { js: "import{createRequire as __cr}from'module';const require=__cr(import.meta.url);" },
    define: { SPENDCAP_POLICY: JSON.stringify(policy) },
    alias: {
      // The SDK's search for credentials on developers' machines and servers: a fifth of the proxy's bundle.
      '@aws-sdk/credential-provider-node': './lib/constructs/node-function/lambda-credentials.ts',
      // Of the framing that Bedrock's streams have, the codec alone.
      '@smithy/eventstream-codec':
        './node_modules/@smithy/core/dist-es/submodules/event-streams/eventstream-codec/EventStreamCodec.js',
      // Loaded by the SDK only for operations with event streams; none that it is asked for has one.
      '@smithy/core/event-streams': './lib/constructs/node-function/no-event-streams.ts',
    },
    logLevel: 'warning',
  });
  const bundles = new Map<string, Bundle>(folders.map((folder) => [folder, new Map()]));
  for (const { path, contents } of outputFiles) {
    bundles.get(relative(ROOT, dirname(path)))!.set(basename(path), contents);
  }
  return bundles;
}
