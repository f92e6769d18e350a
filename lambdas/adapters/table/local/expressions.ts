/**
 * Parser of the expressions that we send to DynamoDB:
 *
 *   condition   AND OR NOT ( ) = <> < <= > >= BETWEEN attribute_exists attribute_not_exists begins_with size
 *   update      SET path = operand [+|- operand] with if_not_exists, REMOVE path, ADD path :number
 *
 * over document paths of names (`a.#0.f`). What DynamoDB knows beyond this is refused: IN, contains,
 * attribute_type, list_append, list indexes, DELETE, sets.
 */
import { invalid, unsupported } from './errors.ts';
import { isReservedWord } from './reserved-words.ts';
import { near, tokenize, type Token } from './tokens.ts';

export type Comparator = '=' | '<>' | '<' | '<=' | '>' | '>=';

/** Each part is a bare attribute name, or a placeholder that begins with '#'. */
export interface PathNode {
  kind: 'path';
  parts: readonly string[];
}
export interface ValueNode {
  kind: 'value';
  placeholder: string;
}
export interface SizeNode {
  kind: 'size';
  of: PathNode;
}
export type ConditionOperand = PathNode | ValueNode | SizeNode;
export type ConditionNode =
  | { kind: 'and' | 'or'; left: ConditionNode; right: ConditionNode }
  | { kind: 'not'; term: ConditionNode }
  | { kind: 'compare'; comparator: Comparator; left: ConditionOperand; right: ConditionOperand }
  | { kind: 'between'; operand: ConditionOperand; low: ConditionOperand; high: ConditionOperand }
  | { kind: 'begins_with'; operand: ConditionOperand; prefix: ConditionOperand }
  | { kind: 'exists' | 'absent'; path: PathNode };

export type UpdateOperand =
  PathNode | ValueNode | { kind: 'if_not_exists'; path: PathNode; otherwise: UpdateOperand };
export type SetValue =
  UpdateOperand | { kind: 'sum'; sign: '+' | '-'; left: UpdateOperand; right: UpdateOperand };
export interface UpdateTree {
  sets: { path: PathNode; value: SetValue }[];
  removes: PathNode[];
  adds: { path: PathNode; value: ValueNode }[];
}

export interface Parsed<Tree> {
  tree: Tree;
  /** The placeholders that occur. */
  placeholders: ReadonlySet<string>;
}
export type ConditionLabel = 'ConditionExpression' | 'KeyConditionExpression';

export const parseCondition = (text: string, label: ConditionLabel): Parsed<ConditionNode> =>
  cached(conditions, label + text, () => new Parser(text, label).condition());
export const parseUpdate = (text: string): Parsed<UpdateTree> =>
  cached(updates, text, () => new Parser(text, 'UpdateExpression').update());

const EXPRESSION_BYTES_MAX = 4096;
const OPERATORS_MAX = 300;
const CACHED_MAX = 1000;
const conditions = new Map<string, Parsed<ConditionNode>>();
const updates = new Map<string, Parsed<UpdateTree>>();

function cached<T>(cache: Map<string, T>, key: string, parse: () => T): T {
  const known = cache.get(key);
  if (known) return known;
  const parsed = parse();
  if (cache.size >= CACHED_MAX) cache.clear();
  cache.set(key, parsed);
  return parsed;
}

class Parser {
  readonly #text: string;
  readonly #label: string;
  readonly #tokens: Token[];
  #position = 0;
  #operators = 0;
  readonly #placeholders = new Set<string>();
  /** Conditions that stand in parentheses, to refuse a second pair around them. */
  readonly #grouped = new Set<ConditionNode>();

  constructor(text: string, label: string) {
    this.#text = text;
    this.#label = label;
    if (text === '') throw this.#error('The expression can not be empty;');
    const bytes = Buffer.byteLength(text);
    if (bytes > EXPRESSION_BYTES_MAX) {
      throw this.#error(`Expression size has exceeded the maximum allowed size; expression size: ${bytes}`);
    }
    this.#tokens = tokenize(text, label);
  }

  condition(): Parsed<ConditionNode> {
    return this.#finish(this.#or());
  }

  update(): Parsed<UpdateTree> {
    const tree: UpdateTree = { sets: [], removes: [], adds: [] };
    const seen = new Set<string>();
    while (this.#peek()) {
      const section = this.#next();
      const keyword = section.text.toUpperCase();
      if (section.kind !== 'word') throw this.#syntaxError(section);
      if (seen.has(keyword)) {
        throw this.#error(`The "${keyword}" section can only be used once in an update expression;`);
      }
      seen.add(keyword);
      if (keyword === 'SET') tree.sets = this.#list(() => this.#set());
      else if (keyword === 'REMOVE') tree.removes = this.#list(() => this.#path());
      else if (keyword === 'ADD') tree.adds = this.#list(() => this.#add());
      else if (keyword === 'DELETE') throw unsupported('DELETE in an UpdateExpression');
      else throw this.#syntaxError(section);
    }
    return this.#finish(tree);
  }

  #finish<Tree>(tree: Tree): Parsed<Tree> {
    const rest = this.#peek();
    if (rest) throw this.#syntaxError(rest);
    if (this.#operators > OPERATORS_MAX) {
      throw this.#error(
        `The expression contains too many operators; operator count: ${this.#operators}, limit: ${OPERATORS_MAX}`,
      );
    }
    return { tree, placeholders: this.#placeholders };
  }

  // ---- Conditions

  #or(): ConditionNode {
    let left = this.#and();
    while (this.#acceptWord('OR')) left = this.#operator({ kind: 'or', left, right: this.#and() });
    return left;
  }

  #and(): ConditionNode {
    let left = this.#not();
    while (this.#acceptWord('AND')) left = this.#operator({ kind: 'and', left, right: this.#not() });
    return left;
  }

  #not(): ConditionNode {
    if (this.#acceptWord('NOT')) return this.#operator({ kind: 'not', term: this.#not() });
    return this.#primary();
  }

  #primary(): ConditionNode {
    if (this.#accept('(')) {
      const inner = this.#or();
      this.#expect(')');
      if (this.#grouped.has(inner)) throw this.#error('The expression has redundant parentheses;');
      this.#grouped.add(inner);
      return inner;
    }
    const name = this.#functionName();
    if (name === 'attribute_exists' || name === 'attribute_not_exists') {
      const kind = name === 'attribute_exists' ? 'exists' : 'absent';
      return this.#operator({ kind, path: this.#call(() => this.#path()) });
    }
    if (name === 'begins_with') {
      return this.#call(() => {
        const operand = this.#operand();
        this.#expect(',');
        return this.#operator({ kind: 'begins_with', operand, prefix: this.#operand() });
      });
    }
    return this.#comparison(this.#operand());
  }

  #comparison(left: ConditionOperand): ConditionNode {
    if (this.#acceptWord('BETWEEN')) {
      const low = this.#operand();
      this.#expectWord('AND');
      return this.#operator({ kind: 'between', operand: left, low, high: this.#operand() });
    }
    const token = this.#next();
    if (token.kind === 'word' && token.text.toUpperCase() === 'IN') throw unsupported('IN');
    if (!isComparator(token.text)) throw this.#syntaxError(token);
    return this.#operator({ kind: 'compare', comparator: token.text, left, right: this.#operand() });
  }

  #operand(): ConditionOperand {
    const name = this.#functionName();
    if (name === undefined) return this.#peek()?.kind === 'value' ? this.#value() : this.#path();
    if (name !== 'size') throw unsupported(`the function ${name} in a ${this.#label}`);
    return this.#operator({ kind: 'size', of: this.#call(() => this.#path()) });
  }

  // ---- Updates

  #set(): UpdateTree['sets'][number] {
    const path = this.#path();
    this.#expect('=');
    const left = this.#updateOperand();
    const sign = this.#accept('+') ? '+' : this.#accept('-') ? '-' : undefined;
    if (!sign) return { path, value: left };
    return { path, value: this.#operator({ kind: 'sum', sign, left, right: this.#updateOperand() }) };
  }

  #updateOperand(): UpdateOperand {
    const name = this.#functionName();
    if (name === undefined) return this.#peek()?.kind === 'value' ? this.#value() : this.#path();
    if (name !== 'if_not_exists') throw unsupported(`the function ${name} in a ${this.#label}`);
    return this.#call(() => {
      const path = this.#path();
      this.#expect(',');
      return this.#operator({ kind: 'if_not_exists', path, otherwise: this.#updateOperand() });
    });
  }

  #add(): UpdateTree['adds'][number] {
    return { path: this.#path(), value: this.#value() };
  }

  // ---- Common

  #path(): PathNode {
    const parts = [this.#pathPart()];
    while (this.#accept('.')) parts.push(this.#pathPart());
    if (this.#peek()?.text === '[') throw unsupported('list indexes in a path');
    return { kind: 'path', parts };
  }

  #pathPart(): string {
    const token = this.#next();
    if (token.kind === 'name') {
      this.#placeholders.add(token.text);
      return token.text;
    }
    if (token.kind !== 'word') throw this.#syntaxError(token);
    if (isReservedWord(token.text)) {
      throw this.#error(`Attribute name is a reserved keyword; reserved keyword: ${token.text}`);
    }
    return token.text;
  }

  #value(): ValueNode {
    const token = this.#next();
    if (token.kind !== 'value') throw this.#syntaxError(token);
    this.#placeholders.add(token.text);
    return { kind: 'value', placeholder: token.text };
  }

  #list<T>(element: () => T): T[] {
    const list = [element()];
    while (this.#accept(',')) list.push(element());
    return list;
  }

  /** Function names are case-sensitive. */
  #functionName(): string | undefined {
    const token = this.#peek();
    if (token?.kind !== 'word' || this.#tokens[this.#position + 1]?.text !== '(') return undefined;
    return token.text;
  }

  #call<T>(args: () => T): T {
    this.#next();
    this.#expect('(');
    const result = args();
    this.#expect(')');
    return result;
  }

  #operator<Node>(node: Node): Node {
    this.#operators += 1;
    return node;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#position];
  }

  #next(): Token {
    const token = this.#peek();
    if (!token) throw this.#error(`Syntax error; token: "<EOF>", near: "${this.#text.slice(-10)}"`);
    this.#position += 1;
    return token;
  }

  #accept(symbol: string): boolean {
    const found = this.#peek()?.text === symbol;
    if (found) this.#position += 1;
    return found;
  }

  #acceptWord(keyword: string): boolean {
    const token = this.#peek();
    const found = token?.kind === 'word' && token.text.toUpperCase() === keyword;
    if (found) this.#position += 1;
    return found;
  }

  #expect(symbol: string): void {
    const token = this.#next();
    if (token.text !== symbol) throw this.#syntaxError(token);
  }

  #expectWord(keyword: string): void {
    if (!this.#acceptWord(keyword)) throw this.#syntaxError(this.#next());
  }

  #syntaxError(token: Token): Error {
    return this.#error(`Syntax error; token: "${token.text}", near: "${near(this.#text, token)}"`);
  }

  #error(message: string): Error {
    return invalid(`Invalid ${this.#label}: ${message}`);
  }
}

const COMPARATORS: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);
const isComparator = (text: string): text is Comparator => COMPARATORS.has(text);
