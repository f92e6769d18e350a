/**
 * A call whose answer is lost, and what AWS's invocation log says of it: found by the id of its hold, which travels in
 * `requestMetadata`, and charged by that. docs/bedrock.md has the same by hand.
 */
import {
  ConverseCommand,
  ConverseStreamCommand,
  type BedrockRuntimeClient,
} from '@aws-sdk/client-bedrock-runtime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { quoteUsage } from '../../bin/cli/price-quote.ts';
import {
  startSpendcap,
  type Caller,
  type ChargeWire,
  type LocalSpendcap,
} from '../support/local-spendcap.ts';
import { bedrockClient, converse, failureOf, readStream } from './bedrock.ts';

let spendcap: LocalSpendcap;
let caller: Caller;
let client: BedrockRuntimeClient;
beforeAll(async () => {
  spendcap = await startSpendcap();
});
afterAll(() => spendcap.close());
beforeEach(async () => {
  spendcap.provider.forget();
  caller = await spendcap.newCaller([{ limit: '5.00' }]);
  client = bedrockClient({ url: spendcap.url, key: caller.key });
  return () => client.destroy();
});

/** A line as AWS has it: schema version 1.0 of a ModelInvocationLog. */
interface LogLine {
  modelId: string;
  operation: string;
  requestId: string;
  output: { outputBodyJson: { usage: Record<string, number> } };
  requestMetadata?: Record<string, string>;
}
async function logged(): Promise<LogLine[]> {
  const response = await fetch(`${spendcap.provider.url}/_simulated/invocation-log`);
  return (await response.json()) as LogLine[];
}

const evidence = (hold: string, body: object): Promise<{ result: string; charge: ChargeWire }> =>
  spendcap.admin('POST', `/ledger/requests/${hold}/evidence`, body);

/** As the invocation log bills it: 10 tokens in and 5 out, whatever the hold was. */
const BILLED = '0.0000385';

describe('a call that nobody saw the end of', () => {
  it.each([
    [
      'plain',
      'Converse',
      () => client.send(new ConverseCommand(converse('Hi [[sim input=10 output=5 reset=before]]'))),
    ],
    [
      'streamed',
      'ConverseStream',
      async () => {
        const call = converse('Hi [[sim input=10 output=5 reset=after-2]]');
        await readStream((await client.send(new ConverseStreamCommand(call))).stream);
      },
    ],
  ])('%s: its line is found by its hold, and corrects its charge', async (_, operation, call) => {
    await failureOf(call());
    const presumed = await caller.onlyCharge();
    expect(presumed).toMatchObject({ outcome: 'presumed_spent', cost_usd: presumed.reserved_usd });

    const hold = presumed.request_id.slice('req_'.length);
    const [line, ...others] = (await logged()).filter(
      ({ requestMetadata }) => requestMetadata?.['spendcap-hold'] === hold,
    );
    expect(others).toEqual([]);
    expect(line).toMatchObject({ operation });
    const { usage } = line!.output.outputBodyJson;
    const { totalUsd } = await quoteUsage({ model: line!.modelId, dialect: 'bedrock-converse', usage });
    expect(totalUsd).toBe(BILLED);

    const source = `invocation log, ${line!.requestId}`;
    const answer = await evidence(hold, {
      billed_usd: totalUsd,
      billed_tokens: usage['totalTokens'],
      source,
    });
    expect(answer).toMatchObject({ result: 'adjusted', charge: { request_id: presumed.request_id } });
    const { caps } = (await (
      await fetch(`${spendcap.url}/v1/budget`, { headers: { 'x-api-key': caller.key } })
    ).json()) as { caps: { settled: string; reserved: string }[] };
    expect(caps).toMatchObject([{ settled: BILLED, reserved: '0.00' }]);
  });

  it('of which the log has no line was never billed: voided', async () => {
    await failureOf(
      client.send(new ConverseCommand(converse('Hi [[sim unbilled input=10 output=5 reset=before]]'))),
    );
    const { request_id } = await caller.onlyCharge();
    const hold = request_id.slice('req_'.length);
    expect(await logged()).toEqual([]);
    const source = 'invocation log: no line';
    expect(await evidence(hold, { billed_usd: '0.00', source })).toMatchObject({ result: 'adjusted' });
    expect(await spendcap.admin('GET', '/ledger/audit')).toMatchObject({ balanced: true });
  });

  it('keeps the entries that its client wrote', async () => {
    const requestMetadata = Object.fromEntries(
      Array.from({ length: 15 }, (_, i) => [`entry-${i}`, `value ${i}`]),
    );
    await client.send(new ConverseCommand(converse('Hi', { requestMetadata })));
    const [line] = await logged();
    expect(line!.requestMetadata).toEqual({
      ...requestMetadata,
      'spendcap-hold': expect.stringMatching(/^[0-9a-v]{26}$/) as string,
    });
  });
});
