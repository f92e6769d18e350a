/** A gateway out of what its host gives: the same parts on Lambda, on a laptop and in tests. */
import { oidcVerifier } from '../adapters/identity/oidc.ts';
import { projectTier } from '../adapters/providers/openai/request-parts.ts';
import { RENDERERS } from '../adapters/providers/endpoints.ts';
import { ReachedCaps } from '../core/admission/reached-caps.ts';
import { WaitingLine } from '../core/admission/waiting-line.ts';
import { reviewedAbilities } from '../../prices/abilities.ts';
import { durationMs } from '../core/brands.ts';
import type { Gateway, Timing } from '../core/gateway.ts';
import { GrantRequests } from '../core/grants/grant-requests.ts';
import type { Table } from '../core/ports.ts';

export type GatewayHost = Pick<
  Gateway,
  'ledger' | 'directory' | 'prices' | 'upstream' | 'answers' | 'clock' | 'ids' | 'policy' | 'report'
> & { table: Table };

const TIMING: Timing = { streamKeepAlive: durationMs(15_000), plainKeepAlive: durationMs(60_000) };

export function openGateway({ table, ...host }: GatewayHost, timing: Partial<Timing> = {}): Gateway {
  const { clock, policy } = host;
  return {
    ...host,
    grants: new GrantRequests({ ...host, table }),
    line: new WaitingLine({ clock, patience: durationMs(policy.heldWaitMs) }),
    reached: new ReachedCaps({ table }),
    verifier: oidcVerifier(policy.oidcIssuers),
    renderers: RENDERERS,
    abilitiesOf: reviewedAbilities,
    openTier: projectTier(policy.openaiServiceTier),
    timing: { ...TIMING, ...timing },
    requestUrl: policy.org.requestUrl ?? '',
  };
}
