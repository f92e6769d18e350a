/** JSON that is handed to the CLI, in a file or on stdin. */
import { readFile } from 'node:fs/promises';
import { usageError } from './exit.ts';

/** `-` reads stdin. Throws a CliError for what cannot be read or is no JSON. */
export async function readJson(file: string): Promise<unknown> {
  if (file === '-') return parseJson(await readStdin(), 'stdin');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`${file} cannot be read: ${(error as Error).message}.`);
  }
  return parseJson(text, file);
}

export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageError(`${where} is not JSON: ${(error as Error).message}.`);
  }
}

export async function readStdin(): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) text += chunk as string;
  return text;
}
