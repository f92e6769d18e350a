/** Starts executions on Step Functions, which keeps a name for 90 days. */
import { ExecutionAlreadyExists, StartExecutionCommand, type SFNClient } from '@aws-sdk/client-sfn';

export function startOnStepFunctions(
  client: Pick<SFNClient, 'send'>,
  stateMachineArn: string,
): (name: string, input: object) => Promise<void> {
  return async (name, input) => {
    try {
      await client.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
    } catch (error) {
      // With the same input AWS says so only once the execution has ended, emulators at any time.
      if (!(error instanceof ExecutionAlreadyExists)) throw error;
    }
  };
}
