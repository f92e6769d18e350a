/** The policy file's caps: in force after the deployment; and what a deployment says that cannot bring them in. */
import {
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
  UpdateStackCommand,
  type Capability,
} from '@aws-sdk/client-cloudformation';
import { setTimeout as sleep } from 'node:timers/promises';
import { ACCOUNT, REGION } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { same, type Caller } from './calls.ts';
import { STAGE } from './cdk.ts';

const StackName = `spendcap-${STAGE}-stateless`;
const SECONDS_MAX = 60;

export async function tellPolicyCaps(
  story: Story,
  { clients, caller }: { clients: Clients; caller: Caller },
): Promise<void> {
  story.step('The policy file’s caps');
  await story.check('a user without a cap of their own has the default of the policy', async () => {
    const { key } = await caller.admin.ask<{ key: string }>('POST', '/keys', {
      ...{ app: 'shop', team: 'web', scopes: ['call', 'delegate'] },
    });
    const headers = { authorization: `Bearer ${key}`, 'x-spendcap-user': 'bob' };
    const answer = await fetch(`${caller.url}/v1/budget`, { headers });
    const { caps } = (await answer.json()) as { caps: { id: string; limit: string }[] };
    same(caps.map(({ id, limit }) => `${id} $${limit}`).join(), 'default-user $5.00');
    return undefined;
  });
  await story.check(
    'a deployment that cannot bring its policy in ends with the reason, and is taken back',
    async () => {
      const { cloudFormation } = clients;
      const before = await templateOf(clients);
      const hash = /"PolicySha256": ?"(\w+)"/.exec(before)![1]!;
      // As where the new code is not everywhere yet: the template's policy is not the function's.
      const TemplateURL = await uploaded(clients, before.replace(hash, '0'.repeat(hash.length)));
      const Capabilities: Capability[] = ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'];
      await cloudFormation.send(new UpdateStackCommand({ StackName, TemplateURL, Capabilities }));
      same(await endOf(clients), 'UPDATE_ROLLBACK_COMPLETE');
      same((await templateOf(clients)).includes(hash), true);
      const { StackEvents = [] } = await cloudFormation.send(new DescribeStackEventsCommand({ StackName }));
      const reasons = StackEvents.filter(({ ResourceStatus }) => ResourceStatus === 'UPDATE_FAILED').map(
        ({ ResourceStatusReason = '' }) => ResourceStatusReason,
      );
      const reason = reasons.find((text) => text.includes('another policy'));
      if (reason === undefined) throw new Error(`no reason among ${reasons.join(' | ')}`);
      return reason;
    },
  );
}

/** It is too long to stand in a request; the CDK's bucket is there for that. */
async function uploaded({ endpoint }: Clients, template: string): Promise<string> {
  const path = `cdk-hnb659fds-assets-${ACCOUNT}-${REGION}/changed-by-the-test.json`;
  const { ok, status } = await fetch(`${endpoint}/${path}`, { method: 'PUT', body: template });
  if (!ok) throw new Error(`the bucket answered ${status}`);
  return `https://s3.${REGION}.amazonaws.com/${path}`;
}

async function templateOf({ cloudFormation }: Clients): Promise<string> {
  const { TemplateBody } = await cloudFormation.send(new GetTemplateCommand({ StackName }));
  return TemplateBody!;
}

/** The state in which an update ends. */
async function endOf({ cloudFormation }: Clients): Promise<string | undefined> {
  let status: string | undefined;
  for (let i = 0; i < SECONDS_MAX * 2; i += 1) {
    await sleep(500);
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    status = Stacks?.[0]?.StackStatus;
    if (!status?.endsWith('_IN_PROGRESS')) break;
  }
  return status;
}
