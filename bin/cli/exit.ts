/** How the CLI ends: the exit codes of contract 6, and the one exception that carries them. */
export const EXIT = {
  ok: 0,
  /** The server refused, or a check found a difference. */
  refused: 1,
  usage: 2,
  unreachable: 3,
  /** A destructive verb was not confirmed. */
  unconfirmed: 4,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command: `message` is one sentence of what went wrong, `advice` what to do about it. */
export class CliError extends Error {
  override name = 'CliError';
  readonly exitCode: ExitCode;
  readonly advice: string | undefined;

  constructor(exitCode: ExitCode, message: string, advice?: string) {
    super(message);
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

export const usageError = (message: string, advice?: string): CliError =>
  new CliError(EXIT.usage, message, advice);
