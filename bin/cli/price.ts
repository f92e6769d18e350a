/** `spendcap price`: what calls cost, with the calculator that the gateway runs. `check` and `quote` need no server. */
import type { Command } from 'commander';
import type { QuoteLine } from './price-quote.ts';
import type { PriceCard } from '../../lambdas/core/pricing/card.ts';
import { CliError, EXIT, usageError } from './exit.ts';
import { addPriceChangeCommands } from './price-changes.ts';
import { optionsOf } from './global-options.ts';
import { parseJson, readJson, readStdin } from './json-input.ts';
import { printData, printJson, printTable } from './terminal.ts';

interface QuoteOptions {
  model: string;
  usage: string;
  dialect: string;
  serviceTier?: string;
}

export function addPriceCommands(program: Command): void {
  const price = program
    .command('price')
    .helpCommand(false)
    .description('prices, what calls cost by them, and who changes them');

  addPriceChangeCommands(price);

  price
    .command('check')
    .description(
      'needs no server: compute every vector of a file (format cost-vectors/1), and show those that differ',
    )
    .argument('<file>', 'JSON file')
    .action(async (file: string, _own: object, command: Command) => {
      const { json } = optionsOf(command);
      const document = await readJson(file);
      const { checkVectors, reportLines, UnreadableVectors } =
        await import('../../lambdas/adapters/providers/check-vectors.ts');
      try {
        const report = checkVectors(document);
        if (json) printJson(report);
        else printData(reportLines(report).join('\n'));
        if (report.failed > 0) throw new CliError(EXIT.refused, 'Amounts differ from what the file expects.');
      } catch (error) {
        if (error instanceof UnreadableVectors) {
          throw usageError(`${file} is not in the format cost-vectors/1.`, error.message);
        }
        throw error;
      }
    });

  price
    .command('quote')
    .description('needs no server: what one call costs by the prices of this release, line by line')
    .requiredOption('--model <model>', 'model, by its exact name')
    .requiredOption('--usage <json>', 'usage block, as the provider sent it; - reads it from stdin')
    .requiredOption('--dialect <dialect>', 'whose usage block it is, as in openai-chat or anthropic-messages')
    .option('--service-tier <tier>', 'service tier that the answer reports')
    .addHelpText(
      'after',
      `
Example:
  spendcap price quote --model gpt-4o --dialect openai-chat --usage '{"prompt_tokens": 1000, "completion_tokens": 500}'`,
    )
    .action(async (_own: object, command: Command) => {
      const options = optionsOf<QuoteOptions>(command);
      const { quoteUsage } = await import('./price-quote.ts');
      const usage = parseJson(options.usage === '-' ? await readStdin() : options.usage, '--usage');
      const { card, totalUsd, details, lines } = await quoteUsage({ ...options, usage });
      if (options.json) {
        printJson({
          model: options.model,
          cost_usd: totalUsd,
          cost_details: details,
          card: {
            id: card.id,
            effective_from: card.effectiveFrom,
            checked_on: card.checkedOn,
            sources: card.sources,
          },
          lines: lines.map(({ what, quantity, usd, per, factor, amountUsd, cardId }) => ({
            what,
            quantity,
            usd,
            per,
            factor,
            cost_usd: amountUsd,
            card: cardId,
          })),
        });
        return;
      }
      printData(`$${totalUsd}\n`);
      await printTable(lines, LINE_COLUMNS);
      printData(`\n${cardText(card)}`);
    });
}

function cardText({ id, effectiveFrom, checkedOn, sources }: PriceCard): string {
  return [
    `card    ${id}`,
    `since   ${effectiveFrom}, last checked ${checkedOn}`,
    ...sources.map((source, index) => `${index === 0 ? 'source' : '      '}  ${source}`),
  ].join('\n');
}

const LINE_COLUMNS = [
  { title: 'what', value: ({ what }: QuoteLine) => what.replace(/^fee:/, '') },
  { title: 'quantity', value: ({ quantity }: QuoteLine) => quantity, align: 'right' as const },
  {
    title: 'price',
    value: ({ usd, per }: QuoteLine) => `$${usd} per ${perText(per)}`,
    align: 'right' as const,
  },
  { title: 'factor', value: ({ factor }: QuoteLine) => factor, align: 'right' as const },
  { title: 'amount', value: ({ amountUsd }: QuoteLine) => `$${amountUsd}`, align: 'right' as const },
];

const perText = (per: string): string => (per === '1000000' ? 'million' : per);
