/** Caps change while calls are made: limits rise and fall, caps come, go, come back and change their meaning. */
import { epochMs } from '../../lambdas/core/brands.ts';
import { capKeyAt } from '../../lambdas/core/caps/cap.ts';
import { share } from './invocation.ts';
import { TEAMS } from './plan.ts';
import type { World } from './world.ts';

export function administer(world: World): void {
  const { chance, configuration, plan, time } = world;
  for (const caller of plan.callers) configuration.teams.set(caller.leaf.pk, chance.pick(TEAMS));
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
  const grants = chance.pick([0, 0, 3]);
  for (let i = 0; i < grants; i += 1) sometime(() => grant(world, `grant-${i}`));
  const moves = configuration.ids.some((id) => configuration.get(id).team !== undefined) ? 4 : 0;
  for (let i = 0; i < moves; i += 1)
    sometime(() => configuration.teams.set(chance.pick(plan.callers).leaf.pk, chance.pick(TEAMS)));
  const returns = moves > 0 ? chance.pick([0, 8]) : 0;
  for (let i = 0; i < returns; i += 1) sometime(() => giveBack(world));
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
  const { metric, window, covers } = chance.pick(plan.caps);
  const old = configuration.get(id);
  const isLikeIt = (covers === undefined) === (old.covers === undefined);
  if (isLikeIt && metric !== 'concurrent' && old.metric !== 'concurrent')
    configuration.redefine(id, { window });
}

/** Approved overage, for the window that is open, and approved again by an impatient machine. */
function grant(world: World, id: string): void {
  const { chance, configuration, plan, time, auditor } = world;
  const cap = configuration.currentById(chance.pick(configuration.ids));
  if (!cap || cap.metric === 'concurrent') return;
  const { leaf } = chance.pick(
    plan.callers.filter(({ leaf: { pk } }) => configuration.get(cap.id).covers?.has(pk) ?? true),
  );
  const key = capKeyAt(cap, epochMs(Math.floor(time.now)));
  const expiresAt = epochMs(
    Math.floor(time.now + chance.pick([chance.between(1000, 60_000), chance.between(60_000, 7_200_000)])),
  );
  const amount = BigInt(chance.whole(10, 120));
  auditor.known.issues(cap.account, id, { key, amount, expiresAt });
  const approve = (): void => {
    world.onSomeHost(({ ledger }) => ledger.grant(cap, leaf, { id, key, amount, expiresAt }));
  };
  // The first may never arrive; then the second is too late at times.
  if (chance.chance(0.7)) approve();
  if (chance.chance(0.7)) time.in(chance.pick([chance.between(0, 50), chance.between(0, 120_000)]), approve);
}

/** A lease goes home while its leaf is in use. */
function giveBack(world: World): void {
  const { chance, configuration, plan } = world;
  const { leaf } = chance.pick(plan.callers);
  world.onSomeHost(async ({ ledger }) => {
    const image = await ledger.leaves.read(leaf);
    const leases = Object.keys(image?.a ?? {}).filter((name) => configuration.isShared(name));
    if (image && leases.length > 0) await ledger.pools.giveBack(image, chance.pick(leases));
  });
}
