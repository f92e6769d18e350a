/** One page: are calls served, is money right, is anything stuck. */
import { Duration } from 'aws-cdk-lib';
import { Dashboard, GraphWidget, Stats, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { ownMetric, type Watched } from './alarms.ts';

export function addDashboard(scope: Construct, id: string, name: string, watched: Watched): Dashboard {
  const { gateway, proxy, changeFeed, escalation, approvals, collector } = watched;
  const period = Duration.minutes(5);
  const stage = gateway.api.deploymentStage;
  return new Dashboard(scope, id, {
    dashboardName: name,
    defaultInterval: Duration.days(1),
    widgets: [
      [
        graph('Calls', [ownMetric('proxy', 'Calls'), ownMetric('proxy', 'ServerErrors')]),
        graph('Answers of the front door', [
          stage.metricCount({ period }),
          stage.metricClientError({ period }),
          stage.metricServerError({ period }),
        ]),
        graph('Time to the first byte and to the last, ms', [
          ownMetric('proxy', 'FirstByteMs').with({ statistic: Stats.p(50), label: 'first byte, median' }),
          ownMetric('proxy', 'FirstByteMs').with({ statistic: Stats.p(99), label: 'first byte, p99' }),
          ownMetric('proxy', 'DurationMs').with({ statistic: Stats.p(99), label: 'whole call, p99' }),
        ]),
      ],
      [
        graph('Calls in flight', [
          proxy.metric('ConcurrentExecutions', { period, statistic: Stats.MAXIMUM }),
          proxy.metricThrottles({ period }),
        ]),
        graph('Books', [
          ownMetric('proxy', 'Overruns'),
          ownMetric('proxy', 'PresumedSpent'),
          ownMetric('proxy', 'ChargesNotWritten'),
          ownMetric('collect', 'HoldsSettled'),
          ownMetric('collect', 'HoldsPresumedSpent'),
        ]),
        graph('Ladder and queues', [
          escalation.stateMachine.metricStarted({ period }),
          escalation.stateMachine.metricFailed({ period }),
          changeFeed.deadLetters.metricApproximateNumberOfMessagesVisible({ period, label: 'feed, dead' }),
          escalation.deadLetters.metricApproximateNumberOfMessagesVisible({ period, label: 'ladder, dead' }),
          approvals.deadLetters.metricApproximateNumberOfMessagesVisible({
            period,
            label: 'approvals, dead',
          }),
          collector.deadLetters.metricApproximateNumberOfMessagesVisible({
            period,
            label: 'collector, dead',
          }),
        ]),
      ],
    ],
  });
}

const graph = (title: string, left: IMetric[]): GraphWidget => new GraphWidget({ title, left, width: 8 });
