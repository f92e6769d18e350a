/**
 * Every event that Spendcap puts on the bus, by its `detail-type`. The schemas are published in `docs/events/`: a version
 * never loses a member nor gives one another meaning, and what would is a version of its own.
 */
import type * as z from 'zod';
import { anomalyDetectedSchema } from './anomaly-detected.ts';
import { capReachedSchema } from './cap-reached.ts';
import { capThresholdCrossedSchema } from './cap-threshold-crossed.ts';
import {
  grantApprovedSchema,
  grantDeniedSchema,
  grantExpiredSchema,
  grantRequestedSchema,
} from './grants.ts';
import type { EventType } from './event-types.ts';
import { overrunDetectedSchema } from './overrun-detected.ts';
import { pricesChangedSchema } from './prices-changed.ts';
import { stageChangedSchema } from './stage-changed.ts';

/** EventBridge's `source` of all of them. */
export const EVENT_SOURCE = 'spendcap';

export const EVENT_SCHEMAS = {
  CapThresholdCrossed: capThresholdCrossedSchema,
  StageChanged: stageChangedSchema,
  CapReached: capReachedSchema,
  OverrunDetected: overrunDetectedSchema,
  GrantRequested: grantRequestedSchema,
  GrantApproved: grantApprovedSchema,
  GrantDenied: grantDeniedSchema,
  GrantExpired: grantExpiredSchema,
  PricesChanged: pricesChangedSchema,
  AnomalyDetected: anomalyDetectedSchema,
} satisfies Record<EventType, z.ZodType>;

export type EventDetail<T extends EventType> = z.output<(typeof EVENT_SCHEMAS)[T]>;
export type BusEvent<T extends EventType = EventType> = { [K in T]: { type: K; detail: EventDetail<K> } }[T];
