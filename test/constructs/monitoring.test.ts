/** Alarms: each has its runbook section, and what can be stuck or wrong has its alarm. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nameOf, policy, resourcesOf, synthesised } from './stacks.ts';

const subscribed = { ...policy, webhooks: [{ id: 'chat', url: 'https://hooks.example.com/' }] };
const { stateless } = synthesised({ alarmEmail: 'ops@example.com' }, subscribed);
const runbook = readFileSync(resolve(import.meta.dirname, '../../docs/runbook.md'), 'utf8');
const sections = [...runbook.matchAll(/^## (.+)$/gm)].map((match) => match[1]!);
const alarms = Object.entries(resourcesOf(stateless, 'AWS::CloudWatch::Alarm')).map(
  ([id, { Properties }]) => ({
    name: nameOf(id),
    properties: Properties,
    section: /docs\/runbook\.md#([\w-]+)$/.exec(Properties['AlarmDescription'] as string)?.[1],
  }),
);

describe('alarms and the runbook', () => {
  test.each(alarms)('$name names a section of it', ({ section }) => {
    expect(sections).toContain(section);
  });

  test.each(sections)('the section %s belongs to an alarm', (section) => {
    expect(alarms.map((alarm) => alarm.section)).toContain(section);
  });
});

describe('alarms', () => {
  const metricsOf = (name: string): number =>
    alarms.filter(({ properties }) => properties['MetricName'] === name).length;

  test('watch every queue of dead letters, and the errors of the functions', () => {
    const queues = Object.keys(resourcesOf(stateless, 'AWS::SQS::Queue')).map(nameOf);
    const working = queues.filter((name) => !name.endsWith('DeadLetters'));
    expect(working).toEqual(['WebhooksQueue']);
    expect(metricsOf('ApproximateNumberOfMessagesVisible')).toBe(queues.length - working.length);
    const errors = alarms.filter(({ properties }) => properties['MetricName'] === 'Errors');
    const watched = errors.map(({ properties }) => {
      const [{ Value }] = properties['Dimensions'] as [{ Value: { Ref: string } }];
      return nameOf(Value.Ref);
    });
    const unwatched = Object.keys(resourcesOf(stateless, 'AWS::Lambda::Function'))
      .map(nameOf)
      .filter((name) => !watched.includes(name));
    // The canary's own alarm rings for these too, a deployment waits for the policy's caps, and the proxy's errors
    // are also providers that fail and clients that leave.
    expect(unwatched.sort()).toEqual(['CanaryFunction', 'PolicyCapsFunction', 'Proxy']);
  });

  test('of the proxy count what it calls its own failures', () => {
    const failures = alarms.find(({ name }) => name === 'AlarmsFailuresProxy');
    expect(failures?.properties).toMatchObject({
      MetricName: 'Failures',
      Namespace: 'Spendcap',
      Dimensions: [{ Name: 'Service', Value: 'proxy' }],
      Threshold: 1,
    });
  });

  test('tell of every way in which an execution ends badly, and of what books must never show', () => {
    for (const metric of ['ExecutionsFailed', 'ExecutionsTimedOut', 'ExecutionsAborted']) {
      expect(metricsOf(metric), 'of the ladder and of approvals').toBe(2);
    }
    expect(metricsOf('Failures'), 'of the proxy, the admin API and the approval page').toBe(3);
    expect(metricsOf('IteratorAge'), 'of the two feeds').toBe(2);
    for (const metric of [
      'Overruns',
      'ChargesNotWritten',
      'BillsDrifted',
      'RowGaps',
      '5XXError',
      'Throttles',
    ]) {
      expect(metricsOf(metric), metric).toBe(1);
    }
  });

  test.each(['CollectorSilent', 'RollUpSilent'])('%s rings for silence, which sends no number', (name) => {
    const silent = alarms.find((alarm) => alarm.name === `Alarms${name}`);
    expect(silent?.properties).toMatchObject({
      MetricName: 'Invocations',
      TreatMissingData: 'breaching',
      ComparisonOperator: 'LessThanThreshold',
    });
  });

  test('are told, and their ends too', () => {
    for (const { properties } of alarms) {
      expect(properties['AlarmActions']).toHaveLength(1);
      expect(properties['OKActions']).toHaveLength(1);
    }
    stateless.hasResourceProperties('AWS::SNS::Subscription', { Endpoint: 'ops@example.com' });
  });
});

test('the canary’s alarm rings for a failure, and for silence', () => {
  const canary = alarms.find(({ name }) => name === 'AlarmsCanary');
  expect(canary?.properties).toMatchObject({
    MetricName: 'CanaryFailed',
    Dimensions: [{ Name: 'Service', Value: 'canary' }],
    Period: 1800,
    Threshold: 1,
    TreatMissingData: 'breaching',
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
  });
});

test('no metric has a user, a key or an app as its dimension', () => {
  const dimensions = alarms.flatMap(({ properties }) =>
    ((properties['Dimensions'] ?? []) as { Name: string }[]).map(({ Name }) => Name),
  );
  const known = ['ApiName', 'FunctionName', 'QueueName', 'Service', 'Stage', 'StateMachineArn'];
  expect(known).toEqual(expect.arrayContaining([...new Set(dimensions)]));
});

test('there is one dashboard', () => {
  stateless.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
});
