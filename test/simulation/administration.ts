/** Caps change while calls are made: limits rise and fall, caps come, go, come back and change their meaning. */
import { fromWire } from '../../lambdas/adapters/table/items.ts';
import { inMetric } from '../../lambdas/core/caps/amounts.ts';
import { rungsOf } from '../../lambdas/core/caps/rungs.ts';
import type { CapThresholdCrossed } from '../../lambdas/core/escalation/event.ts';
import { withStage } from '../../lambdas/core/escalation/set-stage.ts';
import type { Leaf } from '../../lambdas/core/ledger/leaf.ts';
import { share } from './invocation.ts';
import type { World } from './world.ts';

export function administer(world: World): void {
  const { chance, configuration, plan, time } = world;
  for (const cap of plan.caps) configuration.add(cap);
  const sometime = (work: () => void): void =>
    time.at(
      plan.boundaries.length > 0 && chance.chance(0.4)
        ? chance.pick(plan.boundaries) + chance.between(-1500, 1500)
        : chance.pick(plan.calls).at + chance.between(-5000, 5000),
      work,
    );
  for (const cap of plan.laterCaps) sometime(() => configuration.add(cap));
  const changes = chance.pick([0, 2, 6]);
  for (let i = 0; i < changes; i += 1) sometime(() => changeLimit(world));
  if (chance.chance(0.3)) sometime(() => changeBlock(world));
  if (chance.chance(0.2)) sometime(() => redefine(world));
  if (chance.chance(0.2)) {
    sometime(() => {
      const id = chance.pick(configuration.ids);
      configuration.remove(id);
      time.in(chance.between(0, 120_000), () => {
        changeLimit(world, id);
        configuration.restore(id);
      });
    });
  }
}

function changeLimit({ chance, configuration }: World, id = chance.pick(configuration.ids)): void {
  const { limit, isActive } = configuration.get(id);
  if (!isActive) return;
  const next = share(limit, chance.between(0.5, 1.6));
  configuration.change(id, { limit: next < 1n ? 1n : next });
}

function changeBlock({ chance, configuration }: World): void {
  const id = chance.pick(configuration.ids);
  const cap = configuration.get(id);
  if (cap.metric === 'concurrent' || !cap.isActive) return;
  configuration.change(id, { thresholds: { ...cap.thresholds, block: chance.pick([400, 700, 1000]) } });
}

/** Its window is another one from now on, so its account is another one too. */
function redefine({ chance, configuration, plan }: World): void {
  const id = chance.pick(configuration.ids);
  const { metric, window } = chance.pick(plan.caps);
  if (metric !== 'concurrent' && configuration.get(id).metric !== 'concurrent')
    configuration.redefine(id, { window });
}

/** The change feed and the ladder: records come late, again and out of order, and raise the stage of an account. */
export function escalate(world: World): void {
  const { chance, configuration, time } = world;
  world.onChange(({ pk, old, next }) => {
    if (!pk.startsWith('L#') || !next || !chance.chance(0.5)) return;
    const delays = [chance.between(100, 3000), ...(chance.chance(0.2) ? [chance.between(0, 120_000)] : [])];
    const before = old?.['a'];
    if (before === next['a']) return;
    const leaf = fromWire(next) as unknown as Leaf;
    for (const [name, account] of Object.entries(leaf.a)) {
      if (account.s <= 0n || before?.M?.[name] === next['a']?.M?.[name]) continue;
      const cap = configuration.history.get(name)?.get(account.r);
      if (!cap || cap.metric === 'concurrent') continue;
      for (const { rung, from } of rungsOf(cap, account)) {
        if (account.s < from) continue;
        const event = {
          account: name,
          rung,
          metric: cap.metric,
          window_key: String(account.k),
          effective_limit: inMetric(cap.metric, account.l),
          threshold_amount: inMetric(cap.metric, from),
        } as CapThresholdCrossed;
        for (const delay of delays) time.in(delay, () => raiseStage(world, leaf.pk, cap.id, event));
      }
    }
  });
}

function raiseStage(world: World, pk: string, id: string, event: CapThresholdCrossed): void {
  world.onSomeHost(async ({ process: { clock }, ledger }) => {
    const key = { pk, sk: '-' };
    const cap = world.configuration.currentById(id);
    if (cap?.account !== event.account || !(await ledger.readLeaf(key))) return;
    await ledger.change(key, (leaf) => withStage(leaf, cap, event, clock.now()));
  });
}
