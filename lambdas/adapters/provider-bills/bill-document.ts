/** JSON of cost and usage APIs: pages of buckets of results. Both OpenAI and Anthropic write these members. */
import * as z from 'zod';
import { NotJson, parseExactJson } from '../price-feeds/exact-json.ts';
import { UnreadableBill, type Bill } from './bill.ts';

const pageSchema = z.looseObject({
  data: z.array(z.looseObject({ results: z.array(z.looseObject({})) })),
  has_more: z.boolean().optional(),
});

export type Bucket = z.output<typeof pageSchema>['data'][number];
export type Result = Bucket['results'][number];

/** A page, or an array of them. Numbers keep their digits. */
export function bucketsOf(text: string, bill: Bill): Bucket[] {
  let document: unknown;
  try {
    document = parseExactJson(text);
  } catch (error) {
    if (error instanceof NotJson) throw new UnreadableBill(`is not whole JSON: ${error.message}`);
    throw error;
  }
  const pages = z.array(pageSchema).safeParse(Array.isArray(document) ? document : [document]);
  if (!pages.success || pages.data.length === 0)
    throw new UnreadableBill('is no answer of a cost or usage API: it has no `data` with `results`');
  if (pages.data.at(-1)!.has_more === true) bill.notes.add('more pages follow, which are not here');
  return pages.data.flatMap(({ data }) => data);
}

/** A member that is text where it is there. */
export function textOf(result: Result, member: string): string | null {
  const value = result[member] ?? null;
  if (value === null || typeof value === 'string') return value === '' ? null : value;
  throw new UnreadableBill(`has a ${member} that is no text`);
}

export function requireUsd(currency: unknown): void {
  if (typeof currency !== 'string' || currency.toLowerCase() !== 'usd')
    throw new UnreadableBill(`is in ${JSON.stringify(currency)}, and not in US dollars`);
}
