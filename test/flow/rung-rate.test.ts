/** The rung throttle on the wire: ten requests a minute, then a refusal that SDKs wait out. */
import { describe, expect, it } from 'vitest';
import { leafKey } from '../../lambdas/core/ledger/leaf.ts';
import type { PolicyInput } from '../../lambdas/core/policy/policy.ts';
import { openGateway, userCap, type TestGateway } from '../support/gateways.ts';
import { plain } from '../support/scripted-upstream.ts';
import { chatCall, messagesCall, type DialectCall } from './dialects.ts';

/** As the ladder does it. */
async function throttle({ ledger }: TestGateway): Promise<void> {
  await ledger.leaves.change(leafKey({ type: 'user', id: 'alice' }), (leaf) => ({
    ...leaf,
    g: 1n,
    a: { ...leaf.a, 'alice-life': { ...leaf.a['alice-life']!, g: 'throttled' } },
  }));
}

async function throttled(call: DialectCall, policy: PolicyInput = {}): Promise<TestGateway> {
  const gateway = await openGateway({ caps: { 'alice-life': userCap('20.00') }, policy });
  gateway.upstream.next(plain(call.answer));
  await gateway.call(call.path, call.body, call.headers);
  await throttle(gateway);
  return gateway;
}
const send = async (gateway: TestGateway, call: DialectCall): Promise<Response> => {
  gateway.upstream.next(plain(call.answer));
  const response = await gateway.call(call.path, call.body, call.headers);
  await gateway.settled();
  return response;
};

describe.each([
  { call: chatCall, type: 'rate_limit_exceeded' },
  { call: messagesCall, type: 'rate_limit_error' },
])('a throttled caller of $call.name', ({ call, type }) => {
  it('may begin ten calls a minute, and is told when the next may', async () => {
    const gateway = await throttled(call);
    for (let i = 0; i < 10; i += 1) {
      const response = await send(gateway, call);
      expect(response.status).toBe(200);
      expect(response.headers.get('x-spendcap-stage')).toBe('throttled');
      expect(response.headers.get('x-spendcap-cap-metric')).toBe('usd');
    }
    await gateway.clock.pass(18);
    const sent = gateway.upstream.sent.length;
    const refused = await gateway.call(call.path, call.body, call.headers);
    expect(refused.status).toBe(429);
    expect(gateway.upstream.sent).toHaveLength(sent);
    expect(refused.headers.get('retry-after')).toBe('42');
    expect(refused.headers.get('x-should-retry')).toBeNull();
    const { error } = (await refused.json()) as { error: Record<string, unknown> };
    const { limit } = (error['details'] ?? error) as { limit: Record<string, unknown> };
    expect(error['type']).toBe(type);
    expect(error['message']).toMatch(
      /^Your cap of \$20\.00 in all \(alice-life\) is at stage throttled, .* 10 requests used and 0 held in this minute; try again in 42 s; the rate lasts until the cap is raised/,
    );
    expect(limit).toMatchObject({
      ...{ reason: 'throttled', cap: 'alice-life', metric: 'requests', window: 'minute', limit: '10' },
      ...{ settled: '10', requested: '1', resets_at: '2026-11-24T12:01:00Z' },
    });

    await gateway.clock.pass(42);
    expect((await send(gateway, call)).status).toBe(200);
  });
});

it("takes the ladder's own rate where the policy names one", async () => {
  const policy = { ladders: { default: { throttle: { requestsPerMinute: 2 } } } };
  const gateway = await throttled(chatCall, policy);
  const statuses = [];
  for (let i = 0; i < 3; i += 1) statuses.push((await send(gateway, chatCall)).status);
  expect(statuses).toEqual([200, 200, 429]);
});
