/** A gateway out of what its host gives: the same parts on Lambda, on a laptop and in tests. */
import { oidcVerifier } from '../adapters/identity/oidc.ts';
import { projectTier } from '../adapters/providers/openai/request-parts.ts';
import { RENDERERS } from '../adapters/providers/endpoints.ts';
import { WaitingLine } from '../core/admission/waiting-line.ts';
import { durationMs } from '../core/brands.ts';
import type { Gateway, Timing } from '../core/gateway.ts';

export type GatewayHost = Pick<
  Gateway,
  'ledger' | 'directory' | 'prices' | 'upstream' | 'answers' | 'clock' | 'ids' | 'policy' | 'report'
>;

const TIMING: Timing = { streamKeepAlive: durationMs(15_000), plainKeepAlive: durationMs(60_000) };

export function openGateway(host: GatewayHost, timing: Partial<Timing> = {}): Gateway {
  const { clock, policy } = host;
  return {
    ...host,
    line: new WaitingLine({ clock, patience: durationMs(policy.heldWaitMs) }),
    verifier: oidcVerifier(policy.oidcIssuers),
    renderers: RENDERERS,
    openTier: projectTier(policy.openaiServiceTier),
    timing: { ...TIMING, ...timing },
    requestUrl: policy.org.requestUrl ?? '',
  };
}
