/** Exceptions in the middle of a call are bugs: the call fails, the hold stands for the collector, nothing else falls. */
import { describe, expect, it, vi } from 'vitest';
import { openGateway } from '../support/gateways.ts';
import { CALLS, STREAMS } from './dialects.ts';

describe.each([...CALLS, ...STREAMS])('$name $body', (call) => {
  it('fails when the adapter throws, and keeps its hold', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const gateway = await openGateway();
    gateway.upstream.next(() => {
      throw new Error('a bug');
    });
    const response = await gateway.call(call.path, call.body, call.headers);
    await gateway.settled();
    log.mockRestore();

    expect(response.status).toBe(500);
    expect(await gateway.account()).toMatchObject({ settled: '0.00', held: call.hold, holds: 1 });
  });
});
