/**
 * One text for one JSON value, so that it can be hashed: members in the order of their names, no white space, as
 * RFC 8785 has it. Numbers are those that JSON.parse reads.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
