/** Port TaskTokens over Step Functions. */
import { SendTaskSuccessCommand, TaskDoesNotExist, TaskTimedOut, type SFNClient } from '@aws-sdk/client-sfn';
import type { TaskTokens } from '../../core/ports.ts';

export class StepFunctionsTokens implements TaskTokens {
  readonly #client: Pick<SFNClient, 'send'>;
  readonly #report: (reason: string) => void;

  constructor({ client, report }: { client: Pick<SFNClient, 'send'>; report: (reason: string) => void }) {
    this.#client = client;
    this.#report = report;
  }

  async end(token: string, output: Record<string, string>): Promise<void> {
    try {
      await this.#client.send(
        new SendTaskSuccessCommand({ taskToken: token, output: JSON.stringify(output) }),
      );
    } catch (error) {
      // Heard before, or its time was up: it is over either way.
      if (error instanceof TaskTimedOut || error instanceof TaskDoesNotExist) return;
      this.#report(String(error));
    }
  }
}
