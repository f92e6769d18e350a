/**
 * OpenAI's organization costs and usage, as their API answers them: `GET /v1/organization/costs` and
 * `/v1/organization/usage/*` (developers.openai.com/api/reference, and the types of openai 7.57.0; checked 2026-11-30).
 * Costs are dollars, as JSON numbers or as strings of thirty digits; `line_item` and `model` are there where the question
 * grouped by them. Input tokens of usage have cached ones among them.
 */
import { Bill, UnreadableBill, type BilledTokens } from './bill.ts';
import { dayOfBucket, instantOfSeconds } from './bill-day.ts';
import { bucketsOf, requireUsd, textOf, type Result } from './bill-document.ts';
import { countOf, numberOf } from './bill-number.ts';
import { readLineItem, tokensOf } from './openai-names.ts';

export function readOpenAiDocument(text: string): Bill {
  const bill = new Bill();
  for (const { results, start_time: from, end_time: to } of bucketsOf(text, bill)) {
    const day = dayOfBucket(
      instantOfSeconds(countOf(from, 'start_time')),
      instantOfSeconds(countOf(to, 'end_time')),
    );
    bill.days.add(day);
    for (const result of results) addResult(bill, day, result);
  }
  return bill;
}

const COSTS = 'organization.costs.result';
const USAGE = /^organization\.usage\.[a-z_]+\.result$/;

function addResult(bill: Bill, day: string, result: Result): void {
  const { object } = result;
  if (object === COSTS) addCost(bill, day, result);
  else if (typeof object === 'string' && USAGE.test(object)) addUsage(bill, day, result, object);
  else throw new UnreadableBill(`has a result that is neither costs nor usage: ${JSON.stringify(object)}`);
}

function addCost(bill: Bill, day: string, result: Result): void {
  const amount = result['amount'];
  if (typeof amount !== 'object' || amount === null || !('value' in amount) || !('currency' in amount))
    throw new UnreadableBill(`has costs without an amount, on ${day}`);
  requireUsd(amount.currency);
  const text = textOf(result, 'line_item');
  const item = text === null ? undefined : readLineItem(text);
  const quantity = result['quantity'] ?? null;
  const tokens =
    item && item.kind !== undefined && quantity !== null
      ? tokensOf(item, countOf(quantity, 'quantity'), textOf(result, 'quantity_unit'))
      : undefined;
  bill.add({
    day,
    name: item?.name ?? null,
    usd: numberOf(amount.value, 'amount.value'),
    ...(tokens && { tokens }),
  });
}

/** Of storage and sessions there is neither a model nor a token. */
function addUsage(bill: Bill, day: string, result: Result, object: string): void {
  const tokens = usageTokens(result);
  const calls = result['num_model_requests'];
  if (tokens === undefined && calls === undefined) {
    bill.notes.add(`${object} is not compared: it has neither tokens nor calls of a model`);
    return;
  }
  bill.add({
    day,
    name: textOf(result, 'model'),
    ...(tokens && { tokens }),
    ...(calls !== undefined && { calls: countOf(calls, 'num_model_requests') }),
  });
}

function usageTokens(result: Result): BilledTokens | undefined {
  const { input_tokens: input, output_tokens: output } = result;
  if (input === undefined && output === undefined) return undefined;
  return {
    input: input === undefined ? 0n : countOf(input, 'input_tokens'),
    output: output === undefined ? 0n : countOf(output, 'output_tokens'),
  };
}
