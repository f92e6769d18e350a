/**
 * The States Language that the local walker knows: exactly what the `.asl.json` files of `lib/` use, and no more. A state
 * type, a field or a piece of JSONata that is not known is refused when the file is read, never skipped in a run.
 */
import * as z from 'zod';
import { problemOfExpression, sourceOf } from './expressions.ts';

export const LAMBDA_INVOKE = 'arn:aws:states:::lambda:invoke';
/** The state goes on when somebody ends its token. */
export const LAMBDA_INVOKE_AND_WAIT = 'arn:aws:states:::lambda:invoke.waitForTaskToken';

const json = z.json().superRefine((value, context) => {
  for (const problem of problemsIn(value)) context.addIssue({ code: 'custom', message: problem });
});
/** Step Functions would evaluate these, emulators would not. */
const literal = z.string().refine((text) => sourceOf(text) === undefined, 'must be no expression');
const assign = z.record(z.string().regex(/^[A-Za-z_]\w*$/), json);
const errors = z.array(z.string()).min(1);
const common = { Comment: z.string().optional(), Assign: assign.optional(), Output: json.optional() };
const onwards = { Next: z.string().optional(), End: z.literal(true).optional() };

const task = z.strictObject({
  Type: z.literal('Task'),
  ...common,
  ...onwards,
  Resource: z.enum([LAMBDA_INVOKE, LAMBDA_INVOKE_AND_WAIT]),
  Arguments: json.optional(),
  /** Of what waits only: see below. */
  TimeoutSeconds: z.int().positive().optional(),
  Retry: z
    .array(
      z.strictObject({
        ErrorEquals: errors,
        IntervalSeconds: z.int().positive().default(1),
        MaxAttempts: z.int().min(0).default(3),
        BackoffRate: z.number().min(1).default(2),
        MaxDelaySeconds: z.int().positive().default(31_622_400),
      }),
    )
    .default([]),
  Catch: z
    .array(
      z.strictObject({
        ErrorEquals: errors,
        Assign: assign.optional(),
        Output: json.optional(),
        Next: z.string(),
      }),
    )
    .default([]),
});
const choice = z.strictObject({
  Type: z.literal('Choice'),
  ...common,
  Choices: z.array(z.strictObject({ Condition: json, Next: z.string() })).min(1),
  Default: z.string().optional(),
});
/** Until an instant: what is left to wait is the same however often it begins again. */
const wait = z
  .strictObject({ Type: z.literal('Wait'), ...common, ...onwards, Timestamp: z.string() })
  .superRefine(({ Timestamp }, context) => {
    for (const problem of problemsIn(Timestamp)) context.addIssue({ code: 'custom', message: problem });
  });
const pass = z.strictObject({ Type: z.literal('Pass'), ...common, ...onwards });
const succeed = z.strictObject({
  Type: z.literal('Succeed'),
  Comment: z.string().optional(),
  Output: json.optional(),
});
const fail = z.strictObject({
  Type: z.literal('Fail'),
  Comment: z.string().optional(),
  Error: literal.optional(),
  Cause: literal.optional(),
});

const stateSchema = z.discriminatedUnion('Type', [task, choice, wait, pass, succeed, fail]);
export type State = z.output<typeof stateSchema>;
export type TaskState = z.output<typeof task>;

const machineSchema = z.strictObject({
  Comment: z.string().optional(),
  QueryLanguage: z.literal('JSONata'),
  StartAt: z.string(),
  States: z.record(z.string(), stateSchema),
});
export type Machine = z.output<typeof machineSchema>;

/** `substitutions` fill `${name}`, as CloudFormation does. Throws on what the walker cannot run faithfully. */
export function parseMachine(text: string, substitutions: Record<string, string>): Machine {
  const filled = text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = substitutions[name];
    if (value === undefined) throw new Error(`the state machine needs \${${name}}`);
    return JSON.stringify(value).slice(1, -1);
  });
  const machine = machineSchema.parse(JSON.parse(filled));
  for (const target of [machine.StartAt, ...Object.values(machine.States).flatMap(targetsOf)]) {
    if (!Object.hasOwn(machine.States, target)) throw new Error(`the state machine has no state ${target}`);
  }
  for (const [name, state] of Object.entries(machine.States)) {
    if (
      state.Type === 'Task' &&
      state.TimeoutSeconds !== undefined &&
      state.Resource !== LAMBDA_INVOKE_AND_WAIT
    )
      throw new Error(`the state ${name} does not wait, so it is not cut off here`);
  }
  return machine;
}

function targetsOf(state: State): string[] {
  const given = (...names: (string | undefined)[]): string[] => names.filter((name) => name !== undefined);
  switch (state.Type) {
    case 'Task':
      return given(state.Next, ...state.Catch.map(({ Next }) => Next));
    case 'Choice':
      return given(state.Default, ...state.Choices.map(({ Next }) => Next));
    case 'Wait':
    case 'Pass':
      return given(state.Next);
    case 'Succeed':
    case 'Fail':
      return [];
  }
}

function problemsIn(value: unknown): string[] {
  if (typeof value === 'string') {
    const source = sourceOf(value);
    const problem = source === undefined ? undefined : problemOfExpression(source);
    return problem === undefined ? [] : [problem];
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(problemsIn) : [];
}
