/** GET /v1/budget: the caller's caps, exact to the picodollar for caps of their own. */
import type { Gateway } from '../core/gateway.ts';
import { leafKey } from '../core/ledger/leaf.ts';
import { capView } from '../core/caps/stage.ts';
import { dialectOf } from './caller-dialect.ts';
import { freeRoute } from './free-route.ts';

export function showBudget(gateway: Gateway, request: Request): Promise<Response> {
  return freeRoute(gateway, dialectOf(request.headers), request, async (caller) => {
    const caps = await gateway.directory.capsFor(caller);
    const books = await gateway.ledger.books(leafKey(caller.principal), caps);
    const now = gateway.clock.now();
    return Response.json({ user: caller.user, caps: caps.map((cap) => capView(cap, books, now)) });
  });
}
