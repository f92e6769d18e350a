/**
 * An event of API Gateway's REST proxy integration (payload 1.0) as the `Request` that the client sent. The path stays
 * as it came: `:` and `%3A` of model names are both legal and are not turned into each other.
 */
import type { APIGatewayProxyEvent } from 'aws-lambda';

export function requestFrom(event: APIGatewayProxyEvent, signal?: AbortSignal): Request {
  const { httpMethod: method } = event;
  const body = BODILESS.has(method) ? undefined : bodyOf(event);
  return new Request(ORIGIN + pathOf(event) + queryOf(event), {
    method,
    headers: headersOf(event),
    ...(body && { body }),
    ...(signal && { signal }),
  });
}

/**
 * Where people reach this gateway, as API Gateway saw the call: its own address with the stage, or a domain of one's
 * own. Undefined where the event does not say it.
 */
export function gatewayUrl({ path, requestContext }: APIGatewayProxyEvent): string | undefined {
  // Tools for testing leave either out.
  const { domainName, path: whole = '' } = requestContext as Partial<typeof requestContext>;
  return domainName !== undefined && whole.endsWith(path)
    ? `https://${domainName}${whole.slice(0, whole.length - path.length)}`
    : undefined;
}

/** API Gateway may invoke with something else than a call; such an event is answered with nothing. */
export const isProxyEvent = (event: unknown): event is APIGatewayProxyEvent =>
  typeof event === 'object' &&
  event !== null &&
  'httpMethod' in event &&
  typeof event.httpMethod === 'string' &&
  'path' in event &&
  typeof event.path === 'string';

/** The apps look at path and query only; which name the client used is never theirs to trust. */
const ORIGIN = 'https://spendcap.invalid';
const BODILESS = new Set(['GET', 'HEAD']);

/** A decoded `?` or `#` would begin another part of the address. */
const pathOf = ({ path }: APIGatewayProxyEvent): string =>
  path
    .replaceAll('?', '%3F')
    .replaceAll('#', '%23')
    .replace(/^(?!\/)/, '/');

/** The values come decoded. */
function queryOf({
  multiValueQueryStringParameters: many,
  queryStringParameters: single,
}: APIGatewayProxyEvent): string {
  const query = new URLSearchParams(pairsOf(many, single));
  return query.size === 0 ? '' : `?${query}`;
}

function headersOf({ multiValueHeaders: many, headers: single }: APIGatewayProxyEvent): Headers {
  const headers = new Headers();
  // As Node's own server gives them: one character a byte. Anything else would be refused by `Headers`.
  for (const [name, value] of pairsOf(many, single)) {
    headers.append(name, Buffer.from(value, 'utf8').toString('latin1'));
  }
  return headers;
}

/** The map of lists has everything that the plain one has; tools for testing often send only the plain one. */
function pairsOf(
  many: Record<string, string[] | undefined> | null | undefined,
  single: Record<string, string | undefined> | null | undefined,
): [string, string][] {
  if (many) {
    return Object.entries(many).flatMap(([name, values = []]) =>
      values.map((value): [string, string] => [name, value]),
    );
  }
  return Object.entries(single ?? {}).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
}

function bodyOf({ body, isBase64Encoded }: APIGatewayProxyEvent): Uint8Array<ArrayBuffer> | undefined {
  if (body === null) return undefined;
  return new Uint8Array(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'));
}
