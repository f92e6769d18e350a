/** What the guide tells in words before a section's commands, and what must have come of them, by the section's title. */
import { GetTemplateCommand } from '@aws-sdk/client-cloudformation';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { DescribeEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { ListSubscriptionsByTopicCommand } from '@aws-sdk/client-sns';
import { request } from 'node:http';
import type { SimulatedProvider } from '../../../local/simulated-provider/server.ts';
import { same } from '../deployment/calls.ts';
import { ACCOUNT, CREDENTIALS, REGION } from '../emulator.ts';
import type { Story } from '../story.ts';
import type { Front } from './front.ts';
import type { Section } from './markdown.ts';
import { CommandFailed, type Person } from './person.ts';
import { tellUnusualDay } from './unusual-day.ts';
import { allowing, makeUser, type User } from './users.ts';
import type { World } from './world.ts';

type Told = Pick<Section, 'json'>;

export interface Checks {
  before: Record<string, (section: Told) => void | Promise<void>>;
  after: Record<string, (printed: string, section: Told) => Promise<void>>;
}

interface Parts {
  story: Story;
  world: World;
  person: Person;
  provider: SimulatedProvider;
  front: Front;
}

const POLICY_FILE = 'spendcap.config.ts';
const DOMAIN = 'https://llm.example.com';

export function checksFor({ story, world, person, provider, front }: Parts): Checks {
  const config = { endpoint: world.endpoint, region: REGION, credentials: CREDENTIALS };
  const secrets = new SecretsManagerClient(config);
  const bus = new EventBridgeClient(config);
  const has = (text: string, pattern: RegExp): string => {
    const found = pattern.exec(text);
    if (!found) throw new Error(`${String(pattern)} is not in:\n${text.slice(-2000)}`);
    return found[1] ?? found[0];
  };
  /** The caps of a user, as the user sees them, with limits. */
  const capsOf = async (key: string, user: string): Promise<string> => {
    const headers = { authorization: `Bearer ${key}`, 'x-spendcap-user': user };
    const answer = await fetch(`${await world.gatewayUrl()}/v1/budget`, { headers });
    const { caps } = (await answer.json()) as { caps: { id: string; limit: string }[] };
    return caps.map(({ id, limit }) => `${id} $${limit}`).join();
  };
  let key = '';
  const kept = { table: '', secret: '' };

  return {
    before: {
      '1. Say who may spend what': () => {
        person.edit(POLICY_FILE, "name: 'Example'", "name: 'Example', financeEmail: 'finance@example.com'");
      },
      '3. Put the provider keys in': ({ json }) => {
        person.write('provider-keys.json', json[0]!.replaceAll('…', 'simulated'));
      },
      'Quotas to raise first': () => {
        person.edit('cdk.json', '"context": {', `"context": {"publicUrl": "${DOMAIN}",`);
      },
      Updating: () => {
        person.edit(POLICY_FILE, "limit: '5.00'", "limit: '7.00'");
      },
      'Removing everything': async () => {
        kept.table = await world.output('stateful', 'TableName');
        kept.secret = await world.output('stateful', 'ProviderSecretArn');
      },
    },
    after: {
      Deploy: async (printed) => {
        await story.check('the README’s commands end with a key and a cap', async () => {
          key = has(printed, /(sck_prod_\w+)/);
          same(await capsOf(key, 'alice'), 'alice-month $20.00');
          return key.slice(0, 9);
        });
        await story.check('a user without a cap of their own has the policy’s', async () => {
          same(await capsOf(key, 'bob'), 'default-user $5.00');
          return undefined;
        });
      },
      'Deploying Spendcap': async (printed) => {
        await story.check('the commands know who asks', async () =>
          has(printed, /arn:aws:iam::\d+:user\/deployer/),
        );
      },
      '1. Say who may spend what': async (printed) => {
        await story.check('the account says how many executions it has', async () =>
          has(printed, /^(\d+)$/m),
        );
      },
      '2. Deploy': async (printed) => {
        await story.check('both stacks are there, and the new address of finance is', async () => {
          has(printed, /✅ {2}spendcap-prod-stateful/);
          has(printed, /✅ {2}spendcap-prod-stateless/);
          return has(printed, /spendcap-prod-stateless\.(Url = \S+)/).replace(front.url, '…');
        });
      },
      '3. Put the provider keys in': async () => {
        await story.check('the keys are in the secret, and in no file', async () => {
          const SecretId = await world.output('stateful', 'ProviderSecretArn');
          const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId }));
          same(Object.keys(JSON.parse(SecretString!) as object).join(), 'openai_api_key,anthropic_api_key');
          same(person.has('provider-keys.json'), false);
          return undefined;
        });
      },
      '4. Confirm the mail': async () => {
        await story.check('finance is subscribed', async () => {
          const TopicArn = await world.output('stateless', 'FinanceTopicArn');
          const { Subscriptions = [] } = await world.clients.sns.send(
            new ListSubscriptionsByTopicCommand({ TopicArn }),
          );
          return has(Subscriptions.map(({ Endpoint }) => Endpoint).join(), /finance@example\.com/);
        });
      },
      '5. First key and cap': async (printed, { json }) => {
        await story.check('the first call is answered, with its cost', async () => {
          has(printed, /HTTP\/1\.1 200/);
          same(provider.requests().length, 1);
          return `$${has(printed, /x-spendcap-cost-usd: (\S+)/i)}`;
        });
        await story.check('the charge is listed, and the books balance', async () => {
          has(printed, /alice.*web.*default.*gpt-5-mini.*settled/);
          return has(printed, /balanced: \d+ accounts, 0 calls in flight/);
        });
        await tellAdministrators(json[0]!);
      },
      '6. Give the canary its cent': async () => {
        await story.check('the canary sees its cap of one cent hold', async () => {
          same(await world.run('Canary'), undefined);
          return undefined;
        });
        await tellUnusualDay(story, { world, person });
      },
      'A domain of your own': async () => {
        await story.check('the gateway answers under the domain’s name', async () => {
          same(await statusAt(front.url, new URL(DOMAIN).host, '/healthz'), 200);
          return undefined;
        });
      },
      'Quotas to raise first': async () => {
        const template = async (): Promise<string> => {
          const StackName = 'spendcap-prod-stateless';
          const { TemplateBody } = await world.clients.cloudFormation.send(
            new GetTemplateCommand({ StackName }),
          );
          return TemplateBody!;
        };
        await story.check('the deployed template reserves it for the proxy', async () =>
          has(await template(), /"ReservedConcurrentExecutions": ?4000\b/),
        );
        await story.check(
          'the links in mails lead to the domain by now, as the section before says',
          async () => has(await template(), new RegExp(`"GATEWAY_URL": ?"(${DOMAIN})"`)),
        );
      },
      Updating: async (printed) => {
        await story.check('the difference was shown, and the changed policy is in force', async () => {
          has(printed, /PolicySha256/);
          same(await capsOf(key, 'bob'), 'default-user $7.00');
          same(await capsOf(key, 'alice'), 'alice-month $20.00');
          return undefined;
        });
        await story.check('what was spent is still there', async () =>
          has(await person.type('npx spendcap usage show'), /gpt-5-mini.*?settled/),
        );
        await story.check('a policy that no ledger could hold is refused in a sentence', async () => {
          const before = person.read(POLICY_FILE);
          person.edit(POLICY_FILE, "window: 'month'", "window: 'year'");
          const said = await failureOf(person.type('npx cdk deploy --all'));
          person.write(POLICY_FILE, before);
          return has(said, /cap "default-user" of plan "default": "year" is no window/);
        });
      },
      'Removing everything': async () => {
        await story.check('stacks, table and bus are gone, and the secret waits for its end', async () => {
          for (const stack of ['stateful', 'stateless'] as const) {
            if (await isThere(world.output(stack, 'TableName')))
              throw new Error(`the ${stack} stack is there`);
          }
          const table = new DescribeTableCommand({ TableName: kept.table });
          same(await isThere(world.clients.dynamoDb.send(table)), false);
          same(await isThere(bus.send(new DescribeEventBusCommand({ Name: 'spendcap-prod' }))), false);
          const { DeletedDate } = await secrets.send(new DescribeSecretCommand({ SecretId: kept.secret }));
          same(DeletedDate === undefined, false);
          return undefined;
        });
      },
    },
  };

  /** The policy that the guide prints, in the hands of two more users. */
  async function tellAdministrators(policy: string): Promise<void> {
    const filled = policy
      .replace('<region>', REGION)
      .replace('<account>', ACCOUNT)
      .replace('<ApiId>', await world.output('stateless', 'ApiId'));
    const user = (name: string, text: string): Promise<User> =>
      makeUser(world.endpoint, name, JSON.parse(text) as object);
    const administrator = await user('administrator', filled);
    const auditor = await user('auditor', filled.replace('/prod/*/', '/prod/GET/'));
    const elsewhere = `arn:aws:execute-api:${REGION}:${ACCOUNT}:other/*`;
    const stranger = await makeUser(world.endpoint, 'stranger', allowing('execute-api:Invoke', elsewhere));
    const set = 'npx spendcap cap set user:carol --monthly 1usd';
    await story.check('whoever has the printed policy may administer', async () => {
      has(await person.typeAs(administrator, set), /carol-month/);
      return undefined;
    });
    await story.check('with GET in it, one may look and not change', async () => {
      has(await person.typeAs(auditor, 'npx spendcap cap list'), /carol-month/);
      const said = await failureOf(person.typeAs(auditor, set));
      return has(said, /Who signs .*/);
    });
    await story.check('others are refused, and a wrong secret key too', async () => {
      has(await failureOf(person.typeAs(stranger, set)), /needs execute-api:Invoke/);
      const wrong = { ...administrator, secretAccessKey: 'wrong' };
      return has(await failureOf(person.typeAs(wrong, set)), /signature .* does not match.*/);
    });
  }
}

const isThere = (asked: Promise<unknown>): Promise<boolean> =>
  asked.then(
    () => true,
    () => false,
  );

async function failureOf(typed: Promise<string>): Promise<string> {
  const output = await typed.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof CommandFailed) return error.output;
      throw error;
    },
  );
  if (output === undefined) throw new Error('the command did not fail');
  return output;
}

/** As a client that found the address of the name in DNS. */
function statusAt(url: string, host: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(new URL(path, url), { headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .once('error', reject)
      .end();
  });
}
