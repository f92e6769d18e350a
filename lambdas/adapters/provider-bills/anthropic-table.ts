/**
 * Anthropic's costs and usage as the console exports them, `claude_api_cost_*.csv` and `claude_api_tokens_*.csv` (headers
 * of real exports of 2025-06 to 2026-09, quoted in public code; checked 2026-11-30). Costs are dollars, each row rounded to
 * the cent, and name models as people do: `Claude Haiku 4.5`.
 */
import { Bill, UnreadableBill } from './bill.ts';
import { dayOfText } from './bill-day.ts';
import { countOf, numberOf, roundingOf } from './bill-number.ts';
import type { BillTable, Row } from './bill-rows.ts';

const DAY = 'usage_date_utc';

export async function readAnthropicTable({ columns, each }: BillTable): Promise<Bill> {
  const bill = new Bill();
  const add = columns.has('cost_usd') ? addCost : columns.has('usage_output_tokens') ? addUsage : undefined;
  if (add === undefined || !columns.has(DAY))
    throw new UnreadableBill(
      `is no export of Anthropic: it lacks ${DAY}, and cost_usd or usage_output_tokens`,
    );
  await each((row) => add(bill, row));
  return bill;
}

function addCost(bill: Bill, row: Row): void {
  const cost = row.text('cost_usd');
  bill.add({
    day: dayOfText(row.text(DAY), DAY),
    name: row.optional('model') ?? row.optional('cost_type') ?? row.optional('token_type') ?? null,
    usd: numberOf(cost, 'cost_usd'),
    rounding: roundingOf(cost),
  });
}

const INPUT = [
  'usage_input_tokens_no_cache',
  'usage_input_tokens_cache_write_5m',
  'usage_input_tokens_cache_write_1h',
  'usage_input_tokens_cache_read',
];

function addUsage(bill: Bill, row: Row): void {
  const count = (column: string): bigint => countOf(row.optional(column) ?? '0', column);
  bill.add({
    day: dayOfText(row.text(DAY), DAY),
    name: row.text('model_version'),
    tokens: {
      input: INPUT.reduce((total, column) => total + count(column), 0n),
      output: count('usage_output_tokens'),
    },
  });
}
