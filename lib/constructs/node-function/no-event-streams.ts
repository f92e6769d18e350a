/**
 * Stands in the bundles for `@smithy/core/event-streams`: no operation that a function calls (tables, secrets, buses,
 * topics, executions) has an event stream, and whatever asked for one would be a mistake.
 */
export function eventStreamSerdeProvider(): never {
  throw new Error('The bundles hold no event streams: see lib/constructs/node-function/bundle.ts.');
}

export const EventStreamSerde = eventStreamSerdeProvider;
