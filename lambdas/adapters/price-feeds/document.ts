/**
 * Fetches one document: as little as possible (conditional requests), as much as is reasonable (a size and a time), from
 * the host that was named and no other. Never throws; what went wrong is a sentence for the person who reads the refresh.
 */

export interface KnownDocument {
  etag: string | undefined;
  lastModified: string | undefined;
}

export type FetchedDocument =
  | ({ kind: 'read'; text: string } & KnownDocument)
  | { kind: 'unchanged' }
  | { kind: 'failed'; reason: string };

export interface FetchOptions {
  /** After decoding. The largest of the feeds had 4 MB when they were read (2026-11). */
  bytesMax?: number;
  timeoutMs?: number;
  signal?: AbortSignal;
}

const BYTES_MAX = 16 * 1024 * 1024;
const TIMEOUT_MS = 15_000;
const REDIRECTS_MAX = 3;

export async function fetchDocument(
  url: string,
  known: KnownDocument,
  { bytesMax = BYTES_MAX, timeoutMs = TIMEOUT_MS, signal: stop }: FetchOptions = {},
): Promise<FetchedDocument> {
  const late = AbortSignal.timeout(timeoutMs);
  const signal = stop === undefined ? late : AbortSignal.any([late, stop]);
  try {
    const response = await follow(new URL(url), known, signal);
    if ('reason' in response) return { kind: 'failed', reason: response.reason };
    if (response.status === 304) return { kind: 'unchanged' };
    if (response.status !== 200)
      return { kind: 'failed', reason: `it answered with status ${response.status}` };
    const text = await textOf(response, bytesMax);
    if (text === undefined) return { kind: 'failed', reason: `it has more than ${bytesMax} bytes` };
    const { headers } = response;
    return {
      kind: 'read',
      text,
      etag: headers.get('etag') ?? undefined,
      lastModified: headers.get('last-modified') ?? undefined,
    };
  } catch (error) {
    return {
      kind: 'failed',
      reason: late.aborted ? `no answer within ${timeoutMs / 1000} s` : causeOf(error),
    };
  }
}

async function follow(
  from: URL,
  known: KnownDocument,
  signal: AbortSignal,
): Promise<Response | { reason: string }> {
  let url = from;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    const response = await fetch(url, { headers: headersFor(known), redirect: 'manual', signal });
    if (![301, 302, 303, 307, 308].includes(response.status)) return response;
    await response.body?.cancel();
    const location = response.headers.get('location') ?? '';
    if (!URL.canParse(location, url)) return { reason: 'it redirects to nowhere' };
    const next = new URL(location, url);
    if (next.host !== from.host || next.protocol !== from.protocol)
      return { reason: `it redirects to another host, ${next.host}` };
    url = next;
  }
  return { reason: `it redirects more than ${REDIRECTS_MAX} times` };
}

function headersFor({ etag, lastModified }: KnownDocument): Record<string, string> {
  return {
    accept: 'application/json',
    'accept-encoding': 'gzip, deflate, br',
    'user-agent': 'spendcap',
    ...(etag !== undefined && { 'if-none-match': etag }),
    ...(lastModified !== undefined && { 'if-modified-since': lastModified }),
  };
}

/** Undefined where there is more than `bytesMax`; the rest is not read. Throws for text that is not UTF-8. */
async function textOf(response: Response, bytesMax: number): Promise<string | undefined> {
  if (response.body === null) return '';
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const pieces: string[] = [];
  let bytes = 0;
  for await (const chunk of response.body as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (bytes > bytesMax) return undefined;
    pieces.push(decoder.decode(chunk, { stream: true }));
  }
  pieces.push(decoder.decode());
  return pieces.join('');
}

/** What the socket or the decoder said, not that fetch failed. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  let { cause } = error;
  if (cause instanceof AggregateError) cause = cause.errors[0] as unknown;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
