/**
 * Interleavings that are too rare for seeds to meet, each told step by step. The real ledger passes them; what each
 * one is there for fails it (see `mutants.ts`).
 */
import { about, Script, sharedCap } from './script.ts';

const EVENTS_MAX = 10_000;

/**
 * Amy's call finds the pool dry and looks at Cal's lease. The pool's answer is quick, Cal's is slow, and in between
 * his money goes home: the pool was empty when it was read, and so was the lease, and the money was there all the
 * time. Only a second look that sees the same proves that nothing can pay.
 */
function moneyGoesHomeWhileItIsLookedFor(): Script {
  const script = new Script({ users: ['amy', 'cal'], caps: [sharedCap(40n)] });
  const [here, there] = [script.process(), script.process()];
  const cal = script.call('cal', 40n);
  const amy = script.call('amy', 20n);
  script.play(async () => {
    await there.ledger.voidUnsent(await script.hold(there, cal));
    script.next(about(here, cal.caller.leaf.pk), { arrivesAfterMs: 500 });
    await Promise.all([
      script.hold(here, amy),
      script.until(300).then(async () => {
        const leaf = await there.ledger.leaves.read(cal.caller.leaf);
        await there.ledger.pools.giveBack(leaf!, 'org');
      }),
    ]);
  });
  return script;
}

const SCENARIOS = {
  'money goes home while it is looked for': moneyGoesHomeWhileItIsLookedFor,
} as const;

export type ScenarioName = keyof typeof SCENARIOS;
export const SCENARIO_NAMES = Object.keys(SCENARIOS) as ScenarioName[];

/** What the auditor finds in it, or what goes otherwise than it is told; undefined where all is as it should be. */
export async function perform(name: ScenarioName): Promise<string | undefined> {
  try {
    const script = SCENARIOS[name]();
    await script.world.time.run(EVENTS_MAX);
    return script.isOver ? undefined : 'progress: it stops before its end';
  } catch (error) {
    return (error as Error).message;
  }
}
