/**
 * What OpenAI's line items name (seen in real exports of 2026-05 to 2026-09, quoted in public code; checked 2026-11-30):
 * `gpt-4o-mini-2024-07-18, input`, `priority | gpt-5.6-sol, output, long context`, `gpt-audio-mini-2025-12-15 audio,
 * cached input`, and what is no model's: `web search tool calls`, `evals | gpt-4o-mini-2024-07-18, input`.
 */
const LINE_ITEM =
  /^(?:(?:priority|flex|batch|fast) \| )?([^ |,]+)(?: (?:text|audio|image|video))?, *((?:cached |audio |text |image )*(?:input|output)(?:_tokens)?|cache writes?)(?:, .*)?$/;

export interface LineItem {
  /** The model; the whole text where it names none. */
  name: string;
  /** Undefined for what is not billed by the token. */
  kind: 'input' | 'output' | undefined;
}

export function readLineItem(text: string): LineItem {
  const [, model, what] = LINE_ITEM.exec(text) ?? [];
  if (model === undefined || what === undefined) return { name: text, kind: undefined };
  return { name: model, kind: what.includes('output') ? 'output' : 'input' };
}

/** Of `quantity` and its unit; undefined for what are no tokens. */
export function tokensOf(
  { kind }: LineItem,
  quantity: bigint,
  unit: string | null,
): { input: bigint; output: bigint } | undefined {
  if (kind === undefined || (unit !== null && unit !== 'tokens')) return undefined;
  return kind === 'input' ? { input: quantity, output: 0n } : { input: 0n, output: quantity };
}
