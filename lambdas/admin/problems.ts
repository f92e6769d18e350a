/** RFC 9457 problems: `code` for programs, `title` for all of its kind, `detail` for this one. */
import { HTTPException } from 'hono/http-exception';
import * as z from 'zod';
import { TableUnavailable } from '../core/ports.ts';

const PROBLEMS = {
  invalid_request: [400, 'The request is not valid'],
  unauthorized: [401, 'An admin credential is needed'],
  own_request: [403, 'The approver is not the one who asked'],
  not_found: [404, 'There is nothing here'],
  idempotency_mismatch: [422, 'The idempotency key was used for something else'],
  call_in_flight: [409, 'The call may still be running'],
  call_settled: [409, 'The call was settled by what the provider said'],
  already_decided: [409, 'It was decided before'],
  too_many_charges: [422, 'More charges than one answer can add up'],
  ladder_unknown: [422, 'There is no such ladder'],
  not_redriven: [422, 'Nothing has to be worked again'],
  cap_not_supported: [422, 'This cap cannot be held strictly'],
  failed: [500, 'Something failed here'],
  mail_not_taken: [502, 'The mail was not taken'],
  ledger_unavailable: [503, 'The table cannot be reached'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

export const problemSchema = z.strictObject({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
  detail: z.string(),
});

/** Thrown by routes, rendered in one place. */
export class Problem extends Error {
  override name = 'Problem';
  readonly code: ProblemCode;
  constructor(code: ProblemCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

export function renderProblem(code: ProblemCode, detail: string): Response {
  const [status, title] = PROBLEMS[code];
  const body: z.infer<typeof problemSchema> = { type: 'about:blank', title, status, code, detail };
  const headers = { 'content-type': 'application/problem+json' };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      ...headers,
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(status === 503 && { 'retry-after': '1' }),
    },
  });
}

/** What zod found, a line for each member. */
export function detailOf({ issues }: z.core.$ZodError): string {
  return issues.map(({ path, message }) => `${path.map(String).join('.') || 'body'}: ${message}`).join('; ');
}

/** `report` hears of what is our own fault. */
export const onError =
  (report: (reason: string) => void) =>
  (error: Error): Response => {
    if (error instanceof Problem) return renderProblem(error.code, error.message);
    if (error instanceof HTTPException && error.status < 500)
      return renderProblem('invalid_request', error.message);
    report(`${error.name}: ${error.message}`);
    if (error instanceof TableUnavailable)
      return renderProblem('ledger_unavailable', 'Nothing was changed; try again in a moment.');
    return renderProblem('failed', 'The failure was reported; nothing can be said about its cause here.');
  };
