/** The names of all events, apart from their schemas: the policy file names events, and every function has the policy. */
export const EVENT_TYPES = [
  'CapThresholdCrossed',
  'StageChanged',
  'CapReached',
  'OverrunDetected',
  'GrantRequested',
  'GrantApproved',
  'GrantDenied',
  'GrantExpired',
  'PricesChanged',
  'AnomalyDetected',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];
