/** What people and programs see: data on stdout, all else on stderr, questions only where somebody can answer. */
import { CliError, EXIT } from './exit.ts';

export interface Column<Row> {
  title: string;
  /** Null and undefined print as a dash. */
  value: (row: Row) => unknown;
  align?: 'right';
}

export function printData(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printJson(json: unknown): void {
  printData(JSON.stringify(json, null, 2));
}

export function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Plain columns, two spaces apart, for a pipe or a file. On a terminal framed, or as its width allows. */
export async function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): Promise<void> {
  const { default: Table } = await import('cli-table3');
  const cells = rows.map((row) => columns.map(({ value }) => cellText(value(row))));
  const heads = columns.map(({ title }) => title);
  const { isFramed, widths } = tableLayout(
    heads.map((head, i) => Math.max(head.length, ...cells.map((row) => row[i]!.length))),
    process.stdout.isTTY ? process.stdout.columns : undefined,
  );
  const table = new Table({
    head: heads,
    colAligns: columns.map(({ align }) => align ?? 'left'),
    style: isFramed
      ? { head: hasColour() ? ['bold'] : [], border: hasColour() ? ['grey'] : [], compact: true }
      : { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    ...(!isFramed && { chars: NO_FRAME }),
    ...(widths && { colWidths: widths, wordWrap: true, wrapOnWordBoundary: false }),
  });
  table.push(...cells);
  // Plain rows are padded to their column; nobody wants the blanks at the end of a line.
  printData(isFramed ? table.toString() : table.toString().replace(/ +$/gm, ''));
}

/** Of columns whose longest cells are so wide: `widths`, with the padding, where one of them must be broken to fit. */
export function tableLayout(
  longest: readonly number[],
  available: number | undefined,
): { isFramed: boolean; widths?: number[] } {
  if (available === undefined) return { isFramed: false };
  const total = longest.reduce((sum, width) => sum + width, 0);
  const frame = 3 * longest.length + 1;
  if (total + frame <= available) return { isFramed: true };
  const excess = total + GAP * (longest.length - 1) - available;
  if (excess <= 0) return { isFramed: false };
  const broad = longest.indexOf(Math.max(...longest));
  const broken = Math.max(longest[broad]! - excess, BROKEN_MIN);
  return {
    isFramed: false,
    widths: longest.map((width, i) => Math.min(width, i === broad ? broken : width) + GAP),
  };
}

/** Between columns without a frame. */
const GAP = 2;
/** Narrower than that, a broken cell is harder to read than a line that the terminal breaks. */
const BROKEN_MIN = 12;

/** A text in lines that the terminal does not break, each behind the indent; whole where nobody sees it. */
export function indented(text: string, indent: string): string {
  const available = process.stdout.isTTY ? process.stdout.columns - indent.length : Infinity;
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > available) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => indent + line).join('\n');
}

/** One object as lines of `name  value`. */
export function printRecord(entries: readonly (readonly [name: string, value: unknown])[]): void {
  const width = Math.max(...entries.map(([name]) => name.length));
  printData(entries.map(([name, value]) => `${name.padEnd(width)}  ${cellText(value)}`).join('\n'));
}

/** Asks on the terminal; a destructive verb goes on only when this returns. */
export async function confirm(
  question: string,
  { yes, input }: { yes?: boolean; input: boolean },
): Promise<void> {
  if (yes === true) return;
  if (!input || !process.stdin.isTTY) {
    throw new CliError(
      EXIT.unconfirmed,
      `${question} Nobody was there to confirm it.`,
      'Add --yes to go on without a question.',
    );
  }
  const { createInterface } = await import('node:readline/promises');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    prompt.close();
  }
  throw new CliError(EXIT.unconfirmed, 'Nothing was changed.');
}

const NO_FRAME = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
    .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'])
    .map((name) => [name, '']),
);

/** https://no-color.org: any value but the empty one switches colour off. */
function hasColour(): boolean {
  return (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';
}

/** One value as one printable word or line. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '-';
  // Control characters of somebody else's ids must not drive the terminal.
  // eslint-disable-next-line no-control-regex
  const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}
