/** A number below `count`, the same for the same text. FNV-1a: spread matters here, nothing else. */
export function spread(text: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash % count;
}
