/** Reads the policy file: `.json`, or `.ts` with a default export (run under tsx, as every host of ours is). */
import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { capsOfPolicy } from '../../core/policy/apply-policy.ts';
import { parsePolicy, PolicyInvalid, type Policy } from '../../core/policy/policy.ts';

/** Throws PolicyInvalid, which names the file and says what to do. */
export async function readPolicyFile(path: string): Promise<Policy> {
  const file = resolve(path);
  try {
    const policy = parsePolicy(await contentOf(file));
    // Caps that would be refused when they are applied are refused here: at synth and at start.
    await capsOfPolicy(policy);
    return policy;
  } catch (error) {
    if (error instanceof PolicyInvalid) throw new PolicyInvalid(`${path}: ${error.message}`);
    throw error;
  }
}

async function contentOf(file: string): Promise<unknown> {
  switch (extname(file)) {
    case '.json':
      return fromJson(await textOf(file));
    case '.ts': {
      await textOf(file); // a missing file is explained, not thrown at the reader with a module trace
      const { default: policy } = await moduleOf(file);
      if (policy === undefined) throw new PolicyInvalid('it has no default export.');
      return policy;
    }
    default:
      throw new PolicyInvalid('a policy file ends in .ts or .json.');
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new PolicyInvalid(`it cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}).`);
  }
}

async function moduleOf(file: string): Promise<{ default?: unknown }> {
  try {
    return (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (error) {
    // A mistake of spelling, or whatever the file itself throws.
    throw new PolicyInvalid(`it cannot be run (${error instanceof Error ? error.message : String(error)}).`);
  }
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new PolicyInvalid(`it is no JSON: ${(error as Error).message}.`);
  }
}
