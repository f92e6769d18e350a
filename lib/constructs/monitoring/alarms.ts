/**
 * What somebody must be told. Each alarm is a section of docs/runbook.md, which its description names; a test
 * compares the two. Where `alarmEmail` is given, alarms and their ends are mailed.
 */
import { Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  Metric,
  Stats,
  TreatMissingData,
  type IMetric,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { NAMESPACE, type MetricName } from '../../../lambdas/runtime/log.ts';
import type { Approvals } from '../approvals/approvals.ts';
import type { Canary } from '../canary/canary.ts';
import type { ChangeFeed } from '../change-feed/change-feed.ts';
import type { Collector } from '../collector/collector.ts';
import type { Escalation } from '../escalation/escalation.ts';
import type { FinanceDesk } from '../finance-mail/finance-desk.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { NodeFunction } from '../node-function/node-function.ts';
import type { PriceRefresh } from '../price-refresh/price-refresh.ts';
import type { ChargeFeed } from '../rollups/charge-feed.ts';
import type { RollUp } from '../rollups/roll-up.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';

export interface Watched {
  gateway: Gateway;
  proxy: NodeFunction;
  admin: NodeFunction;
  changeFeed: ChangeFeed;
  chargeFeed: ChargeFeed;
  rollUp: RollUp;
  escalation: Escalation;
  financeDesk: FinanceDesk;
  approvals: Approvals;
  collector: Collector;
  priceRefresh: PriceRefresh;
  canary: Canary;
  /** Undefined where nobody has subscribed. */
  webhooks: Webhooks | undefined;
}

const FIVE_MINUTES = Duration.minutes(5);

/** One of our own metrics, as the functions write them into their logs. */
export const ownMetric = (service: string, metricName: MetricName): Metric =>
  new Metric({
    namespace: NAMESPACE,
    metricName,
    dimensionsMap: { Service: service },
    statistic: Stats.SUM,
    period: FIVE_MINUTES,
  });

export class Alarms extends Construct {
  readonly #action: SnsAction;

  constructor(scope: Construct, id: string, watched: Watched, alarmEmail: string | undefined) {
    super(scope, id);
    this.#action = new SnsAction(this.#topic(alarmEmail));
    this.#money();
    this.#queues(watched);
    this.#functions(watched);
    this.#frontDoor(watched);
    this.#machines(watched);
    this.#canary();
    this.#prices();
    this.#rows();
  }

  #money(): void {
    this.#atLeastOne(
      'Overrun',
      ownMetric('proxy', 'Overruns'),
      'overrun',
      'A provider billed above its bound',
    );
    this.#atLeastOne(
      'ChargeNotWritten',
      ownMetric('proxy', 'ChargesNotWritten'),
      'charge-not-written',
      'A call was answered and its charge could not be written; its hold still counts',
    );
    this.#atLeastOne(
      'BillDrifted',
      ownMetric('admin', 'BillsDrifted'),
      'bill-drifted',
      "A provider's bill is not what was charged",
    );
    // These functions answer what they fail at, so Lambda counts no error.
    for (const service of ['proxy', 'admin', 'approve']) {
      this.#atLeastOne(
        `Failures${capital(service)}`,
        ownMetric(service, 'Failures'),
        'failures',
        `A request to the function ${service} failed by our own fault, or the table's`,
      );
    }
  }

  #queues(watched: Watched): void {
    const { changeFeed, chargeFeed, rollUp } = watched;
    const { escalation, financeDesk, approvals, collector, priceRefresh, webhooks } = watched;
    for (const [name, { deadLetters }] of Object.entries({
      changeFeed,
      chargeFeed,
      rollUp,
      escalation,
      financeDesk,
      approvals,
      collector,
      priceRefresh,
      ...(webhooks && { webhooks }),
    })) {
      this.#atLeastOne(
        `DeadLetters${capital(name)}`,
        deadLetters.metricApproximateNumberOfMessagesVisible({
          period: FIVE_MINUTES,
          statistic: Stats.MAXIMUM,
        }),
        `dead-letters-${kebab(name)}`,
        'Something could not be processed and waits in a queue',
      );
    }
  }

  #functions(watched: Watched): void {
    const { proxy, admin, changeFeed, chargeFeed, rollUp } = watched;
    const { escalation, financeDesk, approvals, collector, priceRefresh, webhooks } = watched;
    // Not the proxy's: Lambda also counts an answer that its provider or its client broke off. Ours are `Failures`.
    const functions = {
      admin,
      changeFeed: changeFeed.function,
      chargeFeed: chargeFeed.function,
      rollUp: rollUp.function,
      escalation: escalation.function,
      financeDesk: financeDesk.function,
      approvals: approvals.function,
      approvalPage: approvals.page,
      collector: collector.function,
      priceRefresh: priceRefresh.function,
      ...(webhooks && { webhooks: webhooks.function }),
    };
    for (const [name, fn] of Object.entries(functions)) {
      this.#atLeastOne(
        `Errors${capital(name)}`,
        fn.metricErrors({ period: FIVE_MINUTES }),
        'function-errors',
        `The function ${name} threw or ran out of time`,
      );
    }
    this.#atLeastOne(
      'ThrottlesProxy',
      proxy.metricThrottles({ period: FIVE_MINUTES }),
      'throttles',
      'Calls were turned away: all of the proxy’s concurrency is in use',
    );
    for (const [name, fn] of Object.entries({
      changeFeed: changeFeed.function,
      chargeFeed: chargeFeed.function,
    })) {
      this.#alarm(`${capital(name)}Late`, {
        metric: fn.metric('IteratorAge', { period: FIVE_MINUTES, statistic: Stats.MAXIMUM }),
        threshold: Duration.minutes(10).toMilliseconds(),
        evaluationPeriods: 2,
        section: `${kebab(name)}-late`,
        says: `The function ${name} is more than 10 minutes behind the books`,
      });
    }
    this.#silent('RollUpSilent', rollUp.function, 'roll-up-silent', 'The roll-up has not run for 3 hours');
    this.#silent(
      'CollectorSilent',
      collector.function,
      'collector-silent',
      'The collector has not run for 3 hours',
    );
  }

  #silent(id: string, fn: NodeFunction, section: string, says: string): void {
    this.#alarm(id, {
      metric: fn.metricInvocations({ period: Duration.hours(1) }),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 3,
      missing: TreatMissingData.BREACHING,
      section,
      says,
    });
  }

  #frontDoor({ gateway }: Watched): void {
    this.#alarm('ServerErrors', {
      // The average of this metric is the share of requests. Errors of a provider count: they pass through here.
      metric: gateway.api.deploymentStage.metricServerError({
        period: FIVE_MINUTES,
        statistic: Stats.AVERAGE,
      }),
      threshold: 0.05,
      evaluationPeriods: 3,
      section: 'server-errors',
      says: 'More than 5 % of answers were 5xx for 15 minutes',
    });
  }

  #machines({ escalation, approvals }: Watched): void {
    const machines = {
      Ladder: [escalation, 'ladder-failed', 'A crossed threshold was not seen through'],
      Approval: [approvals, 'approval-failed', 'A request for more was not brought to whoever decides'],
    } as const;
    for (const [name, [{ stateMachine }, section, says]] of Object.entries(machines)) {
      const ended = {
        Failed: stateMachine.metricFailed({ period: FIVE_MINUTES }),
        TimedOut: stateMachine.metricTimedOut({ period: FIVE_MINUTES }),
        Aborted: stateMachine.metricAborted({ period: FIVE_MINUTES }),
      };
      for (const [how, metric] of Object.entries(ended)) {
        this.#atLeastOne(`${name}${how}`, metric, section, says);
      }
    }
  }

  /** Instead of the function's errors: it also rings where the canary does not run at all. */
  #canary(): void {
    this.#alarm('Canary', {
      // Two runs: with one, a run that comes a little late would leave a period empty.
      metric: ownMetric('canary', 'CanaryFailed').with({ period: Duration.minutes(30) }),
      threshold: 1,
      evaluationPeriods: 1,
      missing: TreatMissingData.BREACHING,
      section: 'canary',
      says: 'A cap of one cent was not seen to hold',
    });
  }

  #prices(): void {
    this.#alarm('PricesPending', {
      metric: ownMetric('price-refresh', 'PricesPending').with({
        statistic: Stats.MAXIMUM,
        period: Duration.hours(1),
      }),
      threshold: 1,
      evaluationPeriods: 1,
      section: 'prices-pending',
      says: 'A price changed by more than a quarter by one feed, and calls are held at the dearer one',
    });
    this.#alarm('PriceFeeds', {
      // The least of a day: every reading had a feed that failed, or there was none.
      metric: ownMetric('price-refresh', 'PriceFeedsFailed').with({
        statistic: Stats.MINIMUM,
        period: Duration.days(1),
      }),
      threshold: 1,
      evaluationPeriods: 1,
      missing: TreatMissingData.BREACHING,
      section: 'price-feeds',
      says: 'For a day price feeds could not be read, or were not tried',
    });
  }

  #rows(): void {
    this.#atLeastOne(
      'RowGaps',
      ownMetric('roll-up', 'RowGaps'),
      'row-gaps',
      'Rows of an hour lacked charges that the charge feed did not tell of',
    );
  }

  #atLeastOne(id: string, metric: IMetric, section: string, says: string): void {
    this.#alarm(id, { metric, threshold: 1, evaluationPeriods: 1, section, says });
  }

  #alarm(id: string, { metric, threshold, evaluationPeriods, ...about }: AlarmFacts): void {
    const alarm = new Alarm(this, id, {
      metric,
      threshold,
      evaluationPeriods,
      comparisonOperator: about.comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: about.missing ?? TreatMissingData.NOT_BREACHING,
      alarmDescription: `${about.says}. What to do: docs/runbook.md#${about.section}`,
    });
    alarm.addAlarmAction(this.#action);
    alarm.addOkAction(this.#action);
  }

  #topic(alarmEmail: string | undefined): Topic {
    const topic = new Topic(this, 'Topic', { displayName: 'Spendcap alarms', enforceSSL: true });
    // A policy of our own replaces the one with which CloudWatch may publish by default.
    topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    if (alarmEmail !== undefined) topic.addSubscription(new EmailSubscription(alarmEmail));
    return topic;
  }
}

interface AlarmFacts {
  metric: IMetric;
  threshold: number;
  evaluationPeriods: number;
  comparison?: ComparisonOperator;
  missing?: TreatMissingData;
  /** Anchor in docs/runbook.md. */
  section: string;
  /** One sentence without its full stop: what is the matter. */
  says: string;
}

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
