/** Options that every verb takes, before or after it. */
import type { Command } from 'commander';
import { AdminApi } from './admin-api.ts';
import type { Sign } from './credential.ts';

export interface GlobalOptions {
  url: string;
  sign: Sign;
  adminKey?: string;
  json?: boolean;
  /** False with --no-input. */
  input: boolean;
}

export type WithGlobal<Own> = Own & GlobalOptions;

/** A verb's own options with the global ones; `command` is the last argument of an action. */
export function optionsOf<Own>(command: Command): WithGlobal<Own> {
  return command.optsWithGlobals<WithGlobal<Own>>();
}

export function adminApi({ url, sign, adminKey }: GlobalOptions): AdminApi {
  return new AdminApi({ url, sign, adminKey, root: 'admin/v1' });
}
