/** What all routes of the admin API share: their dependencies, pages, and how one is declared. */
import { createRoute, OpenAPIHono, type RouteConfig } from '@hono/zod-openapi';
import * as z from 'zod';
import type { DeadLetters } from '../core/dead-letters/dead-letters.ts';
import type { Directory } from '../core/directory/directory.ts';
import type { GrantDesk } from '../core/grants/grant-desk.ts';
import type { Ledger } from '../core/ledger/ledger.ts';
import type { Policy } from '../core/policy/policy.ts';
import type { Clock, FinanceMail, Ids, Table } from '../core/ports.ts';
import type { PriceOffice } from '../price-refresh/price-office.ts';
import type { SendTest } from '../webhook/send.ts';
import { detailOf, Problem, problemSchema } from './problems.ts';

export interface AdminDeps {
  directory: Directory;
  ledger: Ledger;
  table: Table;
  clock: Clock;
  ids: Ids;
  office: PriceOffice;
  grants: GrantDesk;
  mail: FinanceMail;
  deadLetters: DeadLetters;
  testWebhook: SendTest;
  /** Of the policy, by name. */
  ladders: readonly string[];
  /** Middle part of the keys that are made here, as in `sck_live_…`. */
  keyEnvironment: string;
  /** Whose days reports count by, and where mail goes. */
  org: Pick<Policy['org'], 'name' | 'timeZone' | 'financeEmail'>;
}

const PAGE_LENGTH = 100;
const PAGE_LENGTH_MAX = 1000;

export const pageQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^[1-9][0-9]{0,3}$/, `use a number from 1 to ${PAGE_LENGTH_MAX}`)
    .transform(Number)
    .refine((count) => count <= PAGE_LENGTH_MAX, `use a number from 1 to ${PAGE_LENGTH_MAX}`)
    .default(PAGE_LENGTH),
  /** `next_cursor` of the page before. */
  cursor: z.string().min(1).max(2000).optional(),
});
export const noQuery = z.strictObject({});

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() });

/** A page of the directory as the API answers it. A cursor that the table does not know is the caller's mistake. */
export async function listPage<T, W>(
  read: (limit: number, cursor?: string) => Promise<{ items: T[]; cursor: string | undefined }>,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
  toWire: (item: T) => W,
): Promise<{ items: W[]; next_cursor: string | null }> {
  const page = await read(limit, ...(cursor === undefined ? [] : [tableCursor(cursor)]));
  return { items: page.items.map(toWire), next_cursor: page.cursor ?? null };
}

/** Positions of the table are JSON in base64url. */
function tableCursor(text: string): string {
  try {
    z.record(z.string(), z.strictObject({ S: z.string() })).parse(JSON.parse(atob(toBase64(text))));
    return text;
  } catch {
    throw new Problem('invalid_request', 'cursor: give the next_cursor of the page before, unchanged');
  }
}
const toBase64 = (text: string): string => text.replaceAll('-', '+').replaceAll('_', '/');

export const newApp = (): OpenAPIHono =>
  new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) throw new Problem('invalid_request', detailOf(result.error));
    },
  });

const problemContent = { content: { 'application/problem+json': { schema: problemSchema } } };

export const jsonBody = <T extends z.ZodType>(schema: T) => ({
  required: true as const,
  content: { 'application/json': { schema } },
});

export const jsonAnswer = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

/** A route of the API, with the problems that every one of them may answer. */
export function adminRoute<const R extends RouteConfig>(route: R) {
  const problems = {
    400: { description: 'A member, parameter or value is not valid', ...problemContent },
    401: { description: 'The admin credential is missing or not known', ...problemContent },
    503: { description: 'The table cannot be reached; nothing was changed', ...problemContent },
  };
  return createRoute({ ...route, responses: { ...problems, ...route.responses } });
}

export const forbidden = (description: string) => ({ description, ...problemContent });
export const notFound = { description: 'There is no such thing', ...problemContent };
export const conflict = (description: string) => ({ description, ...problemContent });
export const unprocessable = (description: string) => ({ description, ...problemContent });
