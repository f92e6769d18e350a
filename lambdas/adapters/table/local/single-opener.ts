/**
 * One process at a time on a data directory. SQLite's WebAssembly build locks by making a folder `<db>.lock`, which
 * outlives a killed process; so we keep our own pid file and remove that folder only when its owner is dead.
 * Limits: processes are told apart by pid on this machine only, not across containers that share a volume.
 */
import { mkdirSync, readFileSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PID_FILE = 'spendcap.pid';
/** What this process has open: a pid file with our own pid is stale otherwise (containers always get the same one). */
const openHere = new Set<string>();

export interface Claim {
  /** Throws if another process has taken the directory over: two were started at the same instant. */
  confirm(): void;
  release(): void;
}

/** Claims the directory for this process, or throws an error that says who has it. */
export function claimDirectory(directory: string, lockFolder: string): Claim {
  const path = resolve(directory);
  mkdirSync(path, { recursive: true });
  const pidFile = join(path, PID_FILE);
  const inUse = (owner: number | undefined): DirectoryInUse =>
    new DirectoryInUse(
      `${path} is in use by process ${owner ?? 'unknown'}. Stop it first; if that process is not Spendcap, delete ${pidFile} and ${lockFolder}`,
    );
  if (openHere.has(path)) throw new DirectoryInUse(`${path} is already open in this process`);
  if (!writePid(pidFile)) {
    const owner = readPid(pidFile);
    if (owner !== undefined && owner !== process.pid && isAlive(owner)) throw inUse(owner);
    rmSync(pidFile, { force: true });
    removeFolder(lockFolder);
    if (!writePid(pidFile)) throw inUse(readPid(pidFile));
  }
  openHere.add(path);
  const release = (): void => {
    openHere.delete(path);
    if (readPid(pidFile) === process.pid) rmSync(pidFile, { force: true });
  };
  return {
    confirm: () => {
      const owner = readPid(pidFile);
      if (owner === process.pid) return;
      openHere.delete(path);
      throw inUse(owner);
    },
    release,
  };
}

export class DirectoryInUse extends Error {
  override name = 'DirectoryInUse';
}

function writePid(pidFile: string): boolean {
  try {
    writeFileSync(pidFile, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined where there is no file, or one cut off by a crash. */
function readPid(pidFile: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function removeFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
