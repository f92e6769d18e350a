/** The part of `docs/proof.md` that is written from the mutants: how the absence of each guard is noticed. */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { CaughtBy } from './caught-by.ts';
import type { Mutant } from './mutants/mutant.ts';

const DOCUMENT = join(resolve(import.meta.dirname, '../..'), 'docs/proof.md');
const PART = /(<!-- mutants -->\n)[\s\S]*(<!-- end of mutants -->)/;

export const readProof = (): Promise<string> => readFile(DOCUMENT, 'utf8');

export async function writeProof(mutants: readonly Mutant[], caughtBy: CaughtBy): Promise<void> {
  await writeFile(DOCUMENT, await withTable(await readProof(), mutants, caughtBy));
}

/** The document with the table as it should be. */
export async function withTable(
  text: string,
  mutants: readonly Mutant[],
  caughtBy: CaughtBy,
): Promise<string> {
  if (!PART.test(text)) throw new Error('docs/proof.md has no place for the mutants');
  const rows = mutants.map((mutant) => {
    const files = [...new Set(mutant.edits.map(({ file }) => `\`${basename(file)}\``))].join(', ');
    return `| ${mutant.name} | ${files} | ${noticedBy(mutant, caughtBy)} |`;
  });
  const table = ['| guard | stands in | noticed by |', '| --- | --- | --- |', ...rows].join('\n');
  const whole = text.replace(PART, (_part, begin: string, end: string) => `${begin}\n${table}\n\n${end}`);
  return format(whole, { ...(await resolveConfig(DOCUMENT)), parser: 'markdown' });
}

const noticedBy = ({ name, scenario }: Mutant, caughtBy: CaughtBy): string =>
  scenario === undefined ? `seed ${caughtBy[name]}` : `_${scenario}_`;
