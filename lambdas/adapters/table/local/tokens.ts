/** Tokens of DynamoDB's expressions. */
import { invalid } from './errors.ts';

export interface Token {
  /** word: keyword, function or bare attribute name; name: `#placeholder`; value: `:placeholder`. */
  kind: 'word' | 'name' | 'value' | 'symbol';
  text: string;
  start: number;
}

const TOKEN =
  /\s*(?:(?<word>[A-Za-z_]\w*)|(?<name>#\w+)|(?<value>:\w+)|(?<symbol><>|<=|>=|[-=<>()+,.[\]]|\d+))/y;
const BLANK = /\s*$/y;

export function tokenize(text: string, label: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  while (!matchesAt(BLANK, text, position)) {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(text);
    if (!match) {
      const token = { text: text.slice(position).trim().slice(0, 1), start: position };
      throw invalid(`Invalid ${label}: Syntax error; token: "${token.text}", near: "${near(text, token)}"`);
    }
    const { word, name, value, symbol } = match.groups!;
    position = TOKEN.lastIndex;
    const found = (word ?? name ?? value ?? symbol)!;
    const kind = word !== undefined ? 'word' : name !== undefined ? 'name' : value ? 'value' : 'symbol';
    tokens.push({ kind, text: found, start: position - found.length });
  }
  return tokens;
}

/** The neighbourhood of a token, for messages. */
export const near = (text: string, { start }: { start: number }): string =>
  text.slice(Math.max(0, start - 8), start + 16);

function matchesAt(pattern: RegExp, text: string, position: number): boolean {
  pattern.lastIndex = position;
  return pattern.test(text);
}
