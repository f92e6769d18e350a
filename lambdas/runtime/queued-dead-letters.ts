/**
 * The dead-letter queues of a deployment. What lies in them is worked again by where it came from: records of the stream
 * are told again from the table, what the bus could not hand over goes to it once more, and webhooks' messages to their
 * queue. A message leaves its queue once that is done, so a crash in between does it twice, under the same ids.
 */
import * as z from 'zod';
import type { HeldLetter, LetterQueue } from '../adapters/sqs/letter-queue.ts';
import { tellAgain, type TellAgainDeps } from '../change-feed/tell-again.ts';
import { durationMs, epochMs, type EpochMs } from '../core/brands.ts';
import {
  countReasons,
  DEAD_LETTER_QUEUES,
  type DeadLetterQueueName,
  type DeadLetters,
  type DeadLetterView,
  type Redrive,
} from '../core/dead-letters/dead-letters.ts';
import { readLetter } from '../core/dead-letters/letter.ts';
import type { Place } from '../core/escalation/standing-items.ts';
import { EVENT_SCHEMAS, EVENT_SOURCE, type BusEvent } from '../core/events/catalogue.ts';
import { EVENT_TYPES } from '../core/events/event-types.ts';
import type { Clock, EventBus } from '../core/ports.ts';
import type { Periods } from '../core/rollups/periods.ts';
import { hourOf } from '../core/rollups/plan.ts';
import { DAY, HOUR, plus } from '../core/time.ts';
import { deliverySchema, type Delivery } from '../core/webhooks/delivery.ts';
import { wants, type Webhook } from '../core/webhooks/webhook.ts';

export interface QueuedDeadLettersDeps extends TellAgainDeps {
  queues: ReadonlyMap<DeadLetterQueueName, LetterQueue>;
  /** Where webhooks' messages wait for their next attempt. */
  deliveries: LetterQueue | undefined;
  webhooks: readonly Webhook[];
  bus: EventBus;
  periods: Pick<Periods, 'openHour'>;
  clock: Clock;
}

/** The API answers within 29 s, and what is under way then needs some of them. */
const RUN_MS = 12_000;
const LOOK_MS = 4000;
const LOOKED_AT_MAX = 50;
/** SQS keeps a message for so long, which had waited for twelve hours at most before it came there. */
const LETTER_AGE_MAX = durationMs(15 * DAY);
/** A charge may be written so long after its call was admitted. */
const CHARGED_LATE_MAX = durationMs(26 * HOUR);

export class QueuedDeadLetters implements DeadLetters {
  readonly #deps: QueuedDeadLettersDeps;

  constructor(deps: QueuedDeadLettersDeps) {
    this.#deps = deps;
  }

  async list(): Promise<DeadLetterView[]> {
    const names = DEAD_LETTER_QUEUES.filter((name) => this.#deps.queues.has(name));
    return Promise.all(names.map((name) => this.#view(name, this.#deps.queues.get(name)!)));
  }

  async redrive(name: DeadLetterQueueName, cursor?: string): Promise<Redrive> {
    const queue = this.#deps.queues.get(name);
    if (!queue) return { kind: 'no_queue', reason: `There is no queue ${name} in this deployment.` };
    switch (name) {
      case 'change-feed':
        return this.#tellAgain(queue, cursor);
      case 'charge-feed':
        return this.#workAll(queue, this.#openHours());
      case 'escalation':
      case 'approvals':
        return this.#workAll(queue, (letter) => this.#publish(letter));
      case 'webhooks':
        return this.#workAll(queue, (letter) => this.#deliver(letter));
      case 'roll-up':
      case 'finance-desk':
      case 'collector':
      case 'price-refresh':
        return { kind: 'by_itself', reason: `${BY_ITSELF} See docs/runbook.md#dead-letters-${name}.` };
    }
  }

  async #view(name: DeadLetterQueueName, queue: LetterQueue): Promise<DeadLetterView> {
    const messages = await queue.count();
    const { letters } = messages === 0 ? { letters: [] } : await this.#look(queue, LOOKED_AT_MAX);
    return {
      ...{ queue: name, messages: Math.max(messages, letters.length) },
      oldest: letters.length === 0 ? undefined : epochMs(Math.min(...letters.map(({ sentAt }) => sentAt))),
      reasons: countReasons(letters.map((letter) => readLetter(letter).reason)),
    };
  }

  /** They stay where they are. */
  async #look(queue: LetterQueue, max: number): Promise<{ letters: HeldLetter[]; isAll: boolean }> {
    const letters: HeldLetter[] = [];
    const isTimeUp = this.#timeUpAfter(LOOK_MS);
    let isAll = false;
    while (letters.length < max && !isTimeUp() && !isAll) {
      const some = await queue.take();
      letters.push(...some);
      isAll = some.length === 0;
    }
    await queue.handBack(letters);
    return { letters, isAll };
  }

  /**
   * Each letter, until none comes or the time is up. `work` resolves to why a letter stays; to nothing once it may go.
   */
  async #workAll(
    queue: LetterQueue,
    work: (letter: HeldLetter) => Promise<string | undefined>,
    isTimeUp = this.#timeUpAfter(RUN_MS),
  ): Promise<Redrive> {
    const kept: { letter: HeldLetter; reason: string }[] = [];
    let redriven = 0;
    let isEmpty: boolean;
    do {
      const letters = await queue.take();
      isEmpty = letters.length === 0;
      for (const letter of letters) {
        const reason = await work(letter);
        if (reason !== undefined) kept.push({ letter, reason });
        else {
          await queue.remove(letter);
          redriven += 1;
        }
      }
    } while (!isEmpty && !isTimeUp());
    await queue.handBack(kept.map(({ letter }) => letter));
    const reasons = countReasons(kept.map(({ reason }) => reason)).map(({ reason }) => reason);
    // Those that stay would come again and again.
    const cursor = isEmpty || redriven === 0 ? undefined : REST;
    return { kind: 'redriven', redriven, kept: kept.length, reasons, cursor };
  }

  /** All that stands in the table, then the messages that were there before. */
  async #tellAgain(queue: LetterQueue, cursor: string | undefined): Promise<Redrive> {
    const isTimeUp = this.#timeUpAfter(RUN_MS);
    const span = cursor === undefined ? await this.#begin(queue) : spanOfCursor(cursor);
    if (span === 'cursor_unknown') return { kind: 'cursor_unknown' };
    if (span === undefined) return { kind: 'redriven', redriven: 0, kept: 0, reasons: [], cursor: undefined };
    const none = { kind: 'redriven', redriven: 0, kept: 0, reasons: [] } as const;
    const { place, ...bounds } = span;
    if (place !== 'told') {
      const told = await tellAgain(this.#deps, { ...bounds, place }, isTimeUp);
      bounds.failed += told.failed;
      const next = told.next ?? (isTimeUp() ? 'told' : undefined);
      if (next) return { ...none, reasons: [], cursor: cursorOf({ ...bounds, place: next }) };
    }
    if (bounds.failed > 0) {
      const reasons = [
        `${bounds.failed} accounts, grants or charges could not be told of: the log of the function Admin says why; all others were`,
      ];
      return { ...none, kept: await queue.count(), reasons, cursor: undefined };
    }
    const done = await this.#workAll(
      queue,
      async (letter) => (letter.sentAt <= bounds.until ? undefined : 'it came while this was under way'),
      isTimeUp,
    );
    if (done.kind !== 'redriven' || done.cursor === undefined) return done;
    return { ...done, cursor: cursorOf({ ...bounds, place: 'told' }) };
  }

  /** Undefined where the queue is empty. */
  async #begin(queue: LetterQueue): Promise<TellingSpan | undefined> {
    const until = this.#deps.clock.now();
    const { letters, isAll } = await this.#look(queue, Infinity);
    if (letters.length === 0 && isAll) return undefined;
    const arrivals = letters.map((letter) => {
      const content = readLetter(letter);
      return content.kind === 'records' ? content.from : epochMs(letter.sentAt - DAY);
    });
    const longAgo = epochMs(until - LETTER_AGE_MAX);
    const since = isAll ? epochMs(Math.max(longAgo, Math.min(...arrivals))) : longAgo;
    return { since, until, failed: 0, place: { part: 'lists' } };
  }

  /** Each hour once, however many letters name it. */
  #openHours(): (letter: HeldLetter) => Promise<string | undefined> {
    const opened = new Set<EpochMs>();
    return async (letter) => {
      const content = readLetter(letter);
      if (content.kind !== 'records') return `it names no records: ${content.reason}`;
      const first = hourOf(epochMs(content.from - CHARGED_LATE_MAX));
      for (let hour = first; hour <= content.to; hour = plus(hour, HOUR)) {
        if (!opened.has(hour)) await this.#deps.periods.openHour(hour);
        opened.add(hour);
      }
      return undefined;
    };
  }

  async #publish(letter: HeldLetter): Promise<string | undefined> {
    const content = readLetter(letter);
    if (content.kind === 'input' && sweepSchema.safeParse(content.input).success) return undefined;
    const event = content.kind === 'input' ? eventOf(content.input) : undefined;
    if (!event) return `it has no event of ours: ${content.reason}`;
    const failed = await this.#deps.bus.publish([event.event]);
    return failed.length === 0 ? undefined : 'the bus did not take it';
  }

  async #deliver(letter: HeldLetter): Promise<string | undefined> {
    const { deliveries, webhooks } = this.#deps;
    const content = readLetter(letter);
    const input = content.kind === 'input' ? content.input : undefined;
    const single = deliverySchema.safeParse(input);
    const event = single.success ? undefined : eventOf(input);
    if (!deliveries || (!single.success && !event)) return `it has no event of ours: ${content.reason}`;
    const again: Delivery[] = single.success
      ? [single.data]
      : webhooks
          .filter((webhook) => wants(webhook, event!.event.type))
          .map(({ id }) => ({ webhook: id, ...event!.event, time: event!.time }));
    for (const delivery of again) await deliveries.put(JSON.stringify(delivery));
    return undefined;
  }

  #timeUpAfter(ms: number): () => boolean {
    const { clock } = this.#deps;
    const end = clock.now() + ms;
    return () => clock.now() >= end;
  }
}

const BY_ITSELF =
  'Its runs come again by their schedule and do the same work: once one has passed, nothing is left to do.';

/** There is more of the same. */
const REST = 'rest';

/** The hourly sweep, which the next hour repeats. */
const sweepSchema = z.object({ action: z.literal('sweep') });

const busEventSchema = z.object({
  source: z.literal(EVENT_SOURCE),
  'detail-type': z.enum(EVENT_TYPES),
  time: z.string(),
  detail: z.unknown(),
});

/** An event as the bus hands it out. */
function eventOf(input: unknown): { event: BusEvent; time: string } | undefined {
  const parsed = busEventSchema.safeParse(input);
  if (!parsed.success) return undefined;
  const { 'detail-type': type, time } = parsed.data;
  const detail = EVENT_SCHEMAS[type].safeParse(parsed.data.detail);
  return detail.success ? { event: { type, detail: detail.data } as BusEvent, time } : undefined;
}

interface TellingSpan {
  since: EpochMs;
  until: EpochMs;
  failed: number;
  place: Place | 'told';
}

const instant = z.int().transform(epochMs);
const spanSchema: z.ZodType<TellingSpan> = z.strictObject({
  since: instant,
  until: instant,
  failed: z.int(),
  place: z.union([
    z.literal('told'),
    z.strictObject({ part: z.literal('lists') }),
    z.strictObject({ part: z.literal('overruns'), from: instant }),
    z.strictObject({ part: z.literal('leaves'), leaf: z.string().startsWith('L#').nullable() }),
  ]),
});

const cursorOf = (span: TellingSpan): string => JSON.stringify(span);

function spanOfCursor(cursor: string): TellingSpan | 'cursor_unknown' {
  try {
    return spanSchema.parse(JSON.parse(cursor));
  } catch {
    return 'cursor_unknown';
  }
}
