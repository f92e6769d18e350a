/** The mark of a cap's first refusal in a window: it is put once, and lives until nobody can put it again. */
import { expect, it } from 'vitest';
import { openMemoryEngine } from '../../lambdas/adapters/table/local/memory-store.ts';
import { ReachedCaps, type ReachedCap } from '../../lambdas/core/admission/reached-caps.ts';
import { everyItem } from '../../lambdas/core/pages.ts';
import { startExpirySweeper } from '../../local/expiry.ts';
import { leafAt, monthly } from '../escalation/leaves.ts';
import { SteppedClock } from '../support/stepped-clock.ts';
import { ledgerOver, testCap } from '../support/worlds.ts';
import { usd } from '../../lambdas/core/money.ts';

const DAY_SECONDS = 86_400;

it('stays beyond its window, however many processes refuse, and is gone in the end; of a lifetime cap it stays', async () => {
  const clock = new SteppedClock();
  const { table } = ledgerOver({ api: openMemoryEngine({ clock }), tableName: 't' }, clock);
  const account = leafAt('20').a['month']!;
  const month: ReachedCap = {
    ...{ cap: monthly(), account, principal: null, held: 0n, at: clock.now() },
    ...{ pk: 'L#user:alice', reason: 'cap_reached', requested: 1n },
  };
  const life = {
    ...month,
    cap: testCap('life', 'usd', 'lifetime', usd('20')),
    account: { ...account, k: 0n },
  };
  for (const some of [month, life, month]) await new ReachedCaps({ table }).note(some, 'req_1');
  const marks = async (): Promise<unknown[]> => {
    const found: unknown[] = [];
    for await (const item of everyItem((at) => table.scan(at))) found.push(item['ttl']);
    return found.sort();
  };
  const expiry = BigInt(Date.UTC(2026, 11, 1) / 1000 + 60 * DAY_SECONDS);
  expect(await marks()).toEqual([expiry, undefined]);

  const sweep = async (): Promise<void> => {
    const sweeper = startExpirySweeper({ table, clock, report: () => expect.unreachable() });
    await clock.pass(1);
    await sweeper.stop();
  };
  // From noon of 24 November to the evening of 29 January, and half a day more.
  await clock.pass(66.4 * DAY_SECONDS);
  await sweep();
  expect(await marks()).toEqual([expiry, undefined]);
  await clock.pass(DAY_SECONDS / 2);
  await sweep();
  expect(await marks()).toEqual([undefined]);
});
