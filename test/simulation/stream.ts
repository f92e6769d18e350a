/**
 * The table's stream, and what follows from it: the real change feed gets each record, late, again and out of order,
 * and again where it said that it failed; its events start the ladder once by their id, which raises the stage.
 */
import type { DynamoDBRecord } from 'aws-lambda';
import { createChangeFeed } from '../../lambdas/change-feed/change-feed.ts';
import { durationMs } from '../../lambdas/core/brands.ts';
import type { Directory } from '../../lambdas/core/directory/directory.ts';
import { AccountCaps } from '../../lambdas/core/escalation/account-caps.ts';
import type { CapThresholdCrossed } from '../../lambdas/core/events/cap-threshold-crossed.ts';
import { setStage } from '../../lambdas/core/escalation/set-stage.ts';
import type { BusEvent } from '../../lambdas/core/events/catalogue.ts';
import { ladderSchema } from '../../lambdas/core/policy/ladder.ts';
import type { EventBus } from '../../lambdas/core/ports.ts';
import type { Change } from './recording-store.ts';
import './subtle.ts';
import { Violation } from './violation.ts';
import type { Host, World } from './world.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const LADDER = ladderSchema.parse({});

type ChangeFeed = ReturnType<typeof createChangeFeed>;

export interface StreamEvents {
  /** An execution of the ladder begins. */
  started: (event: CapThresholdCrossed) => void;
  /** The bus has an event, maybe again. */
  taken: (event: BusEvent) => void;
}

export function readStream(world: World, events: StreamEvents): void {
  const stream = new Stream(world, events);
  world.onChange((change) => stream.changed(change));
}

class Stream {
  private readonly world: World;
  private readonly events: StreamEvents;
  private readonly feeds = new WeakMap<Host, ChangeFeed>();
  private readonly started = new Set<string>();
  private records = 0;

  constructor(world: World, events: StreamEvents) {
    this.world = world;
    this.events = events;
  }

  changed({ pk, old, next }: Change): void {
    const { chance, time } = this.world;
    this.records += 1;
    const dynamodb = {
      SequenceNumber: `${this.records}`,
      ApproximateCreationDateTime: Math.floor(time.now / 1000),
      ...(old && { OldImage: old }),
      ...(next && { NewImage: next }),
    };
    const record = { eventName: old ? 'MODIFY' : 'INSERT', dynamodb } as DynamoDBRecord;
    this.deliver(record, chance.between(100, 3 * SECOND));
    if (chance.chance(0.05)) this.deliver(record, chance.between(0, 2 * MINUTE));
    this.world.auditor.events.recorded(pk, next);
  }

  /** Until it is taken: whoever dies over it is followed by another. */
  private deliver(record: DynamoDBRecord, delayMs: number): void {
    const { chance, time } = this.world;
    const again = (): void => this.deliver(record, chance.between(SECOND, MINUTE));
    time.in(delayMs, () => {
      const host = this.world.onSomeHost(async (host) => {
        const { batchItemFailures } = await this.feedOf(host)({ Records: [record] });
        stopListening();
        if (batchItemFailures.length > 0) again();
      });
      const stopListening = host.process.onDeath(again);
    });
  }

  private feedOf(host: Host): ChangeFeed {
    let feed = this.feeds.get(host);
    if (!feed) this.feeds.set(host, (feed = this.openFeed(host)));
    return feed;
  }

  private openFeed({ process }: Host): ChangeFeed {
    const { clock } = process;
    return createChangeFeed({
      bus: this.busOf(process),
      caps: new AccountCaps({ directory: this.directory(), clock }),
      ladderOf: () => LADDER,
      clock,
      report: ({ reason }) => {
        if (!reason.includes('events were not taken'))
          this.world.time.fail(new Violation('stage', `the change feed fails: ${reason}`));
      },
    });
  }

  /** Takes some events and not others, and takes some without an answer. */
  private busOf(process: Host['process']): EventBus {
    const { chance, time, auditor, network } = this.world;
    return {
      publish: async (all: readonly BusEvent[]) => {
        // Of the others nobody hears but those who subscribed.
        for (const event of all) if (event.type !== 'CapThresholdCrossed') this.events.taken(event);
        const events = all.filter((event) => event.type === 'CapThresholdCrossed');
        if (events.length === 0) return [];
        await process.sleep(durationMs(chance.between(1, 10)));
        const refused: number[] = [];
        events.forEach((busEvent, i) => {
          const isLost = chance.chance(network.rates.requestLost);
          if (isLost || chance.chance(network.rates.answerLost)) refused.push(i);
          if (isLost) return;
          const event = busEvent.detail;
          auditor.events.told(event);
          this.events.taken(busEvent);
          time.in(chance.between(10, SECOND), () => this.start(event));
        });
        return refused;
      },
    };
  }

  /** An execution is named by its event, so it runs once; its one task is tried again like any other. */
  private start(event: CapThresholdCrossed): void {
    if (this.started.has(event.id)) return;
    this.started.add(event.id);
    this.events.started(event);
    const { chance } = this.world;
    this.raise(event, chance.between(100, 2 * SECOND));
    if (chance.chance(0.2)) this.raise(event, chance.between(0, 2 * MINUTE));
  }

  private raise(event: CapThresholdCrossed, delayMs: number): void {
    this.world.time.in(delayMs, () => {
      this.world.onSomeHost(({ ledger, process: { clock } }) =>
        setStage({ ledger, clock, directory: this.directory() as Directory }, event),
      );
    });
  }

  private directory(): Pick<Directory, 'getCap'> {
    const { configuration } = this.world;
    return {
      getCap: async (id) => configuration.currentById(id) as Awaited<ReturnType<Directory['getCap']>>,
    };
  }
}
