/**
 * Webhooks as they are deployed, in some of the seeds: what the bus takes comes into a queue once a subscription, and a
 * function that dies at any await posts it, to receivers that lose requests and answers, are away for hours, and change
 * their secrets. Draws from streams of its own.
 */
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import type { PostOutcome } from '../../lambdas/adapters/webhooks/post.ts';
import { parseWebhookSecrets } from '../../lambdas/core/webhooks/signature.ts';
import type { BusEvent } from '../../lambdas/core/events/catalogue.ts';
import { CachedSecret } from '../../lambdas/runtime/cached-secret.ts';
import { createHandler } from '../../lambdas/webhook/deliver.ts';
import { createSend } from '../../lambdas/webhook/send.ts';
import { drawFaultRates, NO_FAULTS, type FaultRates } from './faults.ts';
import { MessageQueue, type Message } from './message-queue.ts';
import { SimulatedProcess } from './process.ts';
import { Random } from './random.ts';
import { WebhookAudit, type Attempt, type PostedMessage } from './webhook-audit.ts';
import {
  drawSecretsAway,
  drawSubscriptions,
  FAULTS_LAST_MS,
  REDRIVEN_AFTER_MS,
  valueAt,
  type Subscription,
} from './webhook-plan.ts';
import type { World } from './world.ts';

const SECOND = 1000;
const SHARE_OF_SEEDS = 0.25;
/** As `lib/constructs/webhooks/` has it. */
const TIMEOUT_MS = 30 * SECOND;
/** As the way out has it. */
const ANSWER_MS_MAX = 15 * SECOND;
/** Its processes have streams of their own, too. */
const FIRST_NUMBER = 2_000_001;
/** Few are invoked, so that more of them die. */
const KILLED_MORE = 4;

export const hasWebhooks = (seed: number): boolean => new Random(seed, 'has webhooks').chance(SHARE_OF_SEEDS);

interface WebhookFunction {
  process: SimulatedProcess;
  handler: ReturnType<typeof createHandler>;
  isBusy: boolean;
  startedAt: number;
}

export class WebhookRoom {
  readonly audit: WebhookAudit;
  private readonly world: World;
  private readonly seed: number;
  private readonly chance: Random;
  private readonly subscriptions: readonly Subscription[];
  private readonly secretsAway: { from: number; to: number } | undefined;
  private readonly queue: MessageQueue;
  private readonly functions: WebhookFunction[] = [];
  private rates: FaultRates;
  private processes = 0;

  constructor(world: World, seed: number) {
    this.world = world;
    this.seed = seed;
    this.chance = new Random(seed, 'webhooks');
    const { chance } = this;
    const { time, plan } = world;
    this.audit = new WebhookAudit(time);
    this.subscriptions = drawSubscriptions(chance, plan);
    this.secretsAway = drawSecretsAway(chance, this.subscriptions);
    this.rates = drawFaultRates(chance);
    this.queue = new MessageQueue({
      ...{ time, chance },
      events: {
        received: (message) => this.received(message),
        movedAway: (message) => this.audit.movedAway(message),
      },
    });
    this.queue.repeats = chance.pick([0, 0.02, 0.1]);
    time.at(plan.end + FAULTS_LAST_MS, () => {
      this.rates = NO_FAULTS;
      this.queue.repeats = 0;
    });
    time.at(plan.end + REDRIVEN_AFTER_MS, () => this.redrive());
  }

  /** The bus has taken an event: its rules put it into the queue, now and then twice. */
  takes({ type, detail }: BusEvent): void {
    const { chance, subscriptions, world } = this;
    const { time } = world;
    const timestamp = new Date(time.now).toISOString().replace(/\.\d+Z$/, 'Z');
    const data = JSON.parse(JSON.stringify(detail)) as { id: string };
    for (const subscription of subscriptions) {
      const { webhook, deletedAt } = subscription;
      if (deletedAt <= time.now || webhook.events?.includes(type) === false) continue;
      const body = JSON.stringify({ webhook: webhook.id, type, time: timestamp, detail: data });
      const put = (): void =>
        this.audit.mustPost(this.queue.put(body), { subscription, type, timestamp, data });
      time.in(chance.between(5, SECOND), put);
      if (chance.chance(0.02)) time.in(chance.between(5, 60 * SECOND), put);
    }
  }

  /** As `spendcap dead-letter redrive webhooks` does it. */
  private redrive(): void {
    for (const message of this.audit.lettersNow()) this.audit.redriven(message, this.queue.put(message.body));
  }

  private received(message: Message): Promise<boolean> {
    const { time } = this.world;
    const place = this.idleFunction();
    const { process, handler } = place;
    place.isBusy = true;
    this.audit.begins(process, message);
    return new Promise((resolve) => {
      let isOver = false;
      const over = (stays: boolean | undefined): void => {
        if (isOver) return;
        isOver = true;
        stopListening();
        place.isBusy = false;
        try {
          this.audit.ends(process, stays);
        } catch (error) {
          time.fail(error);
        }
        resolve(stays === false);
      };
      const stopListening = process.onDeath(() => over(undefined));
      time.in(TIMEOUT_MS, () => {
        if (!isOver) process.kill();
      });
      handler(eventOf(message)).then(
        ({ batchItemFailures }) =>
          over(batchItemFailures.some(({ itemIdentifier }) => itemIdentifier === String(message.number))),
        (error: unknown) => {
          time.fail(error);
          over(undefined);
        },
      );
    });
  }

  private idleFunction(): WebhookFunction {
    const { world, chance, seed, functions } = this;
    const { time, plan } = world;
    // Those of an older policy are not invoked again.
    const deployedAt = Math.max(
      0,
      ...this.subscriptions.map(({ deletedAt }) => deletedAt).filter((at) => at <= time.now),
    );
    const idle = functions.find(
      ({ process, isBusy, startedAt }) => process.alive && !isBusy && startedAt >= deployedAt,
    );
    if (idle) return idle;
    const { skewMsMax } = plan.rates;
    const process = new SimulatedProcess({
      ...{ number: FIRST_NUMBER + this.processes, seed, time },
      skewMs: chance.between(-skewMsMax / 2, skewMsMax / 2),
      killShare: () => this.rates.killed * KILLED_MORE,
    });
    this.processes += 1;
    const started = { process, handler: this.handlerOf(process), isBusy: false, startedAt: time.now };
    functions.push(started);
    return started;
  }

  private handlerOf(process: SimulatedProcess): WebhookFunction['handler'] {
    const { audit } = this;
    const { clock } = process;
    const { now } = this.world.time;
    const secret = new CachedSecret({
      clock,
      parse: parseWebhookSecrets,
      read: () => this.readSecrets(process),
    });
    const webhooks = this.subscriptions
      .filter(({ deletedAt }) => deletedAt > now)
      .map(({ webhook }) => webhook);
    const post = (url: string, message: PostedMessage): Promise<PostOutcome> =>
      this.post(process, url, message);
    const asks = async (work: Promise<void>): Promise<void> => {
      try {
        await work;
        audit.asked(process, true);
      } catch (error) {
        audit.asked(process, false);
        throw error;
      }
    };
    return createHandler({
      open: () => ({
        send: createSend({ webhooks, secrets: () => secret.current(), post, clock }),
        delay: async (receipt, seconds) => {
          const attempt = audit.attemptOf(process);
          this.tell(() => audit.delays(process, receipt, seconds));
          await asks(
            this.call(process, () => {
              if (this.queue.hide(receipt, seconds * SECOND)) audit.delayed(attempt, seconds);
            }),
          );
        },
        giveUp: async (_body, reason) => {
          const attempt = audit.attemptOf(process);
          this.tell(() => audit.givesUp(process, reason));
          await asks(this.call(process, () => audit.givenUp(attempt)));
        },
      }),
      log: () => undefined,
    });
  }

  /** What the auditor finds ends the run, and is no failure of what was asked. */
  private tell<T>(event: () => T): T | undefined {
    try {
      return event();
    } catch (error) {
      this.world.time.fail(error);
      return undefined;
    }
  }

  private async readSecrets(process: SimulatedProcess): Promise<string> {
    const { secretsAway: away, world } = this;
    let text = '';
    await this.call(process, () => {
      const { now } = this.world.time;
      const stored = this.subscriptions.map(({ webhook, stored }) => [
        webhook.id,
        valueAt(stored, now) ?? '',
      ]);
      text = JSON.stringify({ unused: 'x', ...Object.fromEntries(stored) });
    });
    if (away && world.time.now >= away.from && world.time.now < away.to)
      throw new Error('secrets cannot be read');
    return text;
  }

  /** To a service of AWS. */
  private call(process: SimulatedProcess, serve: () => void): Promise<void> {
    const { chance, rates, world } = this;
    const { time } = world;
    return new Promise((resolve, reject) => {
      if (process.dies() && chance.chance(0.5)) return;
      const give = (delayMs: number, error?: string): void =>
        time.in(delayMs, () => {
          if (process.dies()) return;
          if (error === undefined) resolve();
          else reject(new Error(error));
        });
      if (chance.chance(rates.requestLost) || chance.chance(rates.throttled)) {
        give(chance.pick([10, 5 * SECOND]), 'it does not answer');
        return;
      }
      const wayMs = chance.chance(rates.slow) ? chance.between(500, 16 * SECOND) : chance.between(5, 50);
      time.in(wayMs, () => {
        serve();
        if (chance.chance(rates.answerLost)) give(5 * SECOND, 'no answer came');
        else give(chance.between(1, 20));
      });
    });
  }

  private post(process: SimulatedProcess, url: string, message: PostedMessage): Promise<PostOutcome> {
    const { chance, rates, world, audit } = this;
    const { time } = world;
    return new Promise((resolve) => {
      if (process.dies() && chance.chance(0.5)) return;
      const attempt = this.tell(() => audit.posts(process, url, message));
      if (!attempt) return;
      const latest = time.now + ANSWER_MS_MAX;
      let isGiven = false;
      const give = (delayMs: number, outcome: PostOutcome): void =>
        time.at(Math.min(time.now + delayMs, latest), () => {
          if (isGiven) return;
          isGiven = true;
          const isLate = time.now >= latest;
          const heard: PostOutcome = isLate ? { kind: 'failed', reason: 'no answer within 15 s' } : outcome;
          if (process.alive) audit.answered(attempt, heardAs(heard));
          if (!process.dies()) resolve(heard);
        });
      const { subscription } = attempt.due;
      if (chance.chance(rates.requestLost) || awayAt(subscription, time.now) === 'refuses') {
        give(chance.pick([10, ANSWER_MS_MAX]), { kind: 'failed', reason: 'connect ECONNREFUSED' });
        return;
      }
      give(ANSWER_MS_MAX, { kind: 'failed', reason: '' });
      const wayMs = chance.chance(rates.slow) ? chance.between(500, 40 * SECOND) : chance.between(5, 100);
      time.in(wayMs, () => {
        const status = this.tell(() => this.arrives(attempt, message));
        if (status === undefined || chance.chance(rates.answerLost)) return;
        give(chance.between(1, 100), { kind: 'answered', status });
      });
    });
  }

  /** The status that the receiver answers with; undefined where nothing comes. */
  private arrives(attempt: Attempt, message: PostedMessage): number | undefined {
    const { chance, world, audit } = this;
    const { subscription } = attempt.due;
    audit.arrives(attempt, message);
    const away = awayAt(subscription, world.time.now);
    const isFlaky = world.time.now < this.flakyUntil && chance.chance(subscription.flaky);
    const how = away ?? (isFlaky ? chance.pick(['hangs', 500, 503, 429, 400, 410, 301] as const) : 204);
    if (typeof how === 'string') {
      // Whoever answers too late may have taken it.
      if (chance.chance(0.5)) audit.taken(attempt);
      return undefined;
    }
    if (how === 204) audit.taken(attempt);
    return how;
  }

  private get flakyUntil(): number {
    return this.world.plan.end + FAULTS_LAST_MS;
  }
}

const awayAt = ({ away }: Subscription, now: number) =>
  away.find(({ from, to }) => now >= from && now < to)?.how;

const heardAs = (outcome: PostOutcome): { isTaken: boolean; reason: string } =>
  outcome.kind === 'failed'
    ? { isTaken: false, reason: outcome.reason }
    : { isTaken: outcome.status === 204, reason: `it answered ${outcome.status}` };

const eventOf = ({ number, receipt, body, received }: Message): SQSEvent => ({
  Records: [
    {
      ...{ messageId: String(number), receiptHandle: receipt, body },
      attributes: { ApproximateReceiveCount: String(received) },
    } as SQSRecord,
  ],
});
