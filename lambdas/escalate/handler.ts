/** Escalation on Lambda: invoked by the rule and by the state machine. */
import { SFNClient } from '@aws-sdk/client-sfn';
import { BACKGROUND_SILENCE_MS_MAX, timeLimits } from '../adapters/aws-time-limits.ts';
import { openAwsBooks } from '../runtime/aws-books.ts';
import { readEnvironment, text } from '../runtime/environment.ts';
import { createEscalate } from './escalate.ts';
import { startOnStepFunctions } from '../adapters/step-functions/start-execution.ts';

const { TABLE_NAME, STATE_MACHINE_ARN } = readEnvironment(
  { TABLE_NAME: text, STATE_MACHINE_ARN: text },
  process.env,
);

export const handler = createEscalate({
  ...openAwsBooks(TABLE_NAME),
  start: startOnStepFunctions(new SFNClient(timeLimits(BACKGROUND_SILENCE_MS_MAX)), STATE_MACHINE_ARN),
});
