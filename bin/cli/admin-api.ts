/** The admin API as the CLI uses it: one request a call, problems turned into sentences, no retries. */
import { CliError, EXIT, usageError } from './exit.ts';

export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

export interface AdminAddress {
  url: string;
  adminKey: string | undefined;
}

const ANSWER_WITHIN_MS = 30_000;

export class AdminApi {
  readonly #base: string;
  readonly #adminKey: string | undefined;

  constructor({ url, adminKey }: AdminAddress) {
    if (!/^https?:\/\/[^/?#@]+\/*$/.test(url) || !URL.canParse(url)) {
      throw usageError(
        `The address ${JSON.stringify(url)} is not one of a server.`,
        'Give scheme, host and port only, as in http://127.0.0.1:8787.',
      );
    }
    this.#base = url.replace(/\/+$/, '');
    this.#adminKey = adminKey === '' ? undefined : adminKey;
  }

  get(path: string, query: Record<string, string | undefined> = {}): Promise<JsonObject> {
    const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const search = given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
    return this.#send('GET', path + search);
  }
  put(path: string, body: JsonObject): Promise<JsonObject> {
    return this.#send('PUT', path, body);
  }
  post(path: string, body: JsonObject): Promise<JsonObject> {
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
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.#base}/admin/v1/${path}`, {
        method,
        headers: {
          accept: 'application/json',
          ...(this.#adminKey !== undefined && { authorization: `Bearer ${this.#adminKey}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // The key goes to the address that was named, and nowhere else.
        redirect: 'error',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      text = await response.text();
    } catch (error) {
      throw this.#unreachable(error);
    }
    const json = parseObject(text);
    if (response.ok && (json !== undefined || text === '')) return json ?? {};
    if (json === undefined || response.ok) throw this.#notSpendcap(response.status);
    throw this.#refused(response.status, json);
  }

  #refused(status: number, problem: JsonObject): CliError {
    const advice = this.#adviceFor(status);
    return new CliError(EXIT.refused, sentenceOf(status, problem), advice);
  }

  #adviceFor(status: number): string | undefined {
    if (status === 401 || status === 403) {
      return this.#adminKey === undefined
        ? 'Set SPENDCAP_ADMIN_KEY to the admin key; a local server prints it when it starts.'
        : 'Check SPENDCAP_ADMIN_KEY or --admin-key; a local server prints its key when it starts.';
    }
    if (status === 503) return 'Try again in a moment.';
    return undefined;
  }

  #unreachable(error: unknown): CliError {
    return new CliError(
      EXIT.unreachable,
      `No Spendcap answers at ${this.#base} (${causeOf(error)}).`,
      'Start a local one with `npm start`, or name another with --url or SPENDCAP_URL.',
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

function parseObject(text: string): JsonObject | undefined {
  try {
    const json = JSON.parse(text) as Json;
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 9457: title, detail, and which member is wrong where the problem says so. */
function sentenceOf(status: number, problem: JsonObject): string {
  const { title, detail } = problem;
  const said = [title, detail].filter((text): text is string => typeof text === 'string' && text !== '');
  if (said.length === 0) return `The server refused with status ${status}.`;
  const sentence = said.map((text) => text.replace(/\.$/, '')).join(': ');
  return `${sentence}.`;
}

/** What the socket said, not that fetch failed. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${ANSWER_WITHIN_MS / 1000} s`;
  let cause: unknown = error.cause;
  if (cause instanceof AggregateError) cause = cause.errors[0];
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
