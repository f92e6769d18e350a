import { expect, it } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { hours, ledgerOver, alice, testCall, testCap } from '../support/worlds.ts';
import { SteppedClock } from '../support/stepped-clock.ts';
import { startCollector } from '../../local/collector.ts';

const CAPS = [testCap('life', 'usd', 'lifetime', 1000n)];

function world() {
  const clock = new SteppedClock();
  const { table, ledger, ids } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
  const reported: string[] = [];
  const start = () =>
    startCollector({
      ...{ table, ledger, clock, ids },
      capOf: async () => undefined,
      report: (reason) => void reported.push(reason),
    });
  const hold = () => ledger.reserve(testCall(CAPS, ids));
  return { clock, table, ledger, start, hold, reported };
}

it('stops while its first round is still under way', async () => {
  const { start } = world();
  await start().stop();
});

it('presumes an orphaned hold spent once its day is over, in a round after the first', async () => {
  const { clock, ledger, start, hold, reported } = world();
  await hold();
  const collector = start();
  await clock.pass(60);
  expect(Object.keys((await ledger.leaves.read(alice))!.h)).toHaveLength(1);
  await clock.pass(hours(25) / 1000);
  expect(await ledger.leaves.read(alice)).toMatchObject({ h: {}, a: { life: { s: 100n, f: 900n } } });
  await collector.stop();
  expect(reported).toEqual([]);
});
