/** What the provider billed, by its own record of each request, at prices that stand here as literals. */
import type { SimulatedProvider } from '../../local/simulated-provider/server.ts';
import type { SimulatedRequest } from '../../local/simulated-provider/truth.ts';

/** Picodollars a token: $0.40 and $1.60, $1.00 and $5.00 a million. The product's own prices are no witness here. */
const PRICES: Record<string, { input: bigint; output: bigint } | undefined> = {
  'gpt-4.1-mini': { input: 400_000n, output: 1_600_000n },
  'claude-haiku-4-5': { input: 1_000_000n, output: 5_000_000n },
};

export interface Truth {
  /** Requests that reached the provider. */
  requests: number;
  /** Requests that are being answered. */
  open: number;
  picoUsd: bigint;
  picoUsdByUser: ReadonlyMap<string, bigint>;
  /** By the call's tag. */
  picoUsdByCall: ReadonlyMap<string, bigint>;
  /** Calls that reached the provider more than once. */
  repeated: string[];
}

export const tagOf = (user: string, call: number): string => `${user}.${call}`;
const userOfTag = (tag: string): string => tag.slice(0, tag.lastIndexOf('.'));

export function truthOf(provider: SimulatedProvider): Truth {
  const requests = provider.requests();
  const picoUsdByUser = new Map<string, bigint>();
  const picoUsdByCall = new Map<string, bigint>();
  const repeated: string[] = [];
  let picoUsd = 0n;
  for (const request of requests) {
    const { tag } = request;
    if (tag === null) continue; // it has only just come
    const bill = billOf(request);
    if (picoUsdByCall.has(tag)) repeated.push(tag);
    picoUsdByCall.set(tag, (picoUsdByCall.get(tag) ?? 0n) + bill);
    picoUsd += bill;
    const user = userOfTag(tag);
    picoUsdByUser.set(user, (picoUsdByUser.get(user) ?? 0n) + bill);
  }
  const open = requests.filter(({ outcome }) => outcome === 'open').length;
  return { requests: requests.length, open, picoUsd, picoUsdByUser, picoUsdByCall, repeated };
}

function billOf({ billed, servedModel, model }: SimulatedRequest): bigint {
  if (billed === null) return 0n;
  const price = PRICES[servedModel ?? model ?? ''];
  if (!price) throw new Error(`no price of ${servedModel} stands here`);
  if (billed.cacheRead + billed.cacheWrite + billed.cacheWrite1h > 0)
    throw new Error('no cache was asked for');
  return BigInt(billed.input) * price.input + BigInt(billed.output) * price.output;
}
