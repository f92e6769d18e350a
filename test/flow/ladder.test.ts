/** What a ladder of the policy does on the local server: who is told and when, and what becomes of calls. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Mail } from '../../local/outbox.ts';
import { toRfc3339 } from '../../lambdas/core/time.ts';
import { systemClock } from '../../lambdas/runtime/clock.ts';
import { parsePolicy } from '../../lambdas/core/policy/policy.ts';
import { blocksOf } from '../support/doc-blocks.ts';
import { startSpendcap, type Caller, type LocalSpendcap, type UserCap } from '../support/local-spendcap.ts';

/** Hours that hold now, whatever the clock says. */
const hour = Number(toRfc3339(systemClock.now()).slice(11, 13));
const clock = (hours: number): string => `${String((hours + 24) % 24).padStart(2, '0')}:00`;
const quietHours = { from: clock(hour - 2), to: clock(hour + 3) };

let spendcap: LocalSpendcap;
beforeAll(async () => {
  spendcap = await startSpendcap({
    policy: {
      plans: {},
      modelTiers: [['gpt-4.1', 'gpt-4.1-mini']],
      ladders: {
        cheaper: { throttle: { requestsPerMinute: null, cheaperModel: true } },
        graceful: { throttle: { graceMinutes: 60 } },
        quiet: { quietHours },
        silent: { warn: { mail: false } },
      },
    },
  });
});
afterAll(() => spendcap.close());

interface Answer {
  status: number;
  stage: string | null;
  fallback: string | null;
}
/** $0.00802 at gpt-4.1: 10 tokens in, 1,000 out. */
async function call({ key }: Caller, output = 1000): Promise<Answer> {
  const response = await fetch(`${spendcap.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'gpt-4.1',
      max_completion_tokens: 1000,
      messages: [{ role: 'user', content: `Hi. [[sim input=10 output=${output}]]` }],
    }),
  });
  await response.text();
  const header = (name: string) => response.headers.get(`x-spendcap-${name}`);
  return { status: response.status, stage: header('stage'), fallback: header('fallback') };
}

async function subjectsOf({ user }: Caller): Promise<string[]> {
  const response = await fetch(`${spendcap.url}/outbox`, { headers: { accept: 'application/json' } });
  const { items } = (await response.json()) as { items: Mail[] };
  return items.filter(({ text }) => text.startsWith(`User ${user} `)).map(({ subject }) => subject);
}
const mails = (caller: Caller, count: number) =>
  expect.poll(() => subjectsOf(caller), { timeout: 10_000 }).toHaveLength(count);
async function stageOf({ key }: Caller): Promise<string> {
  const response = await fetch(`${spendcap.url}/v1/budget`, { headers: { 'x-api-key': key } });
  const { caps } = (await response.json()) as { caps: { stage: string }[] };
  return caps[0]!.stage;
}
const stage = (caller: Caller, expected: string) =>
  expect.poll(() => stageOf(caller), { timeout: 10_000 }).toBe(expected);

const THRESHOLDS = { warn: [0.5, 0.8], throttle: 0.9, block: 1 };
const requests = (more: Partial<UserCap> = {}): UserCap => ({
  metric: 'requests',
  limit: '10',
  thresholds: THRESHOLDS,
  ...more,
});
async function calls(caller: Caller, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) expect(await call(caller, 1)).toMatchObject({ status: 200 });
}

describe('a call that jumps over three rungs', () => {
  test('makes the highest stage, and one mail, which is of it', async () => {
    const caller = await spendcap.newCaller([{ limit: '0.0085', thresholds: THRESHOLDS }]);
    await call(caller);
    await stage(caller, 'throttled');
    await mails(caller, 1);
    const { user } = caller;
    expect(await subjectsOf(caller)).toEqual([
      `Spendcap: ${user} is at stage throttled, 94.3% of ${user}-0 used`,
    ]);
  });
});

describe('a ladder', () => {
  test('sends calls to the cheaper model, without a rate, at the stage throttled', async () => {
    const caller = await spendcap.newCaller([
      requests({ limit: '30', ladder: 'cheaper', thresholds: { throttle: 0.1 } }),
    ]);
    await calls(caller, 3);
    await stage(caller, 'throttled');
    for (let i = 0; i < 12; i += 1) {
      expect(await call(caller, 1)).toEqual({ status: 200, stage: 'throttled', fallback: 'gpt-4.1-mini' });
    }
  });

  test('gives grace: finance knows at once, and nothing changes for calls', async () => {
    const caller = await spendcap.newCaller([requests({ ladder: 'graceful' })]);
    await calls(caller, 9);
    await mails(caller, 3);
    expect((await subjectsOf(caller)).at(-1)).toContain('is at stage throttled, 90%');
    expect(await stageOf(caller)).toBe('warned');
    expect(await call(caller, 1)).toMatchObject({ status: 200, stage: 'blocked' });
  });

  test('keeps quiet in quiet hours, acts all the same, and tells of a block at once', async () => {
    const caller = await spendcap.newCaller([requests({ ladder: 'quiet' })]);
    await calls(caller, 9);
    await stage(caller, 'throttled');
    expect(await subjectsOf(caller)).toEqual([]);
    await calls(caller, 1);
    await mails(caller, 1);
    expect((await subjectsOf(caller))[0]).toContain('is blocked, 100%');
  });

  test('leaves the mails of a rung out', async () => {
    const caller = await spendcap.newCaller([requests({ ladder: 'silent' })]);
    await calls(caller, 10);
    await mails(caller, 2);
    expect((await subjectsOf(caller)).join()).not.toContain('warning at');
  });

  test('that the policy does not describe is refused when it is given to a cap', async () => {
    await expect(spendcap.newCaller([requests({ ladder: 'strict' })])).rejects.toThrow(
      /422 .*"ladder_unknown".*the policy describes no .*strict.*; it has default, cheaper, graceful, quiet, silent/,
    );
  });
});

describe('back down', () => {
  test('a raised limit ends the stage with the next answer, and its rungs are told anew', async () => {
    const caller = await spendcap.newCaller([requests()]);
    await calls(caller, 9);
    await stage(caller, 'throttled');
    await mails(caller, 3);
    await spendcap.setCaps(caller, [requests({ limit: '100' })]);
    expect(await call(caller, 1)).toMatchObject({ status: 200, stage: 'normal' });
    await calls(caller, 40);
    await mails(caller, 4);
    expect((await subjectsOf(caller)).at(-1)).toContain('has used 50%');
  });
});

test('the ladders of the guide are a policy', () => {
  const [example] = blocksOf('docs/ladder.md', ['json']);
  expect(parsePolicy(JSON.parse(example!.text)).ladders).toMatchObject({
    default: { throttle: { requestsPerMinute: 30 } },
    careful: { throttle: { graceMinutes: 60 }, block: { mail: true } },
  });
});

describe('a soft cap', () => {
  test('warns as its limit is passed, and blocks at the end of its overage', async () => {
    const soft = { limit: '4', overage: '2', thresholds: { warn: [0.5, 1], throttle: null, block: 1 } };
    const caller = await spendcap.newCaller([requests(soft)]);
    await calls(caller, 2);
    await mails(caller, 1);
    await calls(caller, 2);
    await mails(caller, 2);
    expect(await stageOf(caller)).toBe('warned');
    await calls(caller, 2);
    await mails(caller, 3);
    const { user } = caller;
    expect(await subjectsOf(caller)).toEqual([
      `Spendcap: ${user} has used 50% of ${user}-0 (warning at 50%)`,
      `Spendcap: ${user} has used 100% of ${user}-0 (warning at 100%)`,
      `Spendcap: ${user} is blocked, 100% of ${user}-0 used`,
    ]);
    expect(await call(caller, 1)).toMatchObject({ status: 429 });
  });
});
