/**
 * Anthropic's cost and usage reports, as their API answers them: `GET /v1/organizations/cost_report` and
 * `/v1/organizations/usage_report/messages` (platform.claude.com/docs/en/api/admin; checked 2026-11-30). Amounts are
 * strings of cents: "123.45" is $1.23. `model` and `description` are there where the question grouped by description;
 * what tools cost has no model.
 */
import { times } from '../../core/pricing/ratio.ts';
import { Bill, UnreadableBill, type BilledTokens } from './bill.ts';
import { dayOfBucket, instantOfText } from './bill-day.ts';
import { bucketsOf, requireUsd, textOf, type Result } from './bill-document.ts';
import { countOf, numberOf } from './bill-number.ts';

export function readAnthropicDocument(text: string): Bill {
  const bill = new Bill();
  for (const { results, starting_at: from, ending_at: to } of bucketsOf(text, bill)) {
    const day = dayOfBucket(instantOf(from, 'starting_at'), instantOf(to, 'ending_at'));
    bill.days.add(day);
    for (const result of results) addResult(bill, day, result);
  }
  return bill;
}

function instantOf(value: unknown, what: string) {
  if (typeof value !== 'string') throw new UnreadableBill(`has a bucket without ${what}`);
  return instantOfText(value, what);
}

const CENT = { n: 1n, d: 100n };

function addResult(bill: Bill, day: string, result: Result): void {
  if (result['amount'] !== undefined) {
    requireUsd(result['currency']);
    const name = textOf(result, 'model') ?? textOf(result, 'description') ?? textOf(result, 'cost_type');
    bill.add({ day, name, usd: times(numberOf(result['amount'], 'amount'), CENT) });
  } else if (result['output_tokens'] !== undefined) {
    bill.add({ day, name: textOf(result, 'model'), tokens: usageTokens(result) });
  } else {
    throw new UnreadableBill(`has a result that is neither costs nor usage, on ${day}`);
  }
}

function usageTokens(result: Result): BilledTokens {
  const written = result['cache_creation'];
  if (typeof written !== 'object' || written === null)
    throw new UnreadableBill('has usage without cache_creation');
  const input = [
    countOf(result['uncached_input_tokens'], 'uncached_input_tokens'),
    countOf(result['cache_read_input_tokens'], 'cache_read_input_tokens'),
    ...Object.entries(written).map(([name, count]) => countOf(count, `cache_creation.${name}`)),
  ];
  return {
    input: input.reduce((total, count) => total + count, 0n),
    output: countOf(result['output_tokens'], 'output_tokens'),
  };
}
