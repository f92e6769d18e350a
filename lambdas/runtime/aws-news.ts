/** Where news go on AWS: the bus of events, and finance by its topic. */
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import { BACKGROUND_SILENCE_MS_MAX, timeLimits } from '../adapters/aws-time-limits.ts';
import { EventBridgeBus } from '../adapters/eventbridge/eventbridge-bus.ts';
import { FinanceTopic } from '../adapters/sns/finance-topic.ts';
import type { EventBus, FinanceMail } from '../core/ports.ts';
import { text } from './environment.ts';
import { standardOutput } from './log.ts';

export const newsEnvironment = { EVENT_BUS_NAME: text, FINANCE_TOPIC_ARN: text };

export const openEventBus = (name: string): EventBus =>
  new EventBridgeBus({
    client: new EventBridgeClient(timeLimits(BACKGROUND_SILENCE_MS_MAX)),
    name,
    report: (reason) => standardOutput({ kind: 'event_not_taken', reason }),
  });

export const openFinanceMail = (topicArn: string): FinanceMail =>
  new FinanceTopic({ client: new SNSClient(timeLimits(BACKGROUND_SILENCE_MS_MAX)), topicArn });
