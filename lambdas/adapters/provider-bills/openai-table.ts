/**
 * OpenAI's costs and usage as the usage page exports them: CSV with the members of the API as columns, the instants in
 * Unix seconds and once more as text (headers of real exports of 2026-09, quoted in public code; checked 2026-11-30). A
 * day without costs is a row without an amount.
 */
import { Bill, UnreadableBill } from './bill.ts';
import { dayOfBucket, instantOfSeconds } from './bill-day.ts';
import { requireUsd } from './bill-document.ts';
import { countOf, numberOf } from './bill-number.ts';
import type { BillTable, Row } from './bill-rows.ts';
import { readLineItem, tokensOf } from './openai-names.ts';

export async function readOpenAiTable({ columns, each }: BillTable): Promise<Bill> {
  const bill = new Bill();
  const add = columns.has('amount_value') ? addCost : columns.has('input_tokens') ? addUsage : undefined;
  if (add === undefined || !columns.has('start_time') || !columns.has('end_time'))
    throw new UnreadableBill('is no export of OpenAI: it lacks start_time, and amount_value or input_tokens');
  await each((row) => add(bill, row));
  return bill;
}

function dayOf(row: Row): string {
  const [from, to] = ['start_time', 'end_time'].map((column) =>
    instantOfSeconds(countOf(row.text(column), column)),
  );
  return dayOfBucket(from!, to!);
}

function addCost(bill: Bill, row: Row): void {
  const day = dayOf(row);
  bill.days.add(day);
  const amount = row.optional('amount_value');
  if (amount === undefined) return;
  requireUsd(row.text('amount_currency'));
  const text = row.optional('line_item');
  const item = text === undefined ? undefined : readLineItem(text);
  const quantity = row.optional('quantity');
  const tokens =
    item && item.kind !== undefined && quantity !== undefined
      ? tokensOf(item, countOf(quantity, 'quantity'), row.optional('quantity_unit') ?? null)
      : undefined;
  bill.add({
    day,
    name: item?.name ?? null,
    usd: numberOf(amount, 'amount_value'),
    ...(tokens && { tokens }),
  });
}

function addUsage(bill: Bill, row: Row): void {
  const day = dayOf(row);
  bill.days.add(day);
  const count = (column: string): bigint => countOf(row.optional(column) ?? '0', column);
  const calls = row.optional('num_model_requests');
  const tokens = { input: count('input_tokens'), output: count('output_tokens') };
  if (calls === undefined && tokens.input + tokens.output === 0n) return;
  bill.add({
    day,
    name: row.optional('model') ?? null,
    tokens,
    ...(calls !== undefined && { calls: countOf(calls, 'num_model_requests') }),
  });
}
