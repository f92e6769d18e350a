import { describe, expect, it } from 'vitest';
import { freshIds, holdOfRequest, idempotentIds, sha256 } from '../../lambdas/core/request-ids.ts';
import type { Principal } from '../../lambdas/core/ledger/leaf.ts';
import { SeededIds } from '../support/worlds.ts';

const ALICE: Principal = { type: 'user', id: 'alice' };
/** The first 130 bits of SHA-256 of "user:alice\nretry-1", by Python's hashlib. */
const HOLD = '9ef6aoujp3fnjib5rhqb7oo399';

describe('ids of a call', () => {
  it('without an idempotency key are new each time, and the request names its hold', () => {
    const ids = new SeededIds(3);
    const made = Array.from({ length: 200 }, () => freshIds(ids));
    for (const { requestId, holdId } of made) {
      expect(requestId).toMatch(/^req_[0-9a-v]{26}$/);
      expect(holdOfRequest(requestId)).toBe(holdId);
    }
    expect(new Set(made.map(({ holdId }) => holdId)).size).toBe(200);
  });

  it('with an idempotency key share one hold, and each request has its own id', async () => {
    const ids = new SeededIds(3);
    const first = await idempotentIds(ALICE, 'retry-1', ids);
    const again = await idempotentIds(ALICE, 'retry-1', ids);
    expect([first.holdId, again.holdId]).toEqual([HOLD, HOLD]);
    expect(first.requestId).toMatch(/^req_9ef6aoujp3fnjib5rhqb7oo399[0-9a-v]{8}$/);
    expect(again.requestId).not.toBe(first.requestId);
    expect(holdOfRequest(first.requestId)).toBe(HOLD);
    expect(holdOfRequest(again.requestId)).toBe(HOLD);
  });

  it.each<[string, Principal, string]>([
    ['another key', ALICE, 'retry-2'],
    ['a key in capitals', ALICE, 'RETRY-1'],
    ['another user', { type: 'user', id: 'bob' }, 'retry-1'],
    ['an app of the same name', { type: 'app', id: 'alice' }, 'retry-1'],
  ])('%s is another call', async (_what, principal, key) => {
    expect((await idempotentIds(principal, key, new SeededIds(3))).holdId).not.toBe(HOLD);
  });

  it.each([
    ['', undefined],
    [HOLD, undefined],
    [`req_${HOLD}`, HOLD],
    [`req_${HOLD}0000000v`, HOLD],
    [`req_${HOLD}0000000`, undefined],
    [`req_${HOLD}0000000v0`, undefined],
    [`req_${HOLD.toUpperCase()}`, undefined],
    [`req_${HOLD.slice(1)}w`, undefined],
    [`req_${HOLD}\n`, undefined],
    [`REQ_${HOLD}`, undefined],
    [`../req_${HOLD}`, undefined],
  ])('%j names the hold %s', (text, hold) => {
    expect(holdOfRequest(text)).toBe(hold);
  });
});

describe('sha256', () => {
  // FIPS 180-2, appendix B.1, and the digest of nothing.
  it.each([
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ])('of %j', async (text, digest) => {
    expect(await sha256(text)).toBe(digest);
    expect(await sha256(new TextEncoder().encode(text))).toBe(digest);
  });
});
