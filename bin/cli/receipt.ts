/** `spendcap receipt`: what one call cost and why, and whether a receipt follows from itself (needs no server). */
import type { Command } from 'commander';
import type { Receipt, ReceiptLine } from '../../lambdas/core/receipts/receipt-document.ts';
import type { ReceiptCheck } from '../../lambdas/core/receipts/verify-receipt.ts';
import { CliError, EXIT, usageError } from './exit.ts';
import { adminApi, optionsOf } from './global-options.ts';
import { readJson } from './json-input.ts';
import { cellText, printData, printJson, printRecord, printTable } from './terminal.ts';

export function addReceiptCommands(program: Command): void {
  const receipt = program
    .command('receipt')
    .helpCommand(false)
    .description('what one call cost and why, and a check that needs no server');

  receipt
    .command('show')
    .description('the usage block as it was read, the price card, each line of the sum, what it moved')
    .argument('<request>', 'the request id, as on the response')
    .action(async (request: string, _own: object, command: Command) => {
      const options = optionsOf(command);
      const answer = await adminApi(options).get(`ledger/requests/${encodeURIComponent(request)}/receipt`);
      if (options.json) printJson(answer);
      else await printReceipt(answer as unknown as Receipt);
    });

  receipt
    .command('verify')
    .description('compute a receipt again, from nothing but itself')
    .argument('<file>', 'JSON file: a receipt, or an answer of /v1/requests/{id}; - reads stdin')
    .addHelpText(
      'after',
      `
Example:
  spendcap receipt show --json req_… | spendcap receipt verify -`,
    )
    .action(async (file: string, _own: object, command: Command) => {
      const { json } = optionsOf(command);
      const { verifyReceipt } = await import('../../lambdas/core/receipts/verify-receipt.ts');
      const check = await verifyReceipt(receiptIn(await readJson(file)));
      if (check.kind === 'not_a_receipt') {
        throw usageError(
          `${file === '-' ? 'stdin' : file} holds no receipt: ${check.reason}.`,
          'Give what "spendcap receipt show --json" prints, or an answer of /v1/requests/{id}.',
        );
      }
      const { differences } = check;
      if (json) printJson({ verified: differences.length === 0, differences });
      else printData(checkText(check));
      if (differences.length > 0)
        throw new CliError(EXIT.refused, 'The receipt does not follow from itself.');
    });
}

/** Of an answer of /v1/requests/{id} its receipt. */
function receiptIn(document: unknown): unknown {
  const isAnswer = typeof document === 'object' && document !== null && 'receipt' in document;
  return isAnswer ? document.receipt : document;
}

function checkText({ receipt, differences, lines }: ReceiptCheck & { kind: 'checked' }): string {
  if (differences.length > 0) {
    return differences
      .map(
        ({ where, expected, found }) => `${where}: expected ${cellText(expected)}, found ${cellText(found)}`,
      )
      .join('\n');
  }
  const id = cellText(receipt.request_id);
  if (!receipt.pricing) return `${id}: $${receipt.cost_usd}; nothing was computed: ${receipt.pricing_note!}`;
  return `${id}: ${lines} lines computed again, $${receipt.pricing.total_usd}`;
}

async function printReceipt(receipt: Receipt): Promise<void> {
  const { user, team, app, feature, pricing } = receipt;
  printRecord([
    ['request', receipt.request_id],
    ['at', receipt.at],
    ['for', `${user ?? 'the app itself'}, team ${team}, app ${app}, feature ${feature}`],
    ['model', `${receipt.model} (${receipt.dialect})`],
    ['outcome', receipt.outcome],
    ['usage block', receipt.usage_block ?? receipt.usage_note],
    ...(receipt.evidence === null ? [] : [['evidence', receipt.evidence] as const]),
  ]);
  printData('');
  if (pricing) {
    await printTable(pricing.lines, LINE_COLUMNS);
    for (const { id, sha256, paid_factor, card } of pricing.cards) {
      printData('');
      printRecord([
        ['card', id],
        ...(paid_factor === null ? [] : [['paid', `${paid_factor} of its prices`] as const]),
        ['sha-256', sha256],
        ['checked', card['checkedOn']],
        ...(card['sources'] as string[]).map((source) => ['source', source] as const),
      ]);
    }
  } else {
    printData(cellText(receipt.pricing_note));
  }
  printData('');
  await printTable(receipt.accounts, ACCOUNT_COLUMNS);
  printData(`\ncharged $${receipt.cost_usd}`);
  for (const { cost_usd, evidence } of receipt.adjustments)
    printData(`corrected by $${cost_usd}, evidence: ${cellText(evidence)}`);
  if (receipt.adjustments.length > 0) printData(`in all $${receipt.final_cost_usd}`);
}

const right = 'right' as const;
const LINE_COLUMNS = [
  { title: 'what', value: ({ what }: ReceiptLine) => what },
  { title: 'quantity', value: ({ quantity }: ReceiptLine) => quantity, align: right },
  { title: 'x usd', value: ({ usd }: ReceiptLine) => usd, align: right },
  { title: '/ per', value: ({ per }: ReceiptLine) => per, align: right },
  { title: 'x factor', value: ({ factor }: ReceiptLine) => factor, align: right },
  { title: '= usd', value: ({ amount_usd }: ReceiptLine) => amount_usd, align: right },
];

type Account = Receipt['accounts'][number];
const ACCOUNT_COLUMNS = [
  { title: 'account', value: ({ account }: Account) => account },
  { title: 'metric', value: ({ metric }: Account) => metric },
  { title: 'window', value: ({ window_key }: Account) => window_key },
  { title: 'held', value: ({ held }: Account) => held, align: right },
  { title: 'charged', value: ({ charged }: Account) => charged, align: right },
];
