/** Port `Upstream` with keys that may change while the container lives. */
import type { Upstream, UpstreamName, UpstreamOutcome, UpstreamRequest } from '../core/ports.ts';
import { HttpUpstream, type Signer, type UpstreamTargets } from '../adapters/upstream/http-upstream.ts';

export type ProviderKeys = Partial<Record<UpstreamName, string>>;
export type ProviderOrigins = Partial<Record<UpstreamName, string>>;
/** Of providers that take signatures in place of keys. */
export type ProviderSigners = Partial<Record<UpstreamName, Signer>>;

export class ProviderUpstream implements Upstream {
  readonly #origins: ProviderOrigins;
  /** Gives the same object as long as no key changes. */
  readonly #currentKeys: () => Promise<ProviderKeys>;
  readonly #report: (reason: string) => void;
  /** To those that need no key. */
  readonly #signed: HttpUpstream;
  readonly #signers: ProviderSigners;
  #open: { keys: ProviderKeys; upstream: HttpUpstream } | undefined;

  constructor(deps: {
    origins: ProviderOrigins;
    currentKeys: () => Promise<ProviderKeys>;
    /** Told why no key could be read. */
    report: (reason: string) => void;
    signers?: ProviderSigners;
  }) {
    this.#origins = deps.origins;
    this.#currentKeys = deps.currentKeys;
    this.#report = deps.report;
    this.#signers = deps.signers ?? {};
    this.#signed = new HttpUpstream(
      targetsOf(deps.origins, (name) => ({ apiKey: undefined, sign: this.#signers[name] })),
    );
  }

  async send(provider: UpstreamName, request: UpstreamRequest): Promise<UpstreamOutcome> {
    if (this.#signers[provider]) return this.#signed.send(provider, request);
    let keys: ProviderKeys;
    try {
      keys = await this.#currentKeys();
    } catch (error) {
      this.#report(`the provider keys cannot be read: ${String(error)}`);
      return { kind: 'not_sent', reason: 'the secret with the provider keys cannot be read' };
    }
    if (keys[provider] === undefined)
      return { kind: 'not_sent', reason: `the secret has no key for ${provider}` };
    return this.#with(keys).send(provider, request);
  }

  #with(keys: ProviderKeys): HttpUpstream {
    if (this.#open?.keys === keys) return this.#open.upstream;
    void this.#open?.upstream.close(); // once its calls in flight have ended
    const upstream = new HttpUpstream(targetsOf(this.#origins, (name) => ({ apiKey: keys[name] })));
    this.#open = { keys, upstream };
    return upstream;
  }
}

function targetsOf(
  origins: ProviderOrigins,
  credentialOf: (name: UpstreamName) => { apiKey: string | undefined; sign?: Signer | undefined },
): UpstreamTargets {
  const targets: UpstreamTargets = {};
  for (const [name, origin] of Object.entries(origins) as [UpstreamName, string][]) {
    const { apiKey, sign } = credentialOf(name);
    targets[name] = { origin, apiKey, ...(sign && { sign }) };
  }
  return targets;
}
