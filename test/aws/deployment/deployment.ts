/** The stacks as an operator deploys them, driven as applications and finance meet them. */
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSimulatedProvider, type SimulatedProvider } from '../../../local/simulated-provider/server.ts';
import { CREDENTIALS, REGION, type Emulator } from '../emulator.ts';
import { startFeedServer, type FeedServer } from '../../support/feed-server.ts';
import { clientsFor } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { Cdk, STAGE, type Deployed } from './cdk.ts';
import { tellApprovals } from './approvals.ts';
import { tellBooks } from './books.ts';
import { makeCaller, tellCalls } from './calls.ts';
import { tellCollector } from './collector.ts';
import { tellDeadLetters } from './dead-letters.ts';
import { tellPolicyCaps } from './policy-caps.ts';
import { startRecorder, type Recorder } from './recorder.ts';
import { writePolicy } from './policy.ts';
import { tellPrices } from './prices.ts';
import { tellRepeats } from './repeats.ts';
import { atFinance } from './finance.ts';
import { tellCanary } from './canary.ts';
import { tellRungs } from './rungs.ts';
import { tellUpdate } from './update.ts';
import { tellWaits } from './waits.ts';
import { subscribe } from './webhooks.ts';
import { CLIMBED, tellWholeWay } from './whole-way.ts';
import { bufferStreams, mailbox } from './workarounds.ts';

export async function deployment(story: Story, emulator: Emulator): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'spendcap-cdk-'));
  const provider = await startSimulatedProvider({});
  const recorder = await startRecorder(emulator.url, () => provider.requests().length);
  const feeds = await startFeedServer();
  const cdk = new Cdk(emulator.variables, { folder, policy: writePolicy(folder, feeds) });
  try {
    await tell(story, emulator, { provider, recorder, feeds, cdk });
  } finally {
    await feeds.close();
    await recorder.close();
    await provider.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function tell(
  story: Story,
  emulator: Emulator,
  {
    provider,
    recorder,
    feeds,
    cdk,
  }: { provider: SimulatedProvider; recorder: Recorder; feeds: FeedServer; cdk: Cdk },
): Promise<void> {
  const clients = clientsFor(emulator.url);
  const upstreams = { openaiBaseUrl: provider.url, anthropicBaseUrl: provider.url };

  story.step('cdk synth, bootstrap, deploy --all');
  const synthesised = await story.check('the stacks are synthesised', async () => {
    await cdk.synth(upstreams);
    return undefined;
  });
  if (!synthesised) return;
  let deployed: Deployed | undefined;
  const isDeployed = await story.check(
    'the account is bootstrapped and the stacks are deployed',
    async () => {
      await cdk.bootstrap();
      deployed = await cdk.deploy();
      return `API ${deployed.apiId}, table ${deployed.tableName}`;
    },
  );
  if (!isDeployed || !deployed) return;
  const stacks: Deployed = deployed;
  const url = `${emulator.url}/_aws/execute-api/${stacks.apiId}/${STAGE}`;
  await story.check('streamed integrations answer buffered (a work-around of this test)', async () => {
    const patched = await bufferStreams(clients, stacks, recorder.url);
    if (patched === 0) throw new Error('no streamed integration was found');
    return `${patched} integrations`;
  });
  const mails = await mailbox(clients, stacks);

  story.step('An operator puts the provider keys in, makes a key and a cap');
  await story.check('the keys of the providers are in the secret', async () => {
    await new SecretsManagerClient({ endpoint: emulator.url, region: REGION, credentials: CREDENTIALS }).send(
      new PutSecretValueCommand({
        SecretId: stacks.secretArn,
        SecretString: JSON.stringify({ openai_api_key: 'sk-simulated', anthropic_api_key: 'sk-simulated' }),
      }),
    );
    return undefined;
  });
  const caller = await makeCaller(story, url);
  if (!caller) return;

  await tellCalls(story, { caller, provider, recorder });
  const subscriber = await subscribe(clients, stacks);
  try {
    const parts = { clients, stacks, caller, mails };
    await atFinance(parts, async (finance) => {
      await tellWholeWay(story, { ...parts, finance });
      await tellRungs(story, { ...parts, finance });
      await tellWaits(story, { ...parts, finance, subscriber });
      await tellRepeats(story, { caller, provider });
      await tellApprovals(story, parts, () =>
        tellDeadLetters(story, { ...parts, emulator, finance, subscriber }),
      );
    });
    await subscriber.tell(story, CLIMBED);
  } finally {
    await subscriber.close();
  }
  await tellPrices(story, { emulator, clients, stacks, caller, mails, feeds });
  await tellCanary(story, { clients, stacks, caller });
  await tellBooks(story, { emulator, stacks, provider, caller });
  await tellPolicyCaps(story, { clients, caller });
  await tellUpdate(story, { cdk, clients, caller, stacks });
  // Late, since its schedule counts from the first deployment on.
  await tellCollector(story, { clients, stacks, caller });

  story.step('Everything is removed');
  await story.check('the emulator is empty again', async () => {
    await emulator.reset();
    const answer = await fetch(`${url}/healthz`);
    if (answer.status !== 404) throw new Error(`the gateway still answers ${answer.status}`);
    return undefined;
  });
}
