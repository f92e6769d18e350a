/**
 * A grace and quiet hours on the deployed state machine: what is not due waits, and is done when it is. The waits of a policy
 * are a minute at least, so an event with shorter ones is put on the bus beside.
 */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { randomBytes } from 'node:crypto';
import { epochMs } from '../../../lambdas/core/brands.ts';
import type { CapThresholdCrossed } from '../../../lambdas/core/events/cap-threshold-crossed.ts';
import { MINUTE, toRfc3339 } from '../../../lambdas/core/time.ts';
import { CREDENTIALS, REGION } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { same, type Caller } from './calls.ts';
import type { Deployed } from './cdk.ts';
import type { Finance, Mail } from './finance.ts';
import { executionsOf } from './machines.ts';
import { person, until } from './people.ts';
import { GRACE_MINUTES, PATIENT } from './policy.ts';
import type { Subscriber } from './webhooks.ts';

interface Parts {
  clients: Clients;
  stacks: Deployed;
  caller: Caller;
  finance: Finance;
  subscriber: Subscriber;
}

/** A call of $0.00402 crosses it. */
const RUNG = { ladder: PATIENT, thresholds: { warn: null, throttle: 0.6, block: null } };
const GRACE_MS = 2000;
const QUIET_MS = 4000;
const LOOK_EVERY_MS = 20;

export async function tellWaits(story: Story, parts: Parts): Promise<void> {
  story.step('A ladder waits');
  const { clients, caller, subscriber } = parts;
  const hanna = await person(caller, 'hanna', RUNG);
  let crossed: CapThresholdCrossed | undefined;
  await story.check('in a grace finance knows, and the stage is not set', async () => {
    await hanna.call();
    const heard = (): CapThresholdCrossed | undefined =>
      subscriber.told().find(({ type, data }) => type === 'CapThresholdCrossed' && data.cap === hanna.cap)
        ?.data as CapThresholdCrossed | undefined;
    await until('heard', async () => (heard() ? 'heard' : 'nothing'), LOOK_EVERY_MS);
    crossed = heard()!;
    const { mail, mail_at, stage_at } = crossed.actions;
    same(`${mail} ${mail_at}`, `true ${crossed.at}`);
    same(Date.parse(stage_at) - Date.parse(crossed.at), GRACE_MINUTES * MINUTE);
    const { subject } = await mailOf(parts, hanna.user);
    same(await statusOf(clients, crossed.id), 'RUNNING');
    same(await hanna.stage(), 'normal');
    return subject;
  });
  if (!crossed) return;
  const event = crossed;
  await story.check(
    'when the grace is over the stage is set; when the quiet hours are, finance is mailed',
    async () => {
      const now = Date.now();
      const [at, stage_at, mail_at] = [0, GRACE_MS, QUIET_MS].map((ms) => toRfc3339(epochMs(now + ms)));
      const id = randomBytes(32).toString('hex');
      await put(parts, {
        ...event,
        id,
        at: at!,
        actions: { mail: true, stage_at: stage_at!, mail_at: mail_at! },
      });
      await until('throttled', hanna.stage, LOOK_EVERY_MS);
      const stageAfter = Date.now() - now;
      same(stageAfter >= GRACE_MS, true);
      await mailOf(parts, hanna.user);
      const mailAfter = Date.now() - now;
      same(mailAfter >= QUIET_MS, true);
      await until('SUCCEEDED', () => statusOf(clients, id));
      return `stage after ${stageAfter} ms, mail after ${mailAfter} ms`;
    },
  );
}

async function put({ clients, stacks }: Parts, event: CapThresholdCrossed): Promise<void> {
  const bus = new EventBridgeClient({ endpoint: clients.endpoint, region: REGION, credentials: CREDENTIALS });
  const { FailedEntryCount } = await bus.send(
    new PutEventsCommand({
      Entries: [
        {
          ...{ EventBusName: stacks.eventBusName, Source: 'spendcap', DetailType: 'CapThresholdCrossed' },
          Detail: JSON.stringify(event),
        },
      ],
    }),
  );
  bus.destroy();
  same(FailedEntryCount ?? 0, 0);
}

const statusOf = async (clients: Clients, name: string): Promise<string> =>
  (await executionsOf(clients, 'escalation')).find((execution) => execution.name === name)?.status ?? 'none';

/** Others of finance's mails may come in between. */
async function mailOf({ finance }: Parts, user: string): Promise<Mail> {
  for (;;) {
    const mail = await finance.next();
    if (mail.subject.includes(user)) return mail;
  }
}
