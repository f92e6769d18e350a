/** Posts once: no redirect is followed, nothing of the answer but its status is read, and it ends in bounded time. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { lookupWithin, mayReach, OutOfReach, type Reach } from './reachable.ts';

export type PostOutcome = { kind: 'answered'; status: number } | { kind: 'failed'; reason: string };
export type Post = (
  url: string,
  message: { headers: Record<string, string>; body: string },
) => Promise<PostOutcome>;

/** Who receives says that it has it, and works later. */
const ANSWER_MS_MAX = 15_000;

/** Never rejects. `stop` ends what is under way. */
export function createPost({
  reach,
  timeoutMs = ANSWER_MS_MAX,
  stop,
}: {
  reach: Reach;
  timeoutMs?: number;
  stop?: AbortSignal;
}): Post {
  const lookup = lookupWithin(reach);
  return async (address, { headers, body }) => {
    const url = new URL(address);
    const late = AbortSignal.timeout(timeoutMs);
    const signal = stop === undefined ? late : AbortSignal.any([late, stop]);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    try {
      if (isIP(host) !== 0 && !mayReach(host, reach)) throw new OutOfReach(host);
      const status = await new Promise<number>((resolve, reject) => {
        const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
        const sent = Buffer.from(body, 'utf8');
        const request = send(
          url,
          {
            ...{ method: 'POST', lookup, signal, agent: false },
            headers: { ...headers, 'user-agent': 'spendcap', 'content-length': sent.length },
          },
          (response) => {
            resolve(response.statusCode!);
            response.destroy();
          },
        );
        request.on('error', reject);
        request.end(sent);
      });
      return { kind: 'answered', status };
    } catch (error) {
      const reason = late.aborted ? `no answer within ${timeoutMs / 1000} s` : (error as Error).message;
      return { kind: 'failed', reason };
    }
  };
}
