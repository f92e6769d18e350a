/** Step 1: the body, whole, up to the limit that Lambda has too, and nothing parsed before the caller is known. */
import { sha256 } from '../request-ids.ts';
import { passed, refused, type Refusal, type Stepped } from '../refusals.ts';

/** Lambda's own request limit; local mode keeps it so that what works here works there. */
export const BODY_BYTES_MAX = 6 * 1024 * 1024;

export interface Intercepted {
  bytes: Uint8Array<ArrayBuffer>;
  /** Hex SHA-256 of the body. */
  hash(): Promise<string>;
}

export async function intercept(request: Request): Promise<Stepped<Intercepted>> {
  const encoding = request.headers.get('content-encoding');
  if (encoding !== null && encoding !== 'identity') {
    return refused({
      code: 'invalid_request',
      message: `The request body is compressed (${encoding}); send it without content-encoding.`,
    });
  }
  if (Number(request.headers.get('content-length') ?? 0) > BODY_BYTES_MAX) return refused(tooLarge());
  const bytes = await readUpTo(request.body, BODY_BYTES_MAX);
  return bytes ? passed({ bytes, hash: () => sha256(bytes) }) : refused(tooLarge());
}

export function decodeText(bytes: Uint8Array): Stepped<string> {
  try {
    return passed(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return refused({ code: 'invalid_request', message: 'The request body is not valid UTF-8.' });
  }
}

const tooLarge = (): Refusal => ({
  code: 'request_too_large',
  message:
    'The request body is larger than 6 MB; send large files by reference, fewer or shorter ones, or a shorter history.',
});

/** Undefined as soon as the body is larger; the rest is not read. */
async function readUpTo(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (body) {
    for await (const chunk of body) {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) return undefined;
      chunks.push(chunk);
    }
  }
  const whole = new Uint8Array(bytes);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
