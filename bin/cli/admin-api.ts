/** The admin API as the CLI uses it: one request a call, problems turned into sentences, no retries. */
import { credentialFor, type Credential, type Sign } from './credential.ts';
import { CliError, EXIT, usageError } from './exit.ts';

export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

export interface AdminAddress {
  url: string;
  sign: Sign;
  adminKey: string | undefined;
  /** Where its paths begin. */
  root: 'admin/v1' | 'v1';
}

const ANSWER_WITHIN_MS = 30_000;

export class AdminApi {
  /** Without a slash at its end. */
  readonly #base: string;
  readonly #root: AdminAddress['root'];
  readonly #who: () => Promise<Credential>;

  constructor({ url, root, ...who }: AdminAddress) {
    this.#root = root;
    this.#base = baseOf(url);
    const asking = { url: new URL(this.#base), environment: process.env, ...who };
    let credential: Promise<Credential> | undefined;
    this.#who = () => (credential ??= credentialFor(asking));
  }

  get(path: string, query: Record<string, string | undefined> = {}): Promise<JsonObject> {
    const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const search = given.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
    return this.#send('GET', search === '' ? path : `${path}?${search}`);
  }
  put(path: string, body: JsonObject): Promise<JsonObject> {
    return this.#send('PUT', path, body);
  }
  /** Without a body where the path says it all. */
  post(path: string, body?: JsonObject): Promise<JsonObject> {
    return this.#send('POST', path, body);
  }
  async delete(path: string): Promise<void> {
    await this.#send('DELETE', path);
  }

  /** The items of a list, page after page, up to `limit`; `next_cursor` is where to go on. */
  async list(
    path: string,
    {
      query = {},
      limit = Number.POSITIVE_INFINITY,
    }: { query?: Record<string, string | undefined>; limit?: number } = {},
  ): Promise<{ items: JsonObject[]; next_cursor: string | null }> {
    const items: JsonObject[] = [];
    let cursor = query['cursor'];
    do {
      const page = await this.get(path, { ...query, cursor });
      items.push(...((page['items'] ?? []) as JsonObject[]));
      cursor = (page['next_cursor'] as string | null | undefined) ?? undefined;
    } while (cursor !== undefined && items.length < limit);
    return { items, next_cursor: cursor ?? null };
  }

  /** `{}` for an answer without a body. */
  async #send(method: string, path: string, body?: JsonObject): Promise<JsonObject> {
    const credential = await this.#who();
    const url = new URL(`${this.#base}/${this.#root}/${path}`);
    const bodyText = body && JSON.stringify(body);
    const headers = await credential.headersFor({
      ...{ method, url, body: bodyText },
      headers: bodyText === undefined ? {} : { 'content-type': 'application/json' },
    });
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, {
        method,
        headers: { ...headers, accept: 'application/json' },
        ...(bodyText !== undefined && { body: bodyText }),
        // The key goes to the address that was named, and nowhere else.
        redirect: 'error',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      text = await response.text();
    } catch (error) {
      throw method !== 'GET' && isLost(error) ? this.#lost(path, error) : this.#unreachable(error);
    }
    const json = parseObject(text);
    if (response.ok && (json !== undefined || text === '')) return json ?? {};
    if (json === undefined || response.ok) throw this.#notSpendcap(response.status);
    throw new CliError(
      EXIT.refused,
      sentenceOf(response.status, json),
      adviceFor(response, json, { credential, root: this.#root }),
    );
  }

  #unreachable(error: unknown): CliError {
    return new CliError(
      EXIT.unreachable,
      `No Spendcap answers at ${this.#base} (${causeOf(error)}).`,
      'Start a local one with `npm start`, or name another with --url or SPENDCAP_URL.',
    );
  }

  /** Only whoever looks can know whether it was carried out. */
  #lost(path: string, error: unknown): CliError {
    const noun = NOUN_OF_PATH[path.split('/')[0]!];
    return new CliError(
      EXIT.unreachable,
      `The answer of ${this.#base} was lost (${causeOf(error)}): the change may have been made.`,
      noun && `Look before you repeat it: spendcap ${noun} list.`,
    );
  }

  #notSpendcap(status: number): CliError {
    return new CliError(
      EXIT.unreachable,
      `What answers at ${this.#base} (status ${status}) is not a Spendcap admin API.`,
      'Check --url or SPENDCAP_URL.',
    );
  }
}

function baseOf(url: string): string {
  if (!/^https?:\/\/[^/?#@]+(\/[^?#]*)?$/.test(url) || !URL.canParse(url)) {
    throw usageError(
      `The address ${JSON.stringify(url)} is not one of a server.`,
      'Give scheme, host and port, as in http://127.0.0.1:8787, or the output `Url` of a deployment.',
    );
  }
  const base = url.replace(/\/+$/, '');
  const ending = /\/(?:admin(?:\/v1)?|v1)$/.exec(base)?.[0];
  if (ending === undefined) return base;
  throw usageError(
    `The address ${url} goes too far.`,
    `Leave ${ending} out: the command adds its own paths.`,
  );
}

function adviceFor(
  { status, headers }: Response,
  json: JsonObject,
  { credential, root }: { credential: Credential; root: AdminAddress['root'] },
): string | undefined {
  if (status === 503) return 'Try again in a moment.';
  if (status !== 401 && status !== 403) return undefined;
  if (root === 'v1') return 'Check SPENDCAP_KEY or --key.';
  const code = memberOf(json['error'], 'code');
  return credential.adviceFor({ status, code, awsError: headers.get('x-amzn-errortype')?.split(':')[0] });
}

function memberOf(json: Json | undefined, name: string): string | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const value = json[name];
  return typeof value === 'string' ? value : undefined;
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const json = JSON.parse(text) as Json;
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 9457: title and detail. The front door of a deployment has an `error`, AWS itself a `message`. */
function sentenceOf(status: number, json: JsonObject): string {
  const members = [json['title'], json['detail'], memberOf(json['error'], 'message'), json['message']];
  const said = members.filter((text): text is string => typeof text === 'string' && text !== '');
  if (said.length === 0) return `The server refused with status ${status}.`;
  const sentence = said.map((text) => text.replace(/\.$/, '')).join(': ');
  return `${sentence}.`;
}

const NOUN_OF_PATH: Record<string, string> = {
  caps: 'cap',
  grants: 'grant',
  keys: 'key',
  users: 'user',
  prices: 'price',
  quarantine: 'quarantine',
};

/** The request may have arrived; all other failures are those of a connection that was never made. */
function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = (error.cause ?? {}) as { code?: string };
  return (
    error.name === 'TimeoutError' || code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
  );
}

/** What the socket said, not that fetch failed. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${ANSWER_WITHIN_MS / 1000} s`;
  let cause: unknown = error.cause;
  if (cause instanceof AggregateError) cause = cause.errors[0];
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
