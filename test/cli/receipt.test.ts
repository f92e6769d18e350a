/** `spendcap receipt`, with a receipt that a gateway made. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../lambdas/core/receipts/receipt-document.ts';
import { chatCall } from '../flow/dialects.ts';
import { openGateway } from '../support/gateways.ts';
import { noAnswer, plain } from '../support/scripted-upstream.ts';
import { fakeServer, runCli, type FakeServer } from './run-cli.ts';

let receipt: Receipt;
let presumed: Receipt;
let server: FakeServer;
beforeAll(async () => {
  const gateway = await openGateway();
  gateway.upstream.next(plain(chatCall.answer), noAnswer);
  const made = async (): Promise<Receipt> => {
    const response = await gateway.call(chatCall.path, chatCall.body);
    await gateway.settled();
    return (await gateway.viewOf(response)).receipt!;
  };
  [receipt, presumed] = [await made(), await made()];
  server = await fakeServer({
    [`GET /admin/v1/ledger/requests/${receipt.request_id}/receipt`]: [200, receipt],
    [`GET /admin/v1/ledger/requests/${presumed.request_id}/receipt`]: [200, presumed],
  });
});
afterAll(() => server.close());

const show = (...args: string[]) =>
  runCli(['receipt', 'show', ...args], { env: { SPENDCAP_URL: server.url, SPENDCAP_ADMIN_KEY: 'adm_1' } });
const verify = (document: unknown, ...args: string[]) =>
  runCli(['receipt', 'verify', '-', ...args], { stdin: JSON.stringify(document) });

describe('show', () => {
  it('prints what it says, for people', async () => {
    const { code, stdout, stderr } = await show(receipt.request_id);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [card] = receipt.pricing!.cards;
    expect(stdout).toBe(`request      ${receipt.request_id}
at           2026-11-24T12:00:00Z
for          alice, team growth, app web, feature default
model        gpt-4.1 (openai-chat)
outcome      settled
usage block  {"prompt_tokens":10,"completion_tokens":5}

what    quantity  x usd    / per  x factor    = usd
input         10      2  1000000         1  0.00002
output         5      8  1000000         1  0.00004

card     openai/gpt-4.1@2025-04-14
sha-256  ${card!.sha256}
checked  ${card!.card['checkedOn'] as string}
${(card!.card['sources'] as string[]).map((source) => `source   ${source}\n`).join('')}
account     metric  window      held  charged
alice-life  usd     0       0.008172  0.00006

charged $0.00006
`);
  });

  it('says why nothing was computed', async () => {
    const { stdout } = await show(presumed.request_id);
    expect(stdout).toMatch(/nobody could read what the provider billed[^]*charged \$0\.008172\n$/);
  });

  it('prints the document with --json', async () => {
    expect(JSON.parse((await show(receipt.request_id, '--json')).stdout)).toEqual(receipt);
  });

  it('of a call that nobody made exits 1', async () => {
    expect(await show('req_none')).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('verify', () => {
  it('computes a receipt again, without a server', async () => {
    expect(await verify(receipt)).toEqual({
      code: 0,
      stdout: `${receipt.request_id}: 2 lines computed again, $0.00006\n`,
      stderr: '',
    });
    expect(JSON.parse((await verify(receipt, '--json')).stdout)).toEqual({ verified: true, differences: [] });
  });

  it('says where nothing was computed', async () => {
    expect(await verify(presumed)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('$0.008172; nothing was computed: nobody could read') as string,
    });
  });

  it('names what does not follow, and exits 1', async () => {
    const wrong = structuredClone(receipt);
    wrong.pricing!.usage.parts[0]!.tokens['output'] = '6';
    const { code, stdout, stderr } = await verify(wrong);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'spendcap: The receipt does not follow from itself.\n',
    });
    expect(stdout.split('\n').map((line) => line.split(':')[0])).toEqual([
      'sha256',
      'pricing.lines.1',
      'pricing.total_usd',
      'cost_usd',
      'tokens_charged',
      '',
    ]);
    expect(stdout).toContain('cost_usd: expected 0.000068, found 0.00006\n');
  });

  it('takes an answer of /v1/requests/{id}, in a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spendcap-receipt-'));
    try {
      const file = join(folder, 'answer.json');
      await writeFile(file, JSON.stringify({ id: receipt.request_id, status: 'charged', receipt }));
      expect(await runCli(['receipt', 'verify', file])).toMatchObject({ code: 0, stderr: '' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each([[{ format: 'spendcap-receipt/1' }], [null], [{ id: 'x', receipt: null }]])(
    'refuses %j, exit 2',
    async (document) => {
      const { code, stderr } = await verify(document);
      expect(code).toBe(2);
      expect(stderr).toContain('stdin holds no receipt');
    },
  );
});
