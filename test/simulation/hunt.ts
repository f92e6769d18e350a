/** Looks for what catches a mutant: its scenario, the seed that caught it before, and then seed after seed. */
import { bundleSimulation } from './bundle.ts';
import { SeedWorker } from './fleet.ts';
import type { Mutant } from './mutants/mutant.ts';

export interface Hunted {
  /** Undefined where nothing failed. */
  by: { scenario: string } | { seed: number } | undefined;
  /** The violation, or what was tried. */
  how: string;
}

export async function hunt(
  { edits, scenario }: Mutant,
  { caughtBefore, seedsMax }: { caughtBefore: number | undefined; seedsMax: number },
): Promise<Hunted> {
  const worker = new SeedWorker(await bundleSimulation(edits));
  try {
    if (scenario !== undefined) {
      const violation = await worker.perform(scenario);
      return violation === undefined
        ? { by: undefined, how: `"${scenario}" passes` }
        : { by: { scenario }, how: withoutTime(violation) };
    }
    const spans = [
      ...(caughtBefore === undefined ? [] : [{ from: caughtBefore, seeds: 1 }]),
      { from: 1, seeds: seedsMax },
    ];
    for (const span of spans) {
      const last = (await worker.run({ ...span, stopAtFirst: true })).at(-1)!;
      if (last.violation !== undefined) return { by: { seed: last.seed }, how: withoutTime(last.violation) };
    }
    return { by: undefined, how: `${seedsMax} seeds pass` };
  } finally {
    await worker.stop();
  }
}

const withoutTime = (violation: string): string => violation.replace(/^\S+Z /, '');
