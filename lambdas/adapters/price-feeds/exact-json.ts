/** JSON in which a number keeps its digits: 1.25e-07 dollars a token has no exact double. */

/** A number as it stands in the text, after this mark, which no string of the text can begin with. */
const MARK = '\u0001';
const ESCAPED_MARK = '\\u0001';

export class NotJson extends Error {
  override name = 'NotJson';
}

/** The text of a number; undefined for any other value. */
export function numberText(value: unknown): string | undefined {
  return typeof value === 'string' && value.startsWith(MARK) ? value.slice(MARK.length) : undefined;
}

/** Numbers are to be read with `numberText`. Throws NotJson. */
export function parseExactJson(text: string): unknown {
  if (text.includes(ESCAPED_MARK)) throw new NotJson('it has a control character in a string');
  try {
    JSON.parse(text);
    return JSON.parse(numbersAsStrings(text));
  } catch (error) {
    if (error instanceof SyntaxError) throw new NotJson(error.message);
    if (error instanceof RangeError) throw new NotJson('it is nested too deeply');
    throw error;
  }
}

/** Of a text that is known to be JSON. Linear, whatever stands in it. */
function numbersAsStrings(text: string): string {
  const pieces: string[] = [];
  let copied = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = endOfString(text, i);
    } else if (code === MINUS || isDigit(code)) {
      const end = endOfNumber(text, i);
      pieces.push(text.slice(copied, i), '"', ESCAPED_MARK, text.slice(i, end), '"');
      copied = end;
      i = end - 1;
    }
  }
  pieces.push(text.slice(copied));
  return pieces.join('');
}

const [QUOTE, BACKSLASH, MINUS, ZERO, NINE] = ['"', '\\', '-', '0', '9'].map((c) => c.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
  number,
];
const isDigit = (code: number): boolean => code >= ZERO && code <= NINE;

/** Index of the closing quote. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i;
}

const NUMBER_PART = /[0-9.eE+-]/;
function endOfNumber(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && NUMBER_PART.test(text.charAt(i))) i += 1;
  return i;
}
