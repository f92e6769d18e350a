/** A request body as its endpoint reads it, and as it goes to the provider. */
import type { BodyEdits, CallShape, Endpoint, FormEndpoint, JsonEndpoint } from './endpoint.ts';
import { parseJsonDocument, textsIn, type JsonValue } from './json-document.ts';
import { withMember } from './json-edits.ts';
import { passed, refused, type Stepped } from './refusals.ts';
import { sha256 } from './request-ids.ts';
import { decodeText, type Intercepted } from './steps/intercept.ts';

export interface OutgoingBody {
  contentType: string;
  bodyFor(edits: BodyEdits): string | Uint8Array<ArrayBuffer>;
}

export interface ReadCall {
  shape: CallShape;
  /** Everything that can hold text, for the bound of input tokens. */
  texts: JsonValue;
  outgoing: OutgoingBody;
  /** Hex SHA-256 of what the body says: equal for a call and its repeats. */
  hash: () => Promise<string>;
}

export function readCall(
  endpoint: Endpoint,
  body: Intercepted,
  headers: Headers,
): Stepped<ReadCall> | Promise<Stepped<ReadCall>> {
  return endpoint.body === 'json' ? readJson(endpoint, body, headers) : readForm(endpoint, body, headers);
}

function readJson(endpoint: JsonEndpoint, body: Intercepted, headers: Headers): Stepped<ReadCall> {
  const text = decodeText(body.bytes);
  if (!text.ok) return text;
  const parsed = parseJsonDocument(text.value);
  if ('problem' in parsed) return invalid(parsed.problem);
  const { document } = parsed;
  const read = endpoint.readCall(document, headers);
  if (!read.ok) return read;
  const shape = read.value;
  const bodyFor = (edits: BodyEdits): string => {
    const edited = endpoint.bodyFor(document, shape, edits);
    return edits.model === undefined ? edited : withMember(edited, ['model'], edits.model);
  };
  return passed({
    shape,
    texts: textsIn(document.text),
    outgoing: { contentType: 'application/json', bodyFor },
    hash: () => body.hash(),
  });
}

/** One boundary and no other parameter: what a lenient reader could take otherwise is no form. */
const MULTIPART = /^multipart\/form-data; ?boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'+.-]{1,70}))$/i;
/** More than any real request has, and little enough to be read quickly. */
const FORM_MEMBERS_MAX = 1_000;

/**
 * The bytes are forwarded as they came, so both sides must read the same form: the platform's reader is strict
 * (WHATWG Fetch), and a member that stands twice is refused, but for lists, whose names end in `[]`.
 */
async function readForm(
  endpoint: FormEndpoint,
  { bytes }: Intercepted,
  headers: Headers,
): Promise<Stepped<ReadCall>> {
  const contentType = headers.get('content-type') ?? '';
  const multipart = MULTIPART.exec(contentType);
  if (!multipart) return invalid('The request must be multipart/form-data with a boundary.');
  if (hasMoreThan(FORM_MEMBERS_MAX, `--${multipart[1] ?? multipart[2]}`, bytes))
    return invalid(`The form has more than ${FORM_MEMBERS_MAX} members.`);
  const form = await new Response(bytes, { headers: { 'content-type': contentType } })
    .formData()
    .catch(() => undefined);
  if (!form) return invalid('The request body is no valid multipart/form-data.');
  const seen = new Set<string>();
  const names = [...form.keys()].filter((name) => !name.endsWith('[]'));
  const twice = names.find((name) => seen.has(name) || !seen.add(name));
  if (twice !== undefined) return invalid(`The member "${twice}" stands twice in the form.`);
  const read = await endpoint.readCall(form);
  if (!read.ok) return read;
  const texts = [...form.values()].filter((value) => typeof value === 'string');
  return passed({
    shape: read.value,
    texts,
    outgoing: { contentType, bodyFor: () => bytes },
    hash: () => hashOfForm(form),
  });
}

/** Counts what looks like the start of a member, before the form is read. */
function hasMoreThan(count: number, delimiter: string, bytes: Uint8Array): boolean {
  const text = new TextDecoder('latin1').decode(bytes);
  let found = 0;
  for (let at = text.indexOf(delimiter); at !== -1; at = text.indexOf(delimiter, at + delimiter.length)) {
    found += 1;
    // The last one ends the form.
    if (found > count + 1) return true;
  }
  return false;
}

/** Of its members in their order. Not of the bytes: clients make up a boundary for each request, repeats too. */
async function hashOfForm(form: FormData): Promise<string> {
  const members = [...form].map(async ([name, value]) =>
    typeof value === 'string'
      ? [name, value]
      : [name, value.name, value.type, await sha256(new Uint8Array(await value.arrayBuffer()))],
  );
  return sha256(JSON.stringify(await Promise.all(members)));
}

const invalid = (message: string) => refused({ code: 'invalid_request', message });
