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

/** Framed on a terminal; plain columns, two spaces apart, for a pipe or a file. */
export async function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): Promise<void> {
  const { default: Table } = await import('cli-table3');
  const isTerminal = process.stdout.isTTY;
  const table = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    style: isTerminal
      ? { head: hasColour() ? ['bold'] : [], border: hasColour() ? ['grey'] : [], compact: true }
      : { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    ...(!isTerminal && { chars: NO_FRAME }),
  });
  table.push(...rows.map((row) => columns.map(({ value }) => cellText(value(row)))));
  // Plain rows are padded to their column; nobody wants the blanks at the end of a line.
  printData(isTerminal ? table.toString() : table.toString().replace(/ +$/gm, ''));
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
