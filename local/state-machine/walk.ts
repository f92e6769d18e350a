/**
 * Runs a state machine on this machine. Mirrors: Task (`lambda:invoke`, with and without a task
 * token, whose wait has a time-out), Choice, Wait until an instant, Pass, Succeed, Fail;
 * Arguments, Output and Assign, which all see the variables as they were before the state; Retry with backoff; Catch
 * once retries are used up; an expression without a value is States.QueryEvaluationError. Leaves out: every other
 * state type (definition.ts refuses them), jitter, time-outs of what does not wait, heartbeats, the limits of sizes and of
 * history, and all of JSONata outside the subset of expressions.ts. An execution that was cut off begins again, so
 * its tasks must bear a repeat; Step Functions goes on where it was.
 */
import { durationMs, type DurationMs, type EpochMs } from '../../lambdas/core/brands.ts';
import { parseRfc3339 } from '../../lambdas/core/time.ts';
import { LAMBDA_INVOKE_AND_WAIT, type Machine, type State, type TaskState } from './definition.ts';
import { evaluate, type Json } from './expressions.ts';
import { MachineError } from './machine-error.ts';

export interface Execution {
  name: string;
  /** RFC 3339. */
  startTime: string;
  input: Json;
}

/** Runs the function that a Task names. Rejects with an error whose `name` is what Retry and Catch see. */
export type Invoke = (given: Json, at: { execution: Execution; state: string }) => Promise<Json>;

export interface World {
  invoke: Invoke;
  /**
   * Sends, and then resolves to what the token is ended with. Rejects with what sending rejects with, or with
   * States.Timeout. What it rejects with otherwise ends the walk.
   */
  wait: (token: string, duration: DurationMs, send: () => Promise<unknown>) => Promise<Json>;
  /** Between attempts. What it rejects with ends the walk. */
  pause: (duration: DurationMs) => Promise<void>;
  /** At once where the instant has passed. What it rejects with ends the walk. */
  pauseUntil: (instant: EpochMs) => Promise<void>;
}

export type Ending =
  { status: 'succeeded'; output: Json } | { status: 'failed'; error: string; cause: string };

interface Position {
  state: string;
  input: Json;
  variables: Record<string, Json>;
}
type Step = { next: Position } | { end: Ending };

export async function walk(machine: Machine, execution: Execution, world: World): Promise<Ending> {
  let position: Position = { state: machine.StartAt, input: execution.input, variables: {} };
  for (;;) {
    const step = await stepFrom(machine.States[position.state]!, position, execution, world);
    if ('end' in step) return step.end;
    position = step.next;
  }
}

async function stepFrom(state: State, position: Position, execution: Execution, world: World): Promise<Step> {
  try {
    switch (state.Type) {
      case 'Task':
        return await runTask(state, position, execution, world);
      case 'Choice':
        return await leave(state, await chosen(state, position, execution), position, execution);
      case 'Wait':
        await world.pauseUntil(instantOf(await evaluate(state.Timestamp, bindingsOf(position, execution))));
        return await leave(state, state.Next, position, execution);
      case 'Pass':
        return await leave(state, state.Next, position, execution);
      case 'Succeed':
        return await leave(state, undefined, position, execution);
      case 'Fail':
        return failed(state.Error ?? 'States.Failed', state.Cause ?? '');
    }
  } catch (error) {
    if (error instanceof MachineError) return failed(error.error, error.message);
    throw error;
  }
}

const failed = (error: string, cause: string): Step => ({ end: { status: 'failed', error, cause } });

async function chosen(
  state: State & { Type: 'Choice' },
  position: Position,
  execution: Execution,
): Promise<string> {
  for (const { Condition, Next } of state.Choices) {
    const holds = await evaluate(Condition, bindingsOf(position, execution));
    if (typeof holds !== 'boolean') throw new MachineError('States.QueryEvaluationError', 'no true or false');
    if (holds) return Next;
  }
  if (state.Default === undefined) throw new MachineError('States.NoChoiceMatched', position.state);
  return state.Default;
}

function instantOf(timestamp: Json): EpochMs {
  const instant = typeof timestamp === 'string' ? parseRfc3339(timestamp) : undefined;
  if (instant === undefined) throw new MachineError('States.QueryEvaluationError', 'no instant to wait for');
  return instant;
}

async function runTask(
  state: TaskState,
  position: Position,
  execution: Execution,
  world: World,
): Promise<Step> {
  const used = new Map<object, number>();
  for (;;) {
    try {
      const given =
        state.Arguments === undefined
          ? position.input
          : await evaluate(
              state.Arguments,
              bindingsOf(position, execution, {}, tokenOf(execution, position)),
            );
      const result = await invoke(state, given, { execution, state: position.state }, world);
      return await leave(state, state.Next, position, execution, { result });
    } catch (error) {
      if (!(error instanceof MachineError)) throw error;
      const retrier = state.Retry.find(({ ErrorEquals }) => isNamed(ErrorEquals, error));
      const attempts = retrier ? (used.get(retrier) ?? 0) : 0;
      if (retrier && attempts < retrier.MaxAttempts) {
        used.set(retrier, attempts + 1);
        const seconds = retrier.IntervalSeconds * retrier.BackoffRate ** attempts;
        await world.pause(durationMs(Math.min(seconds, retrier.MaxDelaySeconds) * 1000));
        continue;
      }
      const catcher = state.Catch.find(({ ErrorEquals }) => isNamed(ErrorEquals, error));
      if (!catcher) throw error;
      const errorOutput = { Error: error.error, Cause: error.message };
      return leave(catcher, catcher.Next, position, execution, { errorOutput });
    }
  }
}

async function invoke(
  { Resource: resource, TimeoutSeconds = LONGEST_WAIT_SECONDS }: TaskState,
  given: Json,
  at: { execution: Execution; state: string },
  world: World,
): Promise<Json> {
  const named = async (): Promise<Json> => {
    try {
      return await world.invoke(given, at);
    } catch (error) {
      const { name, message } = error as Error;
      throw new MachineError(name, message);
    }
  };
  if (resource !== LAMBDA_INVOKE_AND_WAIT) return named();
  return world.wait(tokenOf(at.execution, at), durationMs(TimeoutSeconds * 1000), named);
}

/** A state of an execution waits once at a time. */
const tokenOf = ({ name }: Execution, { state }: { state: string }): string => `${name}#${state}`;
/** As long as Step Functions lets an execution run: a year. */
const LONGEST_WAIT_SECONDS = 31_536_000;

/** Every error here but that of a query comes from a task. */
const isNamed = (names: readonly string[], { error }: MachineError): boolean =>
  names.includes(error) ||
  names.includes('States.ALL') ||
  (names.includes('States.TaskFailed') &&
    error !== 'States.QueryEvaluationError' &&
    error !== 'States.Timeout');

/** What the state was given, and what came of it. */
interface Outcome {
  result?: Json;
  errorOutput?: Json;
}

async function leave(
  rules: { Assign?: Record<string, Json> | undefined; Output?: Json | undefined },
  next: string | undefined,
  position: Position,
  execution: Execution,
  outcome: Outcome = {},
): Promise<Step> {
  const bindings = bindingsOf(position, execution, outcome);
  const assigned = (await evaluate(rules.Assign ?? {}, bindings)) as Record<string, Json>;
  // A result is data, whatever it looks like: only what the file says is evaluated.
  const output =
    rules.Output === undefined
      ? (outcome.result ?? outcome.errorOutput ?? position.input)
      : await evaluate(rules.Output, bindings);
  if (next === undefined) return { end: { status: 'succeeded', output } };
  return { next: { state: next, input: output, variables: { ...position.variables, ...assigned } } };
}

function bindingsOf(
  position: Position,
  execution: Execution,
  outcome: Outcome = {},
  token?: string,
): Record<string, Json> {
  const { name, startTime, input } = execution;
  const context = {
    Execution: { Name: name, StartTime: startTime, Input: input },
    State: { Name: position.state },
    ...(token !== undefined && { Task: { Token: token } }),
  };
  const states: Record<string, Json> = { input: position.input, context, ...outcome };
  return { ...position.variables, states };
}
