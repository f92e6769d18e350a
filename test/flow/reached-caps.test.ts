/** The first refusal by a used-up cap leaves one item for the change feed; nothing else of the request writes for it. */
import { describe, expect, test, vi } from 'vitest';
import { REACHED_PREFIX, reachedEvent } from '../../lambdas/core/admission/reached-caps.ts';
import { capFromInput } from '../../lambdas/core/caps/cap-definition.ts';
import { capReachedSchema, type CapReached } from '../../lambdas/core/events/cap-reached.ts';
import { openGateway, userCap, type TestGateway } from '../support/gateways.ts';
import { plain } from '../support/scripted-upstream.ts';

const BODY = '{"model":"gpt-4.1","messages":[{"role":"user","content":"Hi"}],"max_completion_tokens":1000}';
const NEVER = { 'x-spendcap-clamp': 'never' };
const ANSWER = '{"id":"c","model":"gpt-4.1","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}';

const ask = async (gateway: TestGateway, headers: Record<string, string> = NEVER): Promise<Response> => {
  const response = await gateway.call('/v1/chat/completions', BODY, headers);
  await gateway.settled();
  return response;
};
/** A call holds $0.008184 and costs $0.00006. Spends some of it, so that what is refused afterwards is not too large for the whole cap. */
async function nearlyUsedUp(): Promise<TestGateway> {
  const gateway = await openGateway({ caps: { 'alice-life': userCap('0.00821') } });
  gateway.upstream.next(plain(ANSWER));
  expect((await ask(gateway)).status).toBe(200);
  return gateway;
}
/** What was put for the feed since it was spied on, parsed as the feed parses it. */
function notesOf({ table }: TestGateway): () => CapReached[] {
  const put = vi.spyOn(table, 'put');
  return () =>
    put.mock.calls.flatMap(([{ item }]) =>
      item.pk.startsWith(REACHED_PREFIX) ? [capReachedSchema.parse(reachedEvent(item))] : [],
    );
}

describe('a cap that is used up', () => {
  test('is noted with the first refusal, after its answer, and not again', async () => {
    const gateway = await nearlyUsedUp();
    const notes = notesOf(gateway);
    const refused = await ask(gateway);
    expect(refused.status).toBe(429);
    const [event, ...more] = notes();
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      cap: 'alice-life',
      principal: { type: 'user', id: 'alice' },
      reason: 'cap_reached',
      limit: '0.00821',
      settled: '0.00006',
      reserved: '0.00',
      resets_at: null,
      request_id: refused.headers.get('x-spendcap-request-id'),
    });
    for (let i = 0; i < 3; i += 1) expect((await ask(gateway)).status).toBe(429);
    expect(notes()).toHaveLength(1);
  });

  test('is noted again where that failed, which no caller notices', async () => {
    const gateway = await nearlyUsedUp();
    const notes = notesOf(gateway);
    vi.spyOn(gateway.table, 'put').mockResolvedValueOnce({
      kind: 'unavailable',
      reason: 'away',
      unanswered: 1,
    });
    expect((await ask(gateway)).status).toBe(429);
    expect(gateway.events).toMatchObject([
      { kind: 'failed', reason: expect.stringContaining('away') as string },
    ]);
    expect((await ask(gateway)).status).toBe(429);
    expect(notes()).toHaveLength(2);
    expect(new Set(notes().map(({ id }) => id)).size).toBe(1);
  });

  test('is news again once its limit was another one', async () => {
    const gateway = await nearlyUsedUp();
    const notes = notesOf(gateway);
    await ask(gateway);
    const raised = capFromInput('alice-life', userCap('0.00826'));
    if ('message' in raised) throw new Error(raised.message);
    await gateway.gateway.directory.putCap(raised, 'admin');
    gateway.upstream.next(plain(ANSWER));
    expect((await ask(gateway)).status).toBe(200);
    await ask(gateway);
    expect(notes().map(({ limit, settled }) => [limit, settled])).toEqual([
      ['0.00821', '0.00006'],
      ['0.00826', '0.00012'],
    ]);
  });

  test('is not what a call too large for it, a throttle or an admitted call meets', async () => {
    const gateway = await openGateway({
      caps: { 'alice-life': userCap('0.001'), each: userCap('1', { metric: 'requests', window: 'minute' }) },
    });
    const notes = notesOf(gateway);
    const tooLarge = await ask(gateway);
    expect(((await tooLarge.json()) as { error: { limit: object } }).error.limit).toMatchObject({
      reason: 'too_large',
    });
    expect(notes()).toEqual([]);
  });
});
