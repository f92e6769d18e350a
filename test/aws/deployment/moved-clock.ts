/** The clock of a deployed function in the hand of the test: windows roll without anybody waiting for them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Clients } from '../probes/clients.ts';
import { functionNamed } from './functions.ts';
import { changeVariables } from './workarounds.ts';

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'moved-clock.mjs')).href;

export interface MovedClock {
  /** Forward from the machine's time. */
  ahead(ms: number): void;
}

/** The function starts anew before and after, so that nothing is remembered from a time that has not come. */
export async function withMovedClock(
  clients: Clients,
  part: string,
  work: (clock: MovedClock) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'spendcap-clock-'));
  const file = join(folder, 'ahead');
  const ahead = (ms: number): void => writeFileSync(file, String(ms));
  ahead(0);
  const FunctionName = await functionNamed(clients, part);
  let before: Record<string, string> = {};
  await changeVariables(clients, FunctionName, (variables) => {
    before = variables;
    const { NODE_OPTIONS = '' } = variables;
    return {
      ...variables,
      NODE_OPTIONS: `${NODE_OPTIONS} --import=${PRELOAD}`.trim(),
      CLOCK_AHEAD_FILE: file,
    };
  });
  try {
    await work({ ahead });
  } finally {
    await changeVariables(clients, FunctionName, () => before);
    rmSync(folder, { recursive: true, force: true });
  }
}
