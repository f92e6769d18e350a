/**
 * Somebody spent four times the usual: charges in the deployed table, from which the deployed charge feed and roll-up, with no
 * more than their roles may do, come to an event on the bus, a mail and a line of the command. Of yesterday, whose hours are
 * all over whenever this runs; the roll-up's clock is two minutes ahead, since it leaves a minute to what was noted just now.
 */
import type { AnomalyDetected } from '../../../lambdas/core/events/anomaly-detected.ts';
import { chargeToItem } from '../../../lambdas/core/ledger/charge.ts';
import { usd } from '../../../lambdas/core/money.ts';
import { isApplied, type Table } from '../../../lambdas/core/ports.ts';
import { Periods } from '../../../lambdas/core/rollups/periods.ts';
import { DAY, HOUR, MINUTE } from '../../../lambdas/core/time.ts';
import { systemClock as clock } from '../../../lambdas/runtime/clock.ts';
import { systemIds as ids } from '../../../lambdas/runtime/ids.ts';
import { charge } from '../../rollups/charged-world.ts';
import { same } from '../deployment/calls.ts';
import { onDeployedTable } from '../deployment/deployed-table.ts';
import { withMovedClock } from '../deployment/moved-clock.ts';
import { newsOf } from '../deployment/news.ts';
import { until } from '../deployment/people.ts';
import { mailbox } from '../deployment/workarounds.ts';
import type { Story } from '../story.ts';
import type { Person } from './person.ts';
import type { World } from './world.ts';

const USER = 'ines';
const USUAL = '10.00';
const DAYS_BEFORE = 8;
const SPENT = '45.00';
const MAIL_SECONDS = 5;
const QUIET_SECONDS = 1;

export async function tellUnusualDay(
  story: Story,
  { world, person }: { world: World; person: Person },
): Promise<void> {
  const { clients } = world;
  const yesterday = (Math.floor(Date.now() / DAY) - 1) * DAY;
  const day = dateOf(yesterday);
  const news = await newsOf<AnomalyDetected>(
    clients,
    { eventBusName: await world.output('stateful', 'EventBusName') },
    'AnomalyDetected',
  );
  const mails = await mailbox(clients, {
    financeTopicArn: await world.output('stateless', 'FinanceTopicArn'),
  });
  const stacks = { tableName: await world.output('stateful', 'TableName') };

  await story.check('nine days of charges: the charge feed has noted their hours', () =>
    onDeployedTable({ endpoint: world.endpoint, stacks }, (table) => spend(table, yesterday)),
  );
  await withMovedClock(clients, 'RollUp', async (moved) => {
    moved.ahead(2 * MINUTE);
    await story.check('the roll-up, run as its schedule does, tells the bus of the day', async () => {
      same(await world.run('RollUp'), undefined);
      const told = (await news()).map(
        ({ scope, day: of, spent_usd, usual_usd, days }) =>
          `${scope.type} ${scope.id} ${of}: ${spent_usd}, usually ${usual_usd} on ${days} days`,
      );
      same(told.join(), `user ${USER} ${day}: ${SPENT}, usually ${USUAL} on ${DAYS_BEFORE} days`);
      return told[0];
    });
    await story.check('and finance, in one mail', async () => {
      const subject = (await mails.next(MAIL_SECONDS))?.subject;
      same(subject, `Spendcap: ${USER} spent $${SPENT} on ${day}, usually $${USUAL}`);
      return subject;
    });
    await story.check('run again, it tells nobody', async () => {
      same(await world.run('RollUp'), undefined);
      same((await mails.next(QUIET_SECONDS))?.subject, undefined);
      same((await news(QUIET_SECONDS)).length, 0);
      return undefined;
    });
  });
  await story.check('the command lists the day', async () => {
    const printed = await person.type('npx spendcap report anomalies');
    const line = printed.split('\n').find((text) => text.includes(`user:${USER}`));
    const [of, who, spent, usual] =
      line
        ?.trim()
        .split(/[\s│]+/)
        .filter(Boolean) ?? [];
    same([of, who, spent, usual].join(' '), `${day} user:${USER} ${SPENT} ${USUAL}`);
    return line;
  });
}

/** The same on each of the days before, and more yesterday. */
async function spend(table: Table, yesterday: number): Promise<string> {
  const hours = Array.from({ length: DAYS_BEFORE + 1 }, (_, i) => yesterday - i * DAY + 10 * HOUR);
  for (const [i, hour] of hours.entries()) {
    const at = new Date(hour).toISOString();
    const item = chargeToItem(
      charge({ at, user: USER, feature: 'chat', model: 'gpt-5', cost: usd(i === 0 ? SPENT : USUAL) }),
    );
    isApplied(await table.put({ item }));
  }
  const periods = new Periods({ table, clock, ids });
  return until(`${hours.length} hours`, async () => {
    const open = new Set<number>((await periods.openHours()).map(({ hour }) => hour));
    return `${hours.filter((hour) => open.has(hour)).length} hours`;
  });
}

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
