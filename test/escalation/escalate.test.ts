import { ExecutionAlreadyExists } from '@aws-sdk/client-sfn';
import { expect, test } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { Directory } from '../../lambdas/core/directory/directory.ts';
import { crossingsOf, leafChange } from '../../lambdas/core/escalation/crossings.ts';
import type { CapThresholdCrossed } from '../../lambdas/core/events/cap-threshold-crossed.ts';
import { createEscalate } from '../../lambdas/escalate/escalate.ts';
import { startOnStepFunctions } from '../../lambdas/adapters/step-functions/start-execution.ts';
import { ledgerOver, ManualClock, NOON } from '../support/worlds.ts';
import { leafAt, monthly, defaultLadder } from './leaves.ts';

const event = async (): Promise<CapThresholdCrossed> => {
  const change = leafChange(undefined, leafAt('10'), NOON);
  return (await crossingsOf(change, async () => monthly(), defaultLadder))[0]!;
};

function escalate() {
  const clock = new ManualClock();
  const { table, ledger } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
  const started: string[] = [];
  const handler = createEscalate({
    ledger,
    directory: new Directory({ table, clock }),
    clock,
    start: async (name) => void started.push(name),
  });
  return { handler, started };
}

test('an event of the bus starts an execution under its id', async () => {
  const { handler, started } = escalate();
  const detail = await event();
  const envelope = { version: '0', id: 'x', 'detail-type': 'CapThresholdCrossed', source: 'spendcap' };
  await handler({ ...envelope, detail });
  expect(started).toEqual([detail.id]);
});

test('the machine asks for a stage; of a cap that is gone there is none', async () => {
  const { handler, started } = escalate();
  expect(await handler({ action: 'set_stage', event: await event() })).toEqual({ stage_set: true });
  expect(started).toEqual([]);
});

test('what is neither is refused', async () => {
  const { handler } = escalate();
  await expect(handler({ action: 'set_stage', event: {} })).rejects.toThrow();
  await expect(handler({ action: 'other', event: await event() })).rejects.toThrow();
});

test('Step Functions: a name that is known is as good as a start', async () => {
  const sent: unknown[] = [];
  let failure: Error | undefined;
  const client = {
    send: async ({ input }: { input: unknown }) => {
      sent.push(input);
      if (failure) throw failure;
    },
  };
  const start = startOnStepFunctions(client as never, 'arn:machine');
  const detail = await event();
  await start(detail.id, detail);
  expect(sent).toEqual([{ stateMachineArn: 'arn:machine', name: detail.id, input: JSON.stringify(detail) }]);
  failure = new ExecutionAlreadyExists({ message: 'known', $metadata: {} });
  await start(detail.id, detail);
  failure = new Error('no network');
  await expect(start(detail.id, detail)).rejects.toThrow('no network');
});
