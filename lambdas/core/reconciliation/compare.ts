/** A provider's bill beside our charges: by day and model, by model, and in all, and whether they drift apart. */
import type { Ratio } from '../pricing/ratio.ts';
import { addUp, isWithin, magnitude, spokenOf, type BilledLine, type Figures } from './figures.ts';
import type { ModelNames } from './model-names.ts';
import type { OurLine } from './our-spend.ts';

export interface ComparedModel extends Figures {
  model: string;
  /** False for a name that no card has: another model, or a tool. */
  isKnown: boolean;
  isWithin: boolean;
}

export interface Comparison {
  /** By day, each with the dearest first. */
  lines: (Figures & { day: string; model: string })[];
  /** The dearest first. */
  models: ComparedModel[];
  total: Figures & { isWithin: boolean };
  /**
   * False where the bill has costs under names that no card has: what a tool cost stands apart there, and here in the
   * cost of the call that used it, so that models differ and the total does not.
   */
  modelsCount: boolean;
  hasDrifted: boolean;
}

/** A bill that is not broken down by model is compared by the day. */
export const ALL_MODELS = '*';

interface Group {
  model: string;
  billed: BilledLine[];
  ours: OurLine[];
}

/** `tolerance` is a share of what was billed: 0.01 is a hundredth. */
export function compare(
  billed: readonly BilledLine[],
  ours: readonly OurLine[],
  { names, tolerance }: { names: ModelNames; tolerance: Ratio },
): Comparison {
  const isByModel = billed.some(({ name }) => name !== null);
  const spoken = spokenOf(billed);
  const modelOf = (name: string | null): string =>
    isByModel && name !== null ? (names.find(name) ?? name) : ALL_MODELS;
  const groups = new Map<string, Group & { day: string }>();
  const groupOf = (day: string, name: string | null): Group => {
    const model = modelOf(name);
    const key = `${day} ${model}`;
    const group = groups.get(key) ?? { day, model, billed: [], ours: [] };
    groups.set(key, group);
    return group;
  };
  for (const line of billed) groupOf(line.day, line.name).billed.push(line);
  for (const line of ours) groupOf(line.day, line.model).ours.push(line);

  const lines = [...groups.values()].map((group) => ({
    ...{ day: group.day, model: group.model },
    ...addUp(group.billed, group.ours, spoken),
  }));
  const models = byModel(groups.values()).map((group): ComparedModel => {
    const figures = addUp(group.billed, group.ours, spoken);
    const isKnown =
      group.model === ALL_MODELS
        ? !isByModel
        : names.find(group.model) !== undefined || group.ours.length > 0;
    return { model: group.model, isKnown, isWithin: isWithin(figures, tolerance), ...figures };
  });
  const total = addUp(billed, ours, spoken);
  const totalIsWithin = isWithin(total, tolerance);
  const modelsCount = models.every((model) => model.isKnown || (model.billed.usd ?? 0n) === 0n);
  return {
    lines: lines.sort((a, b) => (a.day === b.day ? dearestFirst(a, b) : a.day < b.day ? -1 : 1)),
    models: models.sort(dearestFirst),
    total: { ...total, isWithin: totalIsWithin },
    modelsCount,
    hasDrifted: !totalIsWithin || (modelsCount && models.some((model) => !model.isWithin)),
  };
}

function byModel(groups: Iterable<Group>): Group[] {
  const sums = new Map<string, Group>();
  for (const { model, billed, ours } of groups) {
    const sum = sums.get(model) ?? { model, billed: [], ours: [] };
    sum.billed.push(...billed);
    sum.ours.push(...ours);
    sums.set(model, sum);
  }
  return [...sums.values()];
}

function dearestFirst(a: Figures & { model: string }, b: Figures & { model: string }): number {
  const [first, second] = [weightOf(a), weightOf(b)];
  if (first !== second) return first < second ? 1 : -1;
  return a.model < b.model ? -1 : 1;
}

function weightOf({ billed, ours }: Figures): bigint {
  const [theirs, own] = [magnitude(billed.usd ?? 0n), magnitude(ours.cost)];
  return theirs > own ? theirs : own;
}
