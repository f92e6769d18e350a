/** Port `Upstream` with keys that may change while the container lives. */
import type { Upstream, UpstreamName, UpstreamOutcome, UpstreamRequest } from '../core/ports.ts';
import { HttpUpstream, type UpstreamTargets } from '../adapters/upstream/http-upstream.ts';

export type ProviderKeys = Partial<Record<UpstreamName, string>>;
export type ProviderOrigins = Partial<Record<UpstreamName, string>>;

export class ProviderUpstream implements Upstream {
  readonly #origins: ProviderOrigins;
  /** Gives the same object as long as no key changes. */
  readonly #currentKeys: () => Promise<ProviderKeys>;
  readonly #report: (reason: string) => void;
  #open: { keys: ProviderKeys; upstream: HttpUpstream } | undefined;

  constructor(deps: {
    origins: ProviderOrigins;
    currentKeys: () => Promise<ProviderKeys>;
    /** Told why no key could be read. */
    report: (reason: string) => void;
  }) {
    this.#origins = deps.origins;
    this.#currentKeys = deps.currentKeys;
    this.#report = deps.report;
  }

  async send(provider: UpstreamName, request: UpstreamRequest): Promise<UpstreamOutcome> {
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
    const targets: UpstreamTargets = {};
    for (const [name, origin] of Object.entries(this.#origins) as [UpstreamName, string][]) {
      targets[name] = { origin, apiKey: keys[name] };
    }
    const upstream = new HttpUpstream(targets);
    this.#open = { keys, upstream };
    return upstream;
  }
}
