/**
 * What a function says: lines of JSON on standard output, from which CloudWatch also takes the metrics (embedded metric
 * format). No line has a prompt or a secret in it, and no metric has a user, a key or an app as its dimension: each
 * value of a dimension is billed as a metric of its own.
 */
import type { OperatorEvent } from '../core/gateway.ts';

export type Log = (line: Record<string, unknown>) => void;

export const NAMESPACE = 'Spendcap';

/** Every metric, with its unit in CloudWatch's words. Each has the one dimension `Service`. */
export const METRICS = {
  Calls: 'Count',
  /** Answers of 500 and above, of ours or of a provider. */
  ServerErrors: 'Count',
  FirstByteMs: 'Milliseconds',
  DurationMs: 'Milliseconds',
  Overruns: 'Count',
  PresumedSpent: 'Count',
  ChargesNotWritten: 'Count',
  AnswersNotStored: 'Count',
  /** What is our own fault, or the table's. */
  Failures: 'Count',
  HoldsSettled: 'Count',
  HoldsPresumedSpent: 'Count',
  PriceCardsAdded: 'Count',
  /** Cards whose price differs from what the table has under their id. */
  PriceCardsEdited: 'Count',
  /** Feeds that could not be read, or were not what they should be. */
  PriceFeedsFailed: 'Count',
  /** Changes of known models that wait for a second family or a person. */
  PricesPending: 'Count',
  /** Changes that cannot be right: a wrong unit, a rate of the wrong kind. */
  PricesRefused: 'Count',
  /** Bills of providers that are not what was charged. */
  BillsDrifted: 'Count',
  /** Hours whose rows lacked charges that the stream should have told of. */
  RowGaps: 'Count',
  /** 1 where the canary did not see the promise hold. */
  CanaryFailed: 'Count',
} as const;
export type MetricName = keyof typeof METRICS;

/** Straight to the stream: Lambda would wrap what goes through `console` into a line of its own. */
export const standardOutput: Log = (line) => {
  process.stdout.write(`${JSON.stringify(line, bigintAsText)}\n`);
};

const bigintAsText = (_name: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;

export function withMetrics(
  service: string,
  atMs: number,
  metrics: Partial<Record<MetricName, number>>,
): Record<string, unknown> {
  const names = Object.keys(metrics) as MetricName[];
  const directive = {
    Namespace: NAMESPACE,
    Dimensions: [['Service']],
    Metrics: names.map((name) => ({ Name: name, Unit: METRICS[name] })),
  };
  return { _aws: { Timestamp: atMs, CloudWatchMetrics: [directive] }, Service: service, ...metrics };
}

const METRIC_OF: Record<OperatorEvent['kind'], MetricName> = {
  overrun: 'Overruns',
  presumed_spent: 'PresumedSpent',
  charge_not_written: 'ChargesNotWritten',
  answer_not_stored: 'AnswersNotStored',
  failed: 'Failures',
};

export function operatorLine(service: string, atMs: number, event: OperatorEvent): Record<string, unknown> {
  return { ...event, ...withMetrics(service, atMs, { [METRIC_OF[event.kind]]: 1 }) };
}
