/**
 * Output tokens of one generated image at most, by model, quality and size.
 *
 * Source: the token calculator of OpenAI's image generation guide
 * (developers.openai.com/api/docs/guides/image-generation), whose formula several projects read from the page and
 * checked against its printed figures (2026-06 to 2026-10) and against billed usage (low: 196 tokens at 1024x1024,
 * 158 at 1536x1024, 205 at 2560x1440); checked 2026-11-29. Halves are rounded up here, never down.
 * GPT Image 2.6 has a `complexity` that the calculator does not know, and so no bound here.
 */
import { divCeil } from '../../../core/money.ts';

/** Cells along the longer side, by quality. */
type Grid = Readonly<Record<string, bigint>>;
const GPT_IMAGE_2: Grid = { low: 16n, medium: 48n, high: 96n };
const GPT_IMAGE_2_5: Grid = { low: 16n, medium: 24n, high: 48n, xhigh: 64n, max: 96n };

const GRIDS: Readonly<Record<string, Grid>> = {
  'gpt-image-2': GPT_IMAGE_2,
  'gpt-image-2-2026-04-21': GPT_IMAGE_2,
  'gpt-image-2.5-sunburst': GPT_IMAGE_2_5,
  'gpt-image-2.5-sunburst-2026-09-08': GPT_IMAGE_2_5,
  'gpt-image-2.5-flare': GPT_IMAGE_2_5,
  'gpt-image-2.5-flare-2026-09-08': GPT_IMAGE_2_5,
};

const SIDE_MAX = 3840n;
const PIXELS_MAX = 8_294_400n;
const PIXELS_ADDED = 2_000_000n;
const PIXELS_PER_CELL_TOKEN = 4_000_000n;

/** Each partial image of a stream costs this much more (same guide, "Partial images cost"). */
export const PARTIAL_IMAGE_TOKENS = 100n;

export interface ImageAsked {
  model: string;
  /** As the request has them: `auto` and none are the model's choice, so the dearest. */
  quality: unknown;
  size: unknown;
}

/** Undefined where nobody documents what an image of this model costs at most. */
export function imageTokensMax({ model, quality, size }: ImageAsked): bigint | undefined {
  if (!Object.hasOwn(GRIDS, model)) return undefined;
  const grid = GRIDS[model]!;
  const isNamed = typeof quality === 'string' && Object.hasOwn(grid, quality);
  const cells = isNamed ? grid[quality]! : Object.values(grid).reduce((a, b) => (a > b ? a : b));
  const sides = sidesOf(size);
  if (!sides) return tokensOf(cells, cells, PIXELS_MAX);
  const [long, short] = sides;
  return tokensOf(cells, (2n * cells * short + long) / (2n * long), long * short);
}

const tokensOf = (cellsLong: bigint, cellsShort: bigint, pixels: bigint): bigint =>
  divCeil(cellsLong * cellsShort * (PIXELS_ADDED + pixels), PIXELS_PER_CELL_TOKEN);

/** Undefined for a size that leaves the choice to the model, or that the API refuses. */
function sidesOf(size: unknown): [long: bigint, short: bigint] | undefined {
  const match = typeof size === 'string' ? /^([1-9][0-9]{0,3})x([1-9][0-9]{0,3})$/.exec(size) : null;
  if (!match) return undefined;
  const [width, height] = [BigInt(match[1]!), BigInt(match[2]!)];
  const [long, short] = width > height ? [width, height] : [height, width];
  return long > SIDE_MAX || long * short > PIXELS_MAX ? undefined : [long, short];
}
