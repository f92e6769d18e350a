import type { Clients } from './clients.ts';

/** One question to the emulator whose answer on AWS is known from its documentation. */
export interface Probe {
  /** Named in docs/emulation.md where the emulator differs. */
  id: string;
  aws: string;
  /** What the pinned emulator answered when it was pinned; absent where it answers as AWS does. */
  pin?: string;
  ask(clients: Clients): Promise<string>;
}

/** How an SDK's error is told: by its name. */
export const nameOf = (error: unknown): string => (error instanceof Error ? error.name : String(error));
