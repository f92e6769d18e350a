/** Contract 5, "How a call ends in the ledger", for plain calls: what is charged, what stays, what is seen. */
import { describe, expect, it } from 'vitest';
import { openGateway } from '../support/gateways.ts';
import { LiveAnswer, noAnswer, notSent, plain, type Script } from '../support/scripted-upstream.ts';
import { CALLS, type DialectCall } from './dialects.ts';

interface Ending {
  upstream: string;
  script: (call: DialectCall) => Script;
  outcome: string;
  charged: (call: DialectCall) => string;
  status: number;
  /** Why nobody knew what it cost. */
  reason?: string;
  /** Text that the client gets, where it is the provider's own. */
  text?: (call: DialectCall) => string;
}

const failing = (status: number): Ending => ({
  upstream: `answers ${status}`,
  script: (call) => plain(call.errorAnswer, { status }),
  outcome: 'voided',
  charged: () => '0.00',
  status,
  text: (call) => call.errorAnswer,
});

const ENDINGS: Ending[] = [
  ...[400, 401, 404, 422, 429, 500, 502, 503, 529].map(failing),
  {
    upstream: 'refuses the connection',
    script: () => notSent,
    outcome: 'voided',
    charged: () => '0.00',
    status: 502,
  },
  {
    upstream: 'answers 504',
    script: (call) => plain(call.errorAnswer, { status: 504 }),
    outcome: 'presumed_spent',
    charged: (call) => call.hold,
    status: 504,
    reason: 'the provider answered 504',
    text: (call) => call.errorAnswer,
  },
  {
    upstream: 'does not answer',
    script: () => noAnswer,
    outcome: 'presumed_spent',
    charged: (call) => call.hold,
    status: 504,
    reason: 'timed out',
  },
  {
    upstream: 'leaves usage out',
    script: (call) => plain(call.answerWithoutUsage),
    outcome: 'presumed_spent',
    charged: (call) => call.hold,
    status: 200,
    reason: 'usage',
    text: (call) => call.answerWithoutUsage,
  },
  {
    upstream: 'sends unreadable usage',
    script: (call) => plain(call.answer.replace(':10', ':"ten"')),
    outcome: 'presumed_spent',
    charged: (call) => call.hold,
    status: 200,
    reason: 'its usage cannot be read: usage',
    text: (call) => call.answer.replace(':10', ':"ten"'),
  },
  {
    upstream: 'sends negative usage',
    script: (call) => plain(call.answer.replace(':10', ':-10')),
    outcome: 'presumed_spent',
    charged: (call) => call.hold,
    status: 200,
    reason: 'its usage cannot be read: usage',
  },
  {
    upstream: 'answers what is no JSON',
    script: () => plain('<html>'),
    outcome: 'presumed_spent',
    charged: (call) => call.hold,
    status: 200,
    reason: 'the answer carries no usage',
    text: () => '<html>',
  },
  {
    upstream: 'completes',
    script: (call) => plain(call.answer),
    outcome: 'settled',
    charged: (call) => call.cost,
    status: 200,
  },
  {
    upstream: 'bills more than the hold',
    script: (call) => plain(call.overrunAnswer),
    outcome: 'overrun',
    charged: (call) => call.overrunCost,
    status: 200,
  },
];

describe.each(CALLS)('$name', (call) => {
  it.each(ENDINGS)(
    'upstream $upstream: $outcome',
    async ({ script, outcome, charged, status, reason, text }) => {
      const gateway = await openGateway();
      gateway.upstream.next(script(call));
      const response = await gateway.call(call.path, call.body, call.headers);
      const seen = await response.text();
      await gateway.settled();

      expect(response.status).toBe(status);
      if (text) expect(seen).toBe(text(call));
      else expect(JSON.parse(seen)).toBeTypeOf('object');
      expect(response.headers.get('x-spendcap-cost-usd')).toBe(charged(call));

      const { status: state, hold, charge } = await gateway.viewOf(response);
      expect({ state, hold }).toEqual({ state: 'charged', hold: null });
      expect(charge).toMatchObject({ outcome, cost_usd: charged(call), reserved_usd: call.hold });
      expect(charge!.reason).toEqual(reason === undefined ? null : expect.stringContaining(reason));
      expect(await gateway.account()).toMatchObject({ settled: charged(call), held: '0.00', holds: 0 });
      expect(gateway.upstream.sent).toHaveLength(1);
    },
  );

  it('an answer that breaks off is charged at the hold and told as a failure that no SDK repeats', async () => {
    const gateway = await openGateway();
    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers);
    await gateway.upstream.hasSent(1);
    answer.write(call.answer.slice(0, 20));
    answer.breakOff();
    const response = await pending;
    await gateway.settled();

    expect(response.status).toBe(502);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'presumed_spent',
      cost_usd: call.hold,
      reason: expect.stringContaining('the answer broke off') as string,
    });
  });

  it('is held while it is in flight', async () => {
    const gateway = await openGateway();
    const answer = new LiveAnswer('application/json');
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers);
    await gateway.upstream.hasSent(1);
    expect(await gateway.account()).toMatchObject({ settled: '0.00', held: call.hold, holds: 1 });

    answer.write(call.answer);
    answer.end();
    const response = await pending;
    expect(await gateway.account()).toMatchObject({ settled: call.cost, held: '0.00', holds: 0 });
    expect(response.headers.get('x-spendcap-reserved-usd')).toBe(call.hold);
  });

  it('a client that leaves is drained and settled', async () => {
    const gateway = await openGateway();
    const [answer, client] = [new LiveAnswer('application/json'), new AbortController()];
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers, client.signal);
    await gateway.upstream.hasSent(1);
    client.abort();
    await gateway.clock.pass(29);
    answer.write(call.answer);
    answer.end();
    const response = await pending;
    await gateway.settled();

    expect(answer.wasAborted).toBe(false);
    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'settled',
      cost_usd: call.cost,
    });
  });

  it('a client that leaves is drained for drainSeconds only', async () => {
    const gateway = await openGateway({ policy: { drainSeconds: 5 } });
    const [answer, client] = [new LiveAnswer('application/json'), new AbortController()];
    gateway.upstream.next(answer.script);
    const pending = gateway.call(call.path, call.body, call.headers, client.signal);
    await gateway.upstream.hasSent(1);
    client.abort();
    await gateway.clock.pass(4.9);
    expect(answer.wasAborted).toBe(false);
    await gateway.clock.pass(0.2);
    expect(answer.wasAborted).toBe(true);
    const response = await pending;
    await gateway.settled();

    expect((await gateway.viewOf(response)).charge).toMatchObject({
      outcome: 'presumed_spent',
      cost_usd: call.hold,
    });
    expect(await gateway.account()).toMatchObject({ settled: call.hold, held: '0.00', holds: 0 });
  });
});
