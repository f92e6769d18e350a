/** An error by the name under which `Retry` and `Catch` know it. */
export class MachineError extends Error {
  readonly error: string;

  constructor(error: string, cause: string) {
    super(cause);
    this.error = error;
  }
}
