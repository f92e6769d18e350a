/** `dead-letters` through the admin API: what lies where, and what became of having it worked again. */
import { expect, it } from 'vitest';
import type { DeadLetters, Redrive } from '../../lambdas/core/dead-letters/dead-letters.ts';
import { NOON } from '../support/worlds.ts';
import { adminWorld } from '../support/admin-world.ts';

const worldWith = (outcome: Redrive) => {
  const asked: unknown[][] = [];
  const deadLetters: DeadLetters = {
    list: async () => [
      { queue: 'webhooks', messages: 3, oldest: NOON, reasons: [{ reason: 'it answered 401', messages: 3 }] },
      { queue: 'collector', messages: 0, oldest: undefined, reasons: [] },
    ],
    redrive: async (...given) => {
      asked.push(given);
      return outcome;
    },
  };
  return { ...adminWorld([], { deadLetters }), asked };
};
const REDRIVEN: Redrive = { kind: 'redriven', redriven: 2, kept: 1, reasons: ['why'], cursor: 'next' };

it('lists every queue', async () => {
  expect(await worldWith(REDRIVEN).send('GET', '/dead-letters')).toMatchObject({
    status: 200,
    body: {
      items: [
        {
          ...{ queue: 'webhooks', messages: 3, oldest_at: '2026-11-24T12:00:00Z' },
          reasons: [{ reason: 'it answered 401', messages: 3 }],
        },
        { queue: 'collector', messages: 0, oldest_at: null, reasons: [] },
      ],
      next_cursor: null,
    },
  });
});

it('has a queue worked again, from where the answer before ended', async () => {
  const { send, asked } = worldWith(REDRIVEN);
  const answer = { redriven: 2, kept: 1, reasons: ['why'], next_cursor: 'next' };
  const first = await send('POST', '/dead-letters/webhooks/redrive', { body: {} });
  expect(first).toMatchObject({ status: 200, body: answer });
  await send('POST', '/dead-letters/webhooks/redrive', { body: { cursor: 'next' } });
  expect(asked).toEqual([
    ['webhooks', undefined],
    ['webhooks', 'next'],
  ]);
});

it.each([
  [{ kind: 'no_queue', reason: 'There is no queue webhooks in this deployment.' }, 404, 'not_found'],
  [{ kind: 'by_itself', reason: 'Its runs come again.' }, 422, 'not_redriven'],
  [{ kind: 'cursor_unknown' }, 400, 'invalid_request'],
] as const)('says what there is not to do: %o', async (outcome, status, code) => {
  const { send } = worldWith(outcome);
  const answer = await send('POST', '/dead-letters/webhooks/redrive', { body: {} });
  expect(answer).toMatchObject({ status, body: { code } });
  if ('reason' in outcome) expect(answer.body['detail']).toBe(outcome.reason);
});

it('knows no other queue', async () => {
  const { send, asked } = worldWith(REDRIVEN);
  expect((await send('POST', '/dead-letters/letters/redrive', { body: {} })).status).toBe(400);
  expect(asked).toEqual([]);
});
