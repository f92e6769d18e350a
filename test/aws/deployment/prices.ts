/** A price from the feed that changes to the call that pays it, on the deployed functions and by the command. */
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import OpenAI from 'openai';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PricesChanged } from '../../../lambdas/core/events/prices-changed.ts';
import { runCli } from '../../cli/run-cli.ts';
import { genaiPrices, liteLlm, timesList } from '../../support/feed-documents.ts';
import type { FeedServer } from '../../support/feed-server.ts';
import type { Emulator } from '../emulator.ts';
import type { Clients } from '../probes/clients.ts';
import type { Story } from '../story.ts';
import { same, type Caller } from './calls.ts';
import type { Deployed } from './cdk.ts';
import { functionNamed } from './functions.ts';
import { newsOf } from './news.ts';
import type { Mailbox } from './workarounds.ts';

interface Parts {
  emulator: Emulator;
  clients: Clients;
  stacks: Deployed;
  caller: Caller;
  mails: Mailbox;
  feeds: FeedServer;
}

const USER = 'dora';
const CARD = 'openai/gpt-4.1@2025-04-14';
/** 10 tokens in and 5 out, at $2 and $8 a million. */
const OLD_COST = '0.00006';
const NEW_COST = '0.00012';
/** A process sees a changed price after half a minute. */
const LAG_SECONDS = 40;
const MAIL_SECONDS = 20;

interface Pending {
  id: string;
  model: string;
  family: string;
  old: Record<string, string>;
  new: Record<string, string>;
}

interface Refreshed {
  PriceCardsAdded: number;
  PriceFeedsFailed: number;
  PricesPending: number;
}

interface Receipt {
  cost_usd: string;
  pricing: { cards: { id: string }[] };
}

export async function tellPrices(story: Story, parts: Parts): Promise<void> {
  const { emulator, clients, stacks, caller, mails, feeds } = parts;
  story.step('A price changes: from the feed to the call');
  const spendcap = (args: string[], stdin?: string) =>
    runCli(args, {
      env: { ...emulator.variables, SPENDCAP_URL: caller.url, SPENDCAP_SIGN: 'aws' },
      ...(stdin !== undefined && { stdin }),
    });
  const run = async (): Promise<string> => {
    const FunctionName = await functionNamed(clients, 'PriceRefresh');
    const { FunctionError, LogResult = '' } = await clients.lambda.send(
      new InvokeCommand({ FunctionName, LogType: 'Tail' }),
    );
    same(FunctionError, undefined);
    return Buffer.from(LogResult, 'base64').toString();
  };
  /** Its line in the log, which the tail holds whole where few cards are new. */
  const refresh = async (): Promise<Refreshed> =>
    JSON.parse((await run()).split('\n').find((line) => line.includes('prices_refreshed'))!) as Refreshed;
  const news = await newsOf<PricesChanged>(clients, stacks, 'PricesChanged');
  const openai = await callerWithCap(caller);
  const call = async () => {
    const { response } = await openai.chat.completions.create(SMALL).withResponse();
    const header = (name: string): string => response.headers.get(`x-spendcap-${name}`)!;
    return {
      id: header('request-id'),
      card: header('price-version'),
      cost: header('cost-usd'),
      held: header('reserved-usd'),
    };
  };

  await story.check(
    'the refresh reads its feeds, writes every card once and tells of them once',
    async () => {
      serve(feeds, 1);
      await run();
      const cards = await cardsIn(clients, stacks);
      if (cards < 100) throw new Error(`only ${cards} cards`);
      same((await news()).map(({ added }) => added.length).join(), String(cards));
      const again = await refresh();
      same(`${again.PriceCardsAdded} ${again.PriceFeedsFailed}`, '0 0');
      same(await cardsIn(clients, stacks), cards);
      return `${cards} cards; feeds ${feeds.served.join(', ')}`;
    },
  );

  let before = { id: '', card: '', cost: '', held: '' };
  await story.check('a call is charged by the card of the release', async () => {
    before = await call();
    same(`${before.card} $${before.cost}`, `${CARD} $${OLD_COST}`);
    return `${before.card}, $${before.cost}`;
  });

  let pending: Pending | undefined;
  await story.check('one feed says twice as much: the change waits, and the admin API lists it', async () => {
    serve(feeds, 2);
    same((await refresh()).PricesPending, 1);
    const { items } = await caller.admin.ask<{ items: Pending[] }>('GET', '/prices/pending');
    same(items.length, 1);
    pending = items[0]!;
    same(`${pending.model} ${pending.family}`, 'gpt-4.1 genai-prices');
    return `input $${pending.old['input']} becomes $${pending.new['input']}, by ${pending.family}`;
  });
  if (!pending) return;
  const { id } = pending;

  await story.check('a person accepts it by the command, which signs with AWS credentials', async () => {
    const listed = await spendcap(['price', 'pending']);
    if (!listed.stdout.includes(id)) throw new Error(`not listed: ${listed.stdout}${listed.stderr}`);
    const accepted = await spendcap(['price', 'accept', id]);
    same(accepted.code, 0);
    same((await spendcap(['price', 'accept', id])).code, 1);
    return accepted.stderr.trim();
  });
  let card = '';
  await story.check('PricesChanged is on the bus, with the new card', async () => {
    const changed = await news();
    same(changed.length, 1);
    same(changed[0]!.added.length, 1);
    card = changed[0]!.added[0]!;
    if (!/^openai\/gpt-4\.1@20.*Z$/.test(card)) throw new Error(`another card: ${card}`);
    return card;
  });
  await story.check('finance hears what it makes of the last thirty days', async () => {
    const mail = await mails.next(MAIL_SECONDS);
    if (mail?.subject.includes('gpt-4.1') !== true) throw new Error(`no such mail: ${mail?.subject}`);
    same(await mails.next(1), undefined);
    return `"${mail.subject}"`;
  });

  let after = before;
  await story.check(
    'the next call is held and charged by the new card, once its process has seen it',
    async () => {
      const started = performance.now();
      const seconds = (): number => (performance.now() - started) / 1000;
      while (after.card !== card && seconds() < LAG_SECONDS) {
        await sleep(1000);
        after = await call();
        // What is charged by the old card until then is the old amount, to the last digit.
        if (after.card === CARD) same(after.cost, OLD_COST);
      }
      same(`${after.card} $${after.cost}`, `${card} $${NEW_COST}`);
      return `after ${Math.round(seconds())} s: $${after.cost}, held $${after.held} where it was $${before.held}`;
    },
  );
  await story.check(
    'the old charge is unchanged, its receipt cites the old card and can be computed again',
    async () => {
      for (const [charged, cited, cost] of [
        [before, CARD, OLD_COST],
        [after, card, NEW_COST],
      ] as const) {
        const shown = await spendcap(['receipt', 'show', '--json', charged.id]);
        const receipt = JSON.parse(shown.stdout) as Receipt;
        same(`${receipt.pricing.cards.map((of) => of.id).join()} $${receipt.cost_usd}`, `${cited} $${cost}`);
        same((await spendcap(['receipt', 'verify', '-'], shown.stdout)).code, 0);
      }
      return `${before.id} by ${CARD}`;
    },
  );
  await story.check('usage lists both calls, each with its card', async () => {
    const { items } = await caller.admin.ask<{ items: Charge[] }>('GET', `/usage?user=${USER}`);
    for (const charged of [before, after]) {
      const found = items.find(({ request_id }) => request_id === charged.id);
      same(
        `${found?.outcome} ${found?.price_version} ${found?.cost_usd}`,
        `settled ${charged.card} ${charged.cost}`,
      );
    }
    const printed = await spendcap(['usage', 'show', '--user', USER]);
    same(printed.stdout.includes(before.id), true);
    return `${items.length} charges`;
  });
}

interface Charge {
  request_id: string;
  outcome: string;
  price_version: string;
  cost_usd: string;
}

const SMALL = {
  ...{ model: 'gpt-4.1', max_completion_tokens: 100 },
  messages: [{ role: 'user' as const, content: 'Say a word. [[sim input=10 output=5]]' }],
};

/** genai-prices says so many times the list price of gpt-4.1, LiteLLM the list price. */
function serve(feeds: FeedServer, factor: number): void {
  feeds.serve('/genai', genaiPrices(timesList(factor)));
  feeds.serve('/litellm', liteLlm(timesList(1)));
}

async function callerWithCap({ admin, url }: Caller): Promise<OpenAI> {
  const { key } = await admin.ask<{ key: string }>('POST', '/keys', {
    ...{ app: 'shop', team: 'web', scopes: ['call'], user: USER },
  });
  await admin.ask('PUT', `/caps/${USER}-month`, {
    ...{ scope: { type: 'user', id: USER }, metric: 'usd', window: 'month', limit: '1.00' },
    thresholds: { warn: null, throttle: null, block: null },
  });
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
}

async function cardsIn({ dynamoDb }: Clients, { tableName }: Deployed): Promise<number> {
  const { Count } = await dynamoDb.send(
    new ScanCommand({
      ...{ TableName: tableName, FilterExpression: 'begins_with(sk, :card)', Select: 'COUNT' },
      ExpressionAttributeValues: { ':card': { S: 'card#' } },
    }),
  );
  return Count ?? 0;
}
