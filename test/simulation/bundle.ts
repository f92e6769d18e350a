/**
 * The simulation as one script: it starts at once in a worker, runs faster than source that is compiled on the way,
 * and a mutant is a change of the product's text on its way into the bundle, so that no switch stands in the product.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '../..');

export interface Edit {
  /** Below the root of the repository. */
  file: string;
  /** Stands in the file exactly once. */
  find: string;
  replace: string;
}

/** Throws where an edit does not apply: a text that is not there exactly once, a file that no simulated process runs. */
export async function bundleSimulation(edits: readonly Edit[] = []): Promise<string> {
  const unused = new Set(edits.map(({ file }) => file));
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'seed-worker.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    write: false,
    logLevel: 'silent',
    plugins: [mutate(edits, (file) => unused.delete(file))],
  });
  if (unused.size > 0) throw new Error(`${[...unused].join()} is not part of the simulation`);
  return outputFiles[0]!.text;
}

const mutate = (edits: readonly Edit[], onEdited: (file: string) => void): Plugin => ({
  name: 'mutate',
  setup: (build) => {
    if (edits.length === 0) return;
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const own = edits.filter(({ file }) => join(ROOT, file) === path);
      if (own.length === 0) return undefined;
      const contents = editedText(await readFile(path, 'utf8'), own);
      onEdited(own[0]!.file);
      return { contents, loader: 'ts' };
    });
  },
});

/** Throws where a text is not there exactly once: the guard has moved, and its mutant must follow. */
export function editedText(source: string, edits: readonly Edit[]): string {
  let text = source;
  for (const { file, find, replace } of edits) {
    const count = source.split(find).length - 1;
    if (count !== 1) throw new Error(`${file} has ${count} times: ${find}`);
    text = text.replace(find, () => replace);
  }
  return text;
}
