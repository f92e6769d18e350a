/** Edits of a JSON text that touch the members they name, and leave every other byte, order and number as it was. */
import { jsonc, type JsonValue } from './json-document.ts';

/** Sets one member (`undefined` removes it) and returns the new text. Objects on the path to it exist. */
export function withMember(text: string, path: readonly string[], value: JsonValue | undefined): string {
  return within(text, path.slice(0, -1), (object) => set(object, path.at(-1)!, value));
}

/** The text with the object at the path, the whole one where that is empty, replaced by its edit. */
export function within(text: string, path: readonly string[], edit: (object: string) => string): string {
  const [name, ...rest] = path;
  if (name === undefined) return edit(text);
  const member = membersOf(text).findLast((one) => one.name === name);
  if (!member) throw new RangeError(`no member ${name}`);
  const { valueFrom, to } = member;
  return text.slice(0, valueFrom) + within(text.slice(valueFrom, to), rest, edit) + text.slice(to);
}

function set(object: string, name: string, value: JsonValue | undefined): string {
  const members = membersOf(object);
  // Of members that stand twice, readers take the last.
  const at = members.findLastIndex((member) => member.name === name);
  const [before, member, after] = [members[at - 1], members[at], members[at + 1]];
  if (value === undefined) {
    if (!member) return object;
    if (before) return object.slice(0, before.to) + object.slice(member.to);
    return object.slice(0, member.from) + object.slice(after?.from ?? member.to);
  }
  const text = JSON.stringify(value);
  if (member) return object.slice(0, member.valueFrom) + text + object.slice(member.to);
  const last = members.at(-1);
  const end = last?.to ?? object.indexOf('{') + 1;
  const added = `${JSON.stringify(name)}: ${text}`;
  return `${object.slice(0, end)}${last ? ',' : ''}${added}${object.slice(end)}`;
}

interface Member {
  name: string;
  from: number;
  valueFrom: number;
  /** Behind the value. */
  to: number;
}

/** Where the members of an object stand, in one pass. The text is JSON: a parser has taken it. */
function membersOf(text: string): Member[] {
  const scanner = jsonc.createScanner(text, true);
  /** The first character of the next token tells what it is. */
  const next = (): string => {
    scanner.scan();
    const token = text[scanner.getTokenOffset()];
    if (token === undefined) throw new RangeError('not a JSON object');
    return token;
  };
  const members: Member[] = [];
  next(); // the brace
  for (let token = next(); token !== '}'; token = next()) {
    if (token === ',') continue;
    const from = scanner.getTokenOffset();
    const name = scanner.getTokenValue();
    next(); // the colon
    let open = 0;
    token = next();
    const valueFrom = scanner.getTokenOffset();
    for (; ; token = next()) {
      if (token === '{' || token === '[') open += 1;
      if (token === '}' || token === ']') open -= 1;
      if (open === 0) break;
    }
    members.push({ name, from, valueFrom, to: scanner.getTokenOffset() + scanner.getTokenLength() });
  }
  return members;
}
