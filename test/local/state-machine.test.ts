import { readFileSync } from 'node:fs';
import aslValidator from 'asl-validator';
import { describe, expect, it, test } from 'vitest';
import { parseMachine, type Machine } from '../../local/state-machine/definition.ts';
import type { Json } from '../../local/state-machine/expressions.ts';
import { MachineError } from '../../local/state-machine/machine-error.ts';
import { toRfc3339 } from '../../lambdas/core/time.ts';
import { walk, type Ending } from '../../local/state-machine/walk.ts';

const FILE = readFileSync(new URL('../../lib/escalation.asl.json', import.meta.url), 'utf8');
const APPROVAL = readFileSync(new URL('../../lib/approval.asl.json', import.meta.url), 'utf8');
const ARNS = { escalateFunctionArn: 'arn:function', mailFinanceFunctionArn: 'arn:mail' };
const AT = '2026-11-24T12:00:00Z';
const AT_ONCE = { mail: true, mail_at: AT, stage_at: AT };
const EVENT = { id: 'e1', rung: 'warn', at: AT, actions: AT_ONCE, mail: { subject: 'S', text: 'T' } };

function machineOf(states: object, startAt = Object.keys(states)[0]!): Machine {
  return parseMachine(JSON.stringify({ QueryLanguage: 'JSONata', StartAt: startAt, States: states }), {});
}

type Task = 'lambda' | 'wait';
/** Runs a machine; each task fails as often as its list of errors is long. */
async function run(
  machine: Machine,
  input: Json,
  failures: Partial<Record<Task, string[]>> = {},
): Promise<{ ending: Ending; calls: [Task | 'until', Json][]; pausesMs: number[] }> {
  const calls: [Task | 'until', Json][] = [];
  const pausesMs: number[] = [];
  const ending = await walk(
    machine,
    { name: 'one', startTime: '2026-11-24T12:00:00Z', input },
    {
      invoke: async (given) => {
        calls.push(['lambda', given]);
        const name = failures.lambda?.shift();
        if (name !== undefined) throw Object.assign(new Error('lambda failed'), { name });
        return { StatusCode: 200, Payload: { done: true } };
      },
      pause: async (duration) => void pausesMs.push(duration),
      pauseUntil: async (instant) => void calls.push(['until', toRfc3339(instant)]),
      wait: async (_token, _duration, send) => {
        await send();
        const name = failures.wait?.shift();
        if (name !== undefined) throw new MachineError(name, 'nobody answered');
        return { status: 'approved' };
      },
    },
  );
  return { ending, calls, pausesMs };
}

describe('the wait of lib/approval.asl.json', () => {
  const approval = parseMachine(APPROVAL, { askApproverFunctionArn: 'arn:ask' });
  const REQUEST = { id: 'e2', grant: 'grant_1' };
  const payloadsOf = (calls: [Task | 'until', Json][]) =>
    calls.map(([, given]) => (given as { Payload: Json }).Payload);

  test('is States Language', () => {
    expect(aslValidator(JSON.parse(APPROVAL))).toMatchObject({ isValid: true, errors: [] });
  });

  test('asks under its token, waits, and sees the decision through', async () => {
    const { ending, calls } = await run(approval, REQUEST);
    expect(ending).toEqual({ status: 'succeeded', output: { done: true } });
    expect(payloadsOf(calls)).toEqual([
      { action: 'ask', grant: 'grant_1', task_token: 'one#AskApprover' },
      { action: 'close', grant: 'grant_1' },
    ]);
  });

  test('closes what nobody answered, and gives up asking in the end', async () => {
    const silent = await run(approval, REQUEST, { wait: ['States.Timeout'] });
    expect(payloadsOf(silent.calls).at(-1)).toEqual({ action: 'close', grant: 'grant_1' });
    const broken = await run(approval, REQUEST, { lambda: Array<string>(9).fill('Lambda.Unknown') });
    expect(broken.ending).toMatchObject({ status: 'failed', error: 'NotAsked' });
    expect(broken.calls).toHaveLength(9);
  });
});

describe('the ladder of lib/escalation.asl.json', () => {
  const ladder = parseMachine(FILE, ARNS);

  test('is States Language', () => {
    expect(aslValidator(JSON.parse(FILE))).toMatchObject({ isValid: true, errors: [] });
  });

  test('sets the stage, then mails finance', async () => {
    const { ending, calls } = await run(ladder, EVENT);
    expect(ending).toEqual({ status: 'succeeded', output: 'e1' });
    expect(calls).toEqual([
      ['lambda', { FunctionName: 'arn:function', Payload: { action: 'set_stage', event: EVENT } }],
      ['lambda', { FunctionName: 'arn:mail', Payload: { action: 'tell', event: EVENT } }],
    ]);
  });

  test('tries again, and mails although the stage cannot be set', async () => {
    const { ending, calls, pausesMs } = await run(ladder, EVENT, {
      lambda: Array<string>(8).fill('TableUnavailable'),
    });
    expect(ending).toMatchObject({ status: 'failed', error: 'StageNotSet' });
    const actions = calls.map(([, given]) => (given as { Payload: { action: string } }).Payload.action);
    expect(actions).toEqual([...Array<string>(7).fill('set_stage'), 'tell', 'tell']);
    expect(pausesMs).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 5000]);
  });

  const NINE = '2026-11-24T21:00:00Z';
  const SEVEN = '2026-11-25T07:00:00Z';
  it.each<[string, object, Json[]]>([
    ['a grace lets finance know first', { stage_at: NINE }, ['tell', NINE, 'set_stage']],
    ['quiet hours hold back the mail alone', { mail_at: SEVEN }, ['set_stage', SEVEN, 'tell']],
    ['a grace that ends first', { stage_at: NINE, mail_at: SEVEN }, [NINE, 'set_stage', SEVEN, 'tell']],
    ['a grace that ends last', { stage_at: SEVEN, mail_at: NINE }, [NINE, 'tell', SEVEN, 'set_stage']],
    ['no mail', { mail: false }, ['set_stage']],
    ['no mail, and a grace', { mail: false, stage_at: NINE }, [NINE, 'set_stage']],
  ])('%s', async (_what, actions, steps) => {
    const event = { ...EVENT, actions: { ...AT_ONCE, ...actions } };
    const { ending, calls } = await run(ladder, event);
    expect(ending).toEqual({ status: 'succeeded', output: 'e1' });
    const step = ([task, given]: (typeof calls)[number]): Json =>
      task === 'until' ? given : (given as { Payload: { action: string } }).Payload.action;
    expect(calls.map(step)).toEqual(steps);
    const [, first] = calls.find(([task]) => task === 'lambda')!;
    expect(first).toMatchObject({ Payload: { event } });
  });

  test('fails where finance cannot be told', async () => {
    const { ending } = await run(ladder, EVENT, { lambda: Array<string>(16).fill('TableUnavailable') });
    expect(ending).toMatchObject({ status: 'failed', error: 'NotMailed' });
  });
});

describe('the walker', () => {
  const invoke = { Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke' };

  test('lets Assign and Output see the variables as they were', async () => {
    const machine = machineOf({
      First: { Type: 'Pass', Assign: { n: 1 }, Next: 'Second' },
      Second: {
        Type: 'Pass',
        Assign: { n: '{% $n + 1 %}', old: '{% $n %}' },
        Output: '{% $n %}',
        Next: 'Third',
      },
      Third: { Type: 'Succeed', Output: { n: '{% $n %}', old: '{% $old %}', input: '{% $states.input %}' } },
    });
    expect((await run(machine, {})).ending).toEqual({
      status: 'succeeded',
      output: { n: 2, old: 1, input: 1 },
    });
  });

  test('chooses the first condition that holds, or the default, or fails', async () => {
    const choices = (more: object): Machine =>
      machineOf({
        Choose: {
          Type: 'Choice',
          Choices: [{ Condition: "{% $states.input.rung = 'block' %}", Next: 'Yes' }],
          ...more,
        },
        Yes: { Type: 'Succeed', Output: 'yes' },
        No: { Type: 'Fail', Error: 'No' },
      });
    const withDefault = choices({ Default: 'No' });
    expect((await run(withDefault, { rung: 'block' })).ending).toMatchObject({ output: 'yes' });
    expect((await run(withDefault, { rung: 'warn' })).ending).toMatchObject({ error: 'No' });
    expect((await run(choices({}), { rung: 'warn' })).ending).toMatchObject({
      error: 'States.NoChoiceMatched',
    });
  });

  test('takes an expression without a value for an error that can be caught', async () => {
    const task = { ...invoke, Arguments: '{% $states.input.missing %}', End: true };
    const plain = machineOf({ Call: task });
    expect((await run(plain, {})).ending).toMatchObject({ error: 'States.QueryEvaluationError' });
    const caught = machineOf({
      Call: {
        ...task,
        Catch: [
          {
            ErrorEquals: ['States.QueryEvaluationError'],
            Output: '{% $states.errorOutput.Error %}',
            Next: 'Done',
          },
        ],
      },
      Done: { Type: 'Succeed' },
    });
    const { ending, calls } = await run(caught, {});
    expect(ending).toEqual({ status: 'succeeded', output: 'States.QueryEvaluationError' });
    expect(calls).toEqual([]);
  });

  test('does not evaluate what a task answers, nor what comes in', async () => {
    const echo = machineOf({ Call: { ...invoke, Output: '{% $states.input %}', End: true } });
    const { ending, calls } = await run(echo, { text: '{% 1 + 1 %}' });
    expect(ending).toMatchObject({ output: { text: '{% 1 + 1 %}' } });
    expect(calls).toEqual([['lambda', { text: '{% 1 + 1 %}' }]]);
  });

  test('retries only the errors that are named, and without a Catch fails by the task', async () => {
    const machine = machineOf({
      Call: { ...invoke, Retry: [{ ErrorEquals: ['Busy'], MaxAttempts: 1 }], End: true },
    });
    expect((await run(machine, {}, { lambda: ['Busy'] })).ending).toMatchObject({ status: 'succeeded' });
    expect((await run(machine, {}, { lambda: ['Busy', 'Busy'] })).ending).toMatchObject({ error: 'Busy' });
    expect((await run(machine, {}, { lambda: ['Other'] })).ending).toMatchObject({ error: 'Other' });
  });
});

describe('what the walker does not know is refused', () => {
  const done = { Type: 'Succeed' };
  it.each<[string, object]>([
    ['a state type', { Wait: { Type: 'Wait', Seconds: 1, Next: 'Done' }, Done: done }],
    ['another state type', { Map: { Type: 'Map', Next: 'Done' }, Done: done }],
    ['a field', { Pass: { Type: 'Pass', Result: 1, End: true } }],
    [
      'a field of Retry',
      {
        T: {
          Type: 'Task',
          Resource: 'arn:aws:states:::lambda:invoke',
          End: true,
          Retry: [{ ErrorEquals: ['States.ALL'], JitterStrategy: 'FULL' }],
        },
      },
    ],
    [
      'a time-out',
      { T: { Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke', TimeoutSeconds: 5, End: true } },
    ],
    ['a resource', { T: { Type: 'Task', Resource: 'arn:aws:states:::sqs:sendMessage', End: true } }],
    ['an expression where emulators evaluate none', { F: { Type: 'Fail', Cause: '{% $states.input %}' } }],
    ['a state that is not there', { Pass: { Type: 'Pass', Next: 'Nowhere' } }],
    ['a predicate', { Pass: { Type: 'Pass', Output: '{% $states.input.caps[id = 1] %}', End: true } }],
    ['a function', { Pass: { Type: 'Pass', Output: '{% $map([1], $string) %}', End: true } }],
    ['a block with assignments', { Pass: { Type: 'Pass', Output: '{% ($x := 1; $x) %}', End: true } }],
    ['bad syntax', { Pass: { Type: 'Pass', Output: '{% $states. %}', End: true } }],
  ])('%s', (_name, states) => {
    expect(() => machineOf(states)).toThrow();
  });

  test('a substitution without a value, and JSONPath', () => {
    expect(() => parseMachine(FILE, {})).toThrow('escalateFunctionArn');
    expect(() => parseMachine(FILE.replace('"JSONata"', '"JSONPath"'), ARNS)).toThrow();
  });

  it.each([
    '$states.input.a[0].b',
    "$x & ' of ' & $string(1.5)",
    '$states.input.n > 1 and $not($exists($y)) ? [1, -2] : {"a": $count([1])}',
  ])('but not %s', (source) => {
    expect(machineOf({ Pass: { Type: 'Pass', Output: `{% ${source} %}`, End: true } }).StartAt).toBe('Pass');
  });
});
