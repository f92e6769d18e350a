/** Port EventBus over EventBridge, which takes some events of a request and refuses others. */
import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { EVENT_SOURCE, type BusEvent } from '../../core/events/catalogue.ts';
import type { EventBus } from '../../core/ports.ts';

/** EventBridge's own limit. */
const EVENTS_A_REQUEST = 10;

export class EventBridgeBus implements EventBus {
  readonly #client: Pick<EventBridgeClient, 'send'>;
  readonly #name: string;
  readonly #report: (reason: string) => void;

  constructor(deps: {
    client: Pick<EventBridgeClient, 'send'>;
    name: string;
    report: (reason: string) => void;
  }) {
    this.#client = deps.client;
    this.#name = deps.name;
    this.#report = deps.report;
  }

  async publish(events: readonly BusEvent[]): Promise<number[]> {
    const failed: number[] = [];
    for (let first = 0; first < events.length; first += EVENTS_A_REQUEST) {
      const some = await this.#put(events.slice(first, first + EVENTS_A_REQUEST));
      failed.push(...some.map((index) => first + index));
    }
    return failed;
  }

  async #put(events: readonly BusEvent[]): Promise<number[]> {
    const command = new PutEventsCommand({
      Entries: events.map(({ type, detail }) => ({
        EventBusName: this.#name,
        Source: EVENT_SOURCE,
        DetailType: type,
        Detail: JSON.stringify(detail),
      })),
    });
    try {
      const { Entries } = await this.#client.send(command);
      return events.flatMap((_event, index) => {
        const { ErrorCode, ErrorMessage, EventId } = Entries?.[index] ?? {};
        if (ErrorCode === undefined && EventId !== undefined) return [];
        this.#report(`${ErrorCode ?? 'No answer'}: ${ErrorMessage ?? 'the event has no id'}`);
        return [index];
      });
    } catch (error) {
      this.#report(String(error));
      return events.map((_event, index) => index);
    }
  }
}
