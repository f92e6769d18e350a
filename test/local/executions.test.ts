import { expect, test, vi } from 'vitest';
import { durationMs } from '../../lambdas/core/brands.ts';
import { DAY } from '../../lambdas/core/time.ts';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { parseMachine } from '../../local/state-machine/definition.ts';
import { Executions } from '../../local/state-machine/executions.ts';
import type { Json } from '../../local/state-machine/expressions.ts';
import { Outbox } from '../../local/outbox.ts';
import { ledgerOver, ManualClock } from '../support/worlds.ts';

const MACHINE = parseMachine(
  JSON.stringify({
    QueryLanguage: 'JSONata',
    StartAt: 'Mail',
    States: {
      Mail: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke',
        Retry: [{ ErrorEquals: ['Busy'], MaxAttempts: 1 }],
        End: true,
      },
    },
  }),
  {},
);

/** A pause lasts until it is stopped. */
class EndlessClock extends ManualClock {
  override timer() {
    let stop!: () => void;
    const ended = new Promise<void>((resolve) => (stop = resolve));
    return { ended, stop };
  }
}

function world(clock = new ManualClock()) {
  const { table } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
  const reports: string[] = [];
  const mailed: Json[] = [];
  let failure: string | undefined;
  const open = () =>
    new Executions({
      name: 'mails',
      machine: MACHINE,
      invoke: async (given) => {
        mailed.push(given);
        if (failure !== undefined) throw Object.assign(new Error('no'), { name: failure });
        return null;
      },
      table,
      clock,
      report: (reason) => reports.push(reason),
    });
  const failWith = (name: string | undefined) => (failure = name);
  return { open, reports, mailed, failWith, table };
}

test('a name starts once, also in the next process', async () => {
  const { open, mailed } = world();
  const first = open();
  await first.start('one', { n: 1 });
  await first.start('one', { n: 1 });
  await first.start('two', { n: 2 });
  await first.stop();
  const second = open();
  await second.resume();
  await second.start('one', { n: 1 });
  await second.stop();
  expect(mailed).toEqual([{ n: 1 }, { n: 2 }]);
});

test('a name is remembered for 90 days after its execution ended, and for as long as it runs', async () => {
  const clock = new EndlessClock();
  const { open, failWith, table } = world(clock);
  const ttl = async () => (await table.get({ pk: 'EXECUTION#one', sk: '-' }))!['ttl'];
  failWith('Busy');
  const first = open();
  await first.start('one', null);
  await first.stop();
  expect(await ttl()).toBeUndefined();
  failWith(undefined);
  clock.advance(durationMs(5 * DAY));
  const second = open();
  await second.resume();
  await second.stop();
  expect(await ttl()).toBe(BigInt((clock.now() + 90 * DAY) / 1000));
});

test('what was cut off in a pause begins again in the next process', async () => {
  const { open, mailed, failWith, reports } = world(new EndlessClock());
  failWith('Busy');
  const first = open();
  await first.start('one', 'input');
  await new Promise((resolve) => setTimeout(resolve, 10));
  await first.stop();
  failWith(undefined);
  const second = open();
  await second.resume();
  await second.stop();
  const third = open();
  await third.resume();
  await third.stop();
  expect(mailed).toEqual(['input', 'input']);
  expect(reports).toEqual([]);
});

test('a failed execution is reported, and over', async () => {
  const { open, failWith, reports } = world();
  failWith('Broken');
  const executions = open();
  await executions.start('one', null);
  await executions.stop();
  await executions.resume();
  await executions.stop();
  expect(reports).toEqual(['execution one: Broken: no']);
});

test('the outbox keeps a mail once and the newest last', async () => {
  const outbox = new Outbox(world().table);
  const mail = (at: string) => ({ to: 'a@b.example', subject: 'S', text: 'T', at });
  await outbox.put('b', mail('2026-11-24T12:00:00Z'));
  await outbox.put('a', mail('2026-11-24T12:00:00.001Z'));
  await outbox.put('b', mail('2026-11-24T12:00:00Z'));
  expect(await outbox.mails()).toEqual([mail('2026-11-24T12:00:00Z'), mail('2026-11-24T12:00:00.001Z')]);
});

test('what waits under a token goes on when it is ended, in the next process too, and in no other machine', async () => {
  const clock = new EndlessClock();
  const { table } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
  const sent: string[] = [];
  const open = (name: string) =>
    new Executions({
      name,
      machine: WAITING,
      invoke: async (given) => {
        sent.push((given as { token: string }).token);
        return null;
      },
      ...{ table, clock, report: (reason) => sent.push(reason) },
    });
  const first = open('waits');
  await first.start('one', {});
  await vi.waitFor(() => expect(sent).toEqual(['one#Wait']));
  await first.stop();
  const other = open('others');
  await other.resume();
  await other.stop();
  const next = open('waits');
  await next.resume();
  await vi.waitFor(() => expect(sent).toEqual(['one#Wait', 'one#Wait']));
  next.end('nobody', {});
  next.end('one#Wait', { status: 'approved' });
  await vi.waitFor(async () =>
    expect((await table.get({ pk: 'EXECUTION#one', sk: '-' }))!['status']).toBe('succeeded'),
  );
  await next.stop();
});

const WAITING = parseMachine(
  JSON.stringify({
    QueryLanguage: 'JSONata',
    StartAt: 'Wait',
    States: {
      Wait: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
        Arguments: { token: '{% $states.context.Task.Token %}' },
        End: true,
      },
    },
  }),
  {},
);
