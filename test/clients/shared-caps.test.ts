/** Two people of one team, one with OpenAI's SDK and one with Anthropic's, on one cap: exact to the picodollar. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSpendcap, uncounted, type LocalSpendcap } from '../support/local-spendcap.ts';
import { ANTHROPIC_MAJORS, OPENAI_MAJORS } from './majors.ts';
import { MODEL } from './refusals.ts';

const { OpenAI } = OPENAI_MAJORS[0]!;
const { Anthropic } = ANTHROPIC_MAJORS[0]!;

let spendcap: LocalSpendcap;
beforeAll(async () => {
  const cap = {
    scope: { type: 'team', id: 'growth' },
    metric: 'usd',
    window: 'month',
    limit: '0.02',
  } as const;
  spendcap = await startSpendcap({ policy: { plans: {}, caps: [{ id: 'growth-month', ...cap }] } });
});
afterAll(() => spendcap.close());

/** 10 tokens in and 1,000 out: gpt-4.1 $0.00802, claude-haiku-4-5 $0.00501. */
const messages = [{ role: 'user' as const, content: 'Say hi. [[sim input=10 output=1000]]' }];

interface BudgetRow {
  id: string;
  settled: string;
  reserved: string;
  remaining: string;
  as_of: string;
}
const budgetOf = async (key: string): Promise<BudgetRow> => {
  const response = await fetch(`${spendcap.url}/v1/budget`, { headers: uncounted(key) });
  const { caps } = (await response.json()) as { caps: BudgetRow[] };
  expect(caps).toHaveLength(1);
  return caps[0]!;
};
const chargedOf = async (key: string, response: Response): Promise<string> => {
  const id = response.headers.get('x-spendcap-request-id')!;
  const answer = await fetch(`${spendcap.url}/v1/requests/${id}`, { headers: uncounted(key) });
  const { charge } = (await answer.json()) as { charge: { cost_usd: string } };
  return charge.cost_usd;
};

test('one cap over two people and two dialects', async () => {
  const [ann, bob] = await Promise.all([spendcap.newKey({ user: 'ann' }), spendcap.newKey({ user: 'bob' })]);
  const openai = new OpenAI({ baseURL: `${spendcap.url}/v1`, apiKey: ann });
  const anthropic = new Anthropic({ baseURL: spendcap.url, apiKey: bob });

  const first = await openai.chat.completions
    .create({ model: MODEL.openai, max_completion_tokens: 1000, messages })
    .withResponse();
  expect(first.response.headers.get('x-spendcap-cap')).toBe('growth-month');
  expect(first.response.headers.get('x-spendcap-cap-limit')).toBe('0.02');
  expect(first.response.headers.get('x-spendcap-cap-remaining')).toBe('0.01198');
  expect(first.response.headers.get('x-spendcap-stage')).toBe('normal');
  expect(await chargedOf(ann, first.response)).toBe('0.00802');

  const second = await anthropic.messages
    .create({ model: MODEL.anthropic, max_tokens: 1000, messages })
    .withResponse();
  expect(second.response.headers.get('x-spendcap-cap')).toBe('growth-month');
  expect(await chargedOf(bob, second.response)).toBe('0.00501');

  // Past 50 % both leases have told their pool what was settled on them: each sees the sum.
  for (const key of [ann, bob]) {
    const { settled, reserved, remaining, as_of } = await budgetOf(key);
    expect(settled).toBe('0.01303');
    expect(Number(settled) + Number(reserved) + Number(remaining)).toBeCloseTo(0.02, 12);
    expect(Math.abs(Date.now() - Date.parse(as_of))).toBeLessThan(10_000);
  }

  // Asked for whole, neither call fits into the $0.00697 that are left.
  const headers = { 'x-spendcap-clamp': 'never' };
  const openAiDenial: unknown = await openai.chat.completions
    .create({ model: MODEL.openai, max_completion_tokens: 1000, messages }, { headers })
    .catch((error: unknown) => error);
  expect(openAiDenial).toBeInstanceOf(OpenAI.RateLimitError);
  expect(openAiDenial).toMatchObject({
    status: 429,
    code: 'insufficient_quota',
    error: { limit: { cap: 'growth-month', scope: { type: 'team', id: 'growth' }, settled: '0.01303' } },
  });
  const anthropicDenial: unknown = await anthropic.messages
    .create({ model: MODEL.anthropic, max_tokens: 2000, messages }, { headers })
    .catch((error: unknown) => error);
  expect(anthropicDenial).toBeInstanceOf(Anthropic.RateLimitError);
  expect(anthropicDenial).toMatchObject({
    status: 429,
    error: { error: { type: 'billing_error', details: { limit: { settled: '0.01303' } } } },
  });
  for (const denial of [openAiDenial, anthropicDenial]) {
    expect((denial as Error).message).toMatch(
      /The cap of \$0\.02 a month of the team growth \(growth-month\) is reached: \$0\.01303 spent and \$0\.\d+ held, and this call needs up to \$0\.\d+; \d+ output tokens would fit; it resets \d{4}-\d\d-01T00:00:00Z; ask for more at http/,
    );
  }
  expect(spendcap.arrivals(ann)).toHaveLength(2);
  expect(spendcap.arrivals(bob)).toHaveLength(2);

  // Clamped, the rest is spent too.
  const third = await openai.chat.completions
    .create({ model: MODEL.openai, max_completion_tokens: 1000, messages })
    .withResponse();
  expect(third.response.headers.get('x-spendcap-stage')).toBe('warned');
  expect(Number(third.response.headers.get('x-spendcap-max-output-tokens'))).toBeLessThan(1000);
});
