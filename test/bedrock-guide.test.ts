/** docs/bedrock.md is followed: its client, its log line as the simulated provider writes it, and its evidence, twice. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalServer } from '../local/server.ts';
import { blocksOf, runBlock, startDocServer, type DocBlock } from './support/doc-blocks.ts';

const GUIDE = 'docs/bedrock.md';
const guide = readFileSync(new URL(`../${GUIDE}`, import.meta.url), 'utf8');
const [client, ...otherPrograms] = blocksOf(GUIDE, ['js']);
const [correct, post, ...others] = blocksOf(GUIDE, ['sh']).filter(({ isRun }) => isRun);
const [shown] = blocksOf(GUIDE, ['json']);
const MODEL = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';

let server: LocalServer;
beforeAll(async () => {
  server = await startDocServer();
});
afterAll(() => server.close());

interface LogLine extends Record<string, unknown> {
  modelId: string;
  output: { outputBodyJson: { usage: Record<string, number> } };
  requestMetadata: Record<string, string>;
}

/** A call whose answer is lost, and the line that AWS would have of it. */
async function lostCall(): Promise<LogLine> {
  const response = await fetch(`${server.url}/model/${encodeURIComponent(MODEL)}/converse`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.demoKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      messages: [{ role: 'user', content: [{ text: '[[sim input=10 output=5 reset=before]]' }] }],
    }),
  });
  expect(response.status).toBe(424);
  const log = await fetch(`${server.provider!.url}/_simulated/invocation-log`);
  return ((await log.json()) as LogLine[]).at(-1)!;
}

const withHold = (block: DocBlock, hold: string): DocBlock => ({
  ...block,
  text: `HOLD=${hold}\n${block.text}`,
});

describe(GUIDE, () => {
  test('its client gets an answer', async () => {
    expect(await runBlock(client!, server)).toMatch(/simulated provider.* \d+\n$/);
  }, 30_000);

  test('its line has the members of the simulated one, and names the same call', async () => {
    const line = await lostCall();
    const example = JSON.parse(shown!.text) as LogLine;
    expect(Object.keys(line)).toEqual(expect.arrayContaining(Object.keys(example)));
    expect(example).toMatchObject({ schemaType: line['schemaType'], modelId: line.modelId });
    expect(line.output.outputBodyJson.usage).toMatchObject(example.output.outputBodyJson.usage);
    expect(Object.keys(line.requestMetadata)).toEqual(Object.keys(example.requestMetadata));
    expect(guide).toContain(`= "${example.requestMetadata['spendcap-hold']!}"`);
  });

  test('its evidence is taken, by the command and by the API', async () => {
    const first = (await lostCall()).requestMetadata['spendcap-hold']!;
    expect(await runBlock(withHold(correct!, first), server)).toContain('0.0000385');
    const second = (await lostCall()).requestMetadata['spendcap-hold']!;
    const answer = JSON.parse(await runBlock(withHold(post!, second), server)) as object;
    expect(answer).toMatchObject({ result: 'adjusted', charge: { request_id: `req_${second}` } });
  }, 60_000);

  test('has no example that is not followed', () => {
    expect([otherPrograms, others]).toEqual([[], []]);
  });
});
