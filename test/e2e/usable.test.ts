/**
 * Strict and still usable: eight agents of one user, each call with an output limit of 32,000 tokens and a real
 * answer of 300, against a cap of $2.00, of which four such limits are all that fits. The money is really spent
 * before anybody is told that it is gone; until then calls wait for each other: a moment in the server's line, and
 * where that is not enough by the SDK's own retries, as many as it makes by default.
 *
 * gpt-5.2 costs $14.00 a million output tokens: a limit is $0.448, an answer $0.0042, some 470 answers the cap.
 *
 * Not promised: that two retries are enough however long answers take. With answers of a second and more, towards
 * the end, where one limit takes all that is left, some of eight give up after theirs, told `held`.
 */
import OpenAI, { RateLimitError } from 'openai';
import { afterAll, expect, test } from 'vitest';
import { adminOf, pico } from './admin.ts';
import { endAll, startServer } from './process.ts';

const CALLERS = 8;
const LIMIT = '2.00';
const NEARLY_ALL = 1_900_000_000_000n;

afterAll(endAll);

interface Limit {
  reason: string;
  cap: string;
  effective_limit: string;
  settled: string;
  reserved: string;
  requested: string;
}

test('eight agents spend 95 % of a cap before the first of them is denied', async () => {
  const server = await startServer({});
  const admin = adminOf(server);
  await admin.putCap('ada-month', {
    scope: { type: 'user', id: 'ada' },
    metric: 'usd',
    window: 'month',
    limit: LIMIT,
    // How much can be spent is asked, not how fast the end of it goes.
    thresholds: { throttle: null },
  });
  const { key } = await admin.createKey({ app: 'agent', team: 'growth', user: 'ada' });

  const denials: Limit[] = [];
  const watching: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!response.ok) {
      const { error } = (await response.clone().json()) as { error: { limit: Limit } };
      denials.push(error.limit);
    }
    return response;
  };
  const agents = Array.from(
    { length: CALLERS },
    () => new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key, fetch: watching }),
  );
  const ends = { answered: 0, held: 0, denied: 0 };
  await Promise.all(
    agents.map(async (agent) => {
      for (;;) {
        const end = await callOnce(agent);
        ends[end] += 1;
        if (end === 'denied') return;
      }
    }),
  );
  expect(ends).toMatchObject({ held: 0, denied: CALLERS });

  const isFinal = ({ reason }: Limit): boolean => reason === 'cap_reached';
  const throttles = denials.filter((limit) => !isFinal(limit));
  const final = denials.filter(isFinal);
  expect(throttles.filter(({ reason }) => reason !== 'held')).toEqual([]);
  for (const { settled, requested } of final) {
    expect(pico(settled) + pico(requested)).toBeGreaterThan(pico(LIMIT));
  }
  for (const { settled, requested } of throttles) {
    expect(pico(settled) + pico(requested)).toBeLessThanOrEqual(pico(LIMIT));
  }
  // No SDK retries a denial: one of them for each agent.
  expect(final).toHaveLength(CALLERS);
  expect(pico(final[0]!.settled)).toBeGreaterThanOrEqual(NEARLY_ALL);

  const { settled, reserved } = await admin.cap('ada-month');
  expect(pico(settled)).toBeLessThanOrEqual(pico(LIMIT));
  expect(reserved).toBe('0.00');
  expect(await admin.audit()).toMatchObject({ balanced: true, open_holds: 0, differences: [] });
  process.stdout.write(
    `usable: ${JSON.stringify({ ...ends, throttles: throttles.length })}, $${final[0]!.settled} of $${LIMIT} spent at the first denial\n`,
  );
});

async function callOnce(agent: OpenAI): Promise<'answered' | 'held' | 'denied'> {
  try {
    const { usage } = await agent.chat.completions.create({
      model: 'gpt-5.2',
      max_completion_tokens: 32_000,
      messages: [{ role: 'user', content: 'Do the next step. [[sim output=300 delay=10]]' }],
    });
    // The last ones are clamped, never below the floor.
    expect(usage?.completion_tokens).toBeGreaterThanOrEqual(256);
    return 'answered';
  } catch (error) {
    if (!(error instanceof RateLimitError)) throw error;
    if (error.code === 'insufficient_quota') return 'denied';
    expect(error.code).toBe('rate_limit_exceeded');
    return 'held';
  }
}
