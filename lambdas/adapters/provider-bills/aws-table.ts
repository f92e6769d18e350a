/**
 * AWS's bill as Data Exports write it in CSV: Cost and Usage Report 2.0 and FOCUS 1.0 or 1.2 with AWS columns (table
 * dictionaries of the AWS user guide; checked 2026-11-30). Only lines of Amazon Bedrock are read. Taxes and credits are
 * left out, since no call has them; discounts count.
 */
import * as z from 'zod';
import { times } from '../../core/pricing/ratio.ts';
import { Bill, UnreadableBill } from './bill.ts';
import { bedrockName, isBedrock, tokensInUnit, tokensOf } from './aws-names.ts';
import { dayOfText } from './bill-day.ts';
import { requireUsd } from './bill-document.ts';
import { numberOf } from './bill-number.ts';
import type { BillTable, Row } from './bill-rows.ts';

/** Columns by what they say, in each of the two exports. */
interface Layout {
  start: string;
  kind: string;
  cost: string;
  currency: string;
  usageType: string;
  quantity: string;
  unit: string;
  service: (row: Row) => string;
  product: string;
}

const CUR_2: Layout = {
  start: 'line_item_usage_start_date',
  kind: 'line_item_line_item_type',
  cost: 'line_item_unblended_cost',
  currency: 'line_item_currency_code',
  usageType: 'line_item_usage_type',
  quantity: 'line_item_usage_amount',
  unit: 'pricing_unit',
  service: (row) => row.optional('product_product_name') ?? productName(row.optional('product')),
  product: 'line_item_product_code',
};
const FOCUS: Layout = {
  start: 'ChargePeriodStart',
  kind: 'ChargeCategory',
  cost: 'BilledCost',
  currency: 'BillingCurrency',
  usageType: 'x_UsageType',
  quantity: 'ConsumedQuantity',
  unit: 'ConsumedUnit',
  service: (row) => row.text('ServiceName'),
  product: 'x_ServiceCode',
};

const LEFT_OUT = new Set(['Tax', 'Credit', 'Refund']);

export async function readAwsTable({ columns, each }: BillTable): Promise<Bill> {
  const layout = [CUR_2, FOCUS].find(({ cost, start, usageType }) =>
    [cost, start, usageType].every((column) => columns.has(column)),
  );
  if (layout === undefined)
    throw new UnreadableBill(
      `is no export of AWS: it lacks the columns of CUR 2.0 (${CUR_2.cost}, …) and of FOCUS with AWS columns (${FOCUS.cost}, ${FOCUS.usageType}, …)`,
    );
  const bill = new Bill();
  await each((row) => addLine(bill, row, layout));
  return bill;
}

function addLine(bill: Bill, row: Row, layout: Layout): void {
  const service = layout.service(row);
  if (!isBedrock(service, row.optional(layout.product) ?? '')) return;
  const kind = row.text(layout.kind);
  if (LEFT_OUT.has(kind)) {
    bill.notes.add(`lines of the kind ${kind} are not compared`);
    return;
  }
  requireUsd(row.text(layout.currency));
  const usageType = row.optional(layout.usageType) ?? kind;
  const perUnit = tokensInUnit(row.optional(layout.unit));
  const quantity = row.optional(layout.quantity);
  bill.add({
    day: dayOfText(row.text(layout.start), layout.start),
    name: bedrockName(service, usageType),
    usd: numberOf(row.text(layout.cost), layout.cost),
    ...(perUnit !== undefined &&
      quantity !== undefined && { tokens: tokensOf(usageType, wholeTokens(quantity, perUnit)) }),
  });
}

/** Quantities of thousands and millions are rounded somewhere behind the last token. */
function wholeTokens(quantity: string, perUnit: bigint): bigint {
  const { n, d } = times(numberOf(quantity, 'the quantity'), { n: perUnit, d: 1n });
  return (2n * n + d) / (2n * d);
}

const productSchema = z.looseObject({ product_name: z.string().optional() });

/** A map in one column: `{"product_name": "Claude Haiku 4.5 (Amazon Bedrock Edition)", …}`. */
function productName(text: string | undefined): string {
  if (text === undefined) return '';
  try {
    return productSchema.parse(JSON.parse(text)).product_name ?? '';
  } catch {
    throw new UnreadableBill('has a product that is no JSON');
  }
}
