/** Step Functions: the JSONata of the machines, the fields of the states, and starting twice. */
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ACCOUNT } from '../emulator.ts';
import type { Clients } from './clients.ts';
import { nameOf, type Probe } from './probe.ts';

const INPUT = {
  caps: [
    { id: 'a', remaining: 3 },
    { id: 'b', remaining: 9 },
  ],
  'a-b': 1,
};
const ROLE = `arn:aws:iam::${ACCOUNT}:role/probe`;
const PATIENCE_MS = 8000;

const expression = (id: string, text: string, aws: string, pin?: string): Probe => ({
  id: `jsonata-${id}`,
  aws,
  ...(pin !== undefined && { pin }),
  ask: (clients) => outcomeOf(clients, { Only: { Type: 'Pass', Output: `{% ${text} %}`, End: true } }),
});

const states = (id: string, machine: Record<string, object>, aws: string, pin?: string): Probe => ({
  id: `states-${id}`,
  aws,
  ...(pin !== undefined && { pin }),
  ask: (clients) => outcomeOf(clients, machine),
});

const SEND = 'arn:aws:states:::sqs:sendMessage.waitForTaskToken';
/** A task whose token nobody sends back. */
const unanswered = (fields: object): Record<string, object> => ({
  Only: {
    Type: 'Task',
    Resource: SEND,
    Arguments: { QueueUrl: 'QUEUE', MessageBody: '{% $states.context.Task.Token %}' },
    ...fields,
    Catch: [{ ErrorEquals: ['States.ALL'], Output: '{% $states.errorOutput.Error %}', Next: 'Caught' }],
    End: true,
  },
  Caught: { Type: 'Succeed' },
});

export const machineProbes: Probe[] = [
  expression('predicate', '$states.input.caps[remaining > 5].id', '"b"'),
  expression('path-over-array', '$states.input.caps.id', '["a","b"]'),
  expression('map', '$map($states.input.caps, function($c) { $c.remaining * 2 })', '[6,18]'),
  expression('filter', '$filter($states.input.caps, function($c) { $c.remaining > 5 }).id', '"b"'),
  expression('range', '[1..3]', '[1,2,3]'),
  expression('block', '($x := 2; $x * 3)', '6'),
  expression('chain', '"a" ~> $uppercase()', '"A"'),
  expression('to-millis', '$toMillis("1970-01-01T00:00:01Z")', '1000'),
  expression('from-millis', '$fromMillis(0)', '"1970-01-01T00:00:00.000Z"'),
  expression('substring', '$substringBefore("a.b", ".")', '"a"'),
  expression('parse', '$parse("{\\"a\\":1}").a', '1'),
  expression('hash', '$hash("a", "SHA-1")', '"86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"'),
  expression('backtick', '$states.input.`a-b`', '1'),
  expression('missing-path', '$states.input.nothing', 'States.QueryEvaluationError'),
  expression('sum', '$sum($states.input.caps.remaining)', '12'),

  states('wait-seconds', { Only: { Type: 'Wait', Seconds: '{% 1 %}', End: true } }, JSON.stringify(INPUT)),
  states(
    'wait-timestamp',
    { Only: { Type: 'Wait', Timestamp: '{% $now() %}', End: true } },
    JSON.stringify(INPUT),
  ),
  states(
    'timeout-expression',
    unanswered({ TimeoutSeconds: '{% 1 %}' }),
    '"States.Timeout"',
    'States.Runtime',
  ),
  states(
    'heartbeat',
    unanswered({ TimeoutSeconds: 60, HeartbeatSeconds: 1 }),
    '"States.HeartbeatTimeout"',
    `still running after ${PATIENCE_MS / 1000} s`,
  ),
  states('fail-error', { Only: { Type: 'Fail', Error: '{% "Mine" %}', Cause: 'none' } }, 'Mine'),
  states(
    'map-items',
    {
      Only: {
        Type: 'Map',
        Items: '{% [1,2] %}',
        ItemProcessor: { StartAt: 'One', States: { One: { Type: 'Pass', End: true } } },
        End: true,
      },
    },
    '[1,2]',
  ),
  states(
    'parallel-succeed',
    {
      Only: {
        Type: 'Parallel',
        Branches: [{ StartAt: 'One', States: { One: { Type: 'Succeed', Output: '{% 5 %}' } } }],
        End: true,
      },
    },
    '[5]',
    JSON.stringify([INPUT]),
  ),
  states(
    'assign-sees-old-values',
    {
      Only: { Type: 'Pass', Assign: { x: 1 }, Next: 'Then' },
      Then: { Type: 'Pass', Assign: { x: 2, y: '{% $x %}' }, Next: 'Last' },
      Last: { Type: 'Pass', Output: '{% $y %}', End: true },
    },
    '1',
    '2',
  ),
  {
    id: 'start-same-while-running',
    aws: 'success',
    pin: 'ExecutionAlreadyExists',
    ask: (clients) => startTwice(clients, { between: 0, secondInput: '{}' }),
  },
  {
    id: 'start-other-while-running',
    aws: 'ExecutionAlreadyExists',
    ask: (clients) => startTwice(clients, { between: 0, secondInput: '{"other":1}' }),
  },
  {
    id: 'start-same-after-end',
    aws: 'ExecutionAlreadyExists',
    ask: (clients) => startTwice(clients, { between: 2500, secondInput: '{}' }),
  },
];

let made = 0;

async function machineOf({ machines }: Clients, states: Record<string, object>): Promise<string> {
  made += 1;
  const answer = await machines.send(
    new CreateStateMachineCommand({
      name: `probe-${made}`,
      roleArn: ROLE,
      definition: JSON.stringify({
        QueryLanguage: 'JSONata',
        StartAt: Object.keys(states)[0],
        States: states,
      }),
    }),
  );
  return answer.stateMachineArn!;
}

/** The output of an execution that succeeded, else the name of its error, else its status. */
async function outcomeOf(clients: Clients, states: Record<string, object>): Promise<string> {
  const text = JSON.stringify(states);
  if (text.includes('QUEUE')) {
    const queue = await clients.sqs.send(new CreateQueueCommand({ QueueName: `probe-${made}` }));
    states = JSON.parse(text.replace('QUEUE', queue.QueueUrl!)) as Record<string, object>;
  }
  let executionArn: string | undefined;
  try {
    const stateMachineArn = await machineOf(clients, states);
    const started = await clients.machines.send(
      new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(INPUT) }),
    );
    executionArn = started.executionArn!;
  } catch (error) {
    return `refused: ${nameOf(error)}`;
  }
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const { status, output, error } = await clients.machines.send(
      new DescribeExecutionCommand({ executionArn }),
    );
    if (status === 'SUCCEEDED') return JSON.stringify(JSON.parse(output ?? 'null'));
    if (status !== 'RUNNING') return error ?? status ?? 'no status';
    if (performance.now() > deadline) return `still running after ${PATIENCE_MS / 1000} s`;
    await sleep(100);
  }
}

/** Starts one name twice on a machine that takes two seconds; says how the second start was answered. */
async function startTwice(
  clients: Clients,
  { between, secondInput }: { between: number; secondInput: string },
): Promise<string> {
  const stateMachineArn = await machineOf(clients, { Only: { Type: 'Wait', Seconds: 2, End: true } });
  const start = (input: string): Promise<unknown> =>
    clients.machines.send(new StartExecutionCommand({ stateMachineArn, name: 'one', input }));
  await start('{}');
  await sleep(between);
  try {
    await start(secondInput);
    return 'success';
  } catch (error) {
    return nameOf(error);
  }
}
