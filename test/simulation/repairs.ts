/**
 * Whoever finishes what a crash cut off: the collector, the feeder on the stream of charges (repeated, late and out
 * of order), and the reconciler, who learns from the provider's log what was billed.
 */
import { fromWire } from '../../lambdas/adapters/table/items.ts';
import { holdId, picoUsd } from '../../lambdas/core/brands.ts';
import { chargeFromItem } from '../../lambdas/core/ledger/charge.ts';
import { collectAll, collectLeaf } from '../../lambdas/core/ledger/collect.ts';
import { takeEvidence } from '../../lambdas/core/ledger/evidence.ts';
import { nonceBits } from '../../lambdas/core/ledger/stamp.ts';
import type { ItemKey } from '../../lambdas/core/ports.ts';
import { Client } from './clients.ts';
import type { PlannedCall } from './plan.ts';
import { Violation } from './violation.ts';
import type { Host, World } from './world.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** No call can be running any more. */
const SLOT_TIME = 16 * MINUTE;

export function collect(world: World, delayMs: number, leaf?: ItemKey): void {
  world.time.in(delayMs, () => {
    world.onSomeHost(async ({ process: { clock, ids }, ledger, table }) => {
      if (leaf) await collectLeaf(ledger, leaf, clock.now(), ids.randomBits(nonceBits));
      else {
        const { broken } = await collectAll({ table, ledger, clock }, () => ids.randomBits(nonceBits));
        broken.push(
          ...(await ledger.folds.forAllKnown(async (account) => world.configuration.currentOf(account))),
        );
        if (broken.length > 0) throw new Violation('conservation', broken.join());
      }
    });
  });
}

/** A process died during the call: sooner or later somebody comes by. */
export function repairAfterDeath(world: World, call: PlannedCall): void {
  const { chance } = world;
  const { leaf } = call.caller;
  collect(world, chance.between(MINUTE, 5 * MINUTE), leaf);
  if (chance.chance(0.5)) reconcile(world, SLOT_TIME + chance.between(0, 90 * SECOND), leaf);
  if (chance.chance(0.5)) collect(world, 24 * HOUR + chance.between(0, 10 * SECOND), leaf);
  if (chance.chance(0.3)) callAgainAt(world, call, SLOT_TIME + chance.between(0, 3 * SECOND));
}

/** Another call of the same caller, about when slots are freed by time. */
function callAgainAt(world: World, call: PlannedCall, delayMs: number): void {
  const number = call.number + 1000 * (1 + world.chance.whole(0, 1_000_000));
  world.time.in(delayMs, () => {
    if (world.time.now < world.plan.end)
      new Client(world, { ...call, number }, (again) => repairAfterDeath(world, again)).start();
  });
}

/** Evidence: by then the provider's log has every call that ever reached it. */
function reconcile(world: World, delayMs: number, leaf: ItemKey): void {
  world.time.in(delayMs, () => {
    world.onSomeHost(async (host) => {
      const image = await host.ledger.leaves.read(leaf);
      for (const [id, { at }] of Object.entries(image?.h ?? {}))
        await takeEvidenceOf(world, host, { id, at, leaf });
    });
  });
}

/** What the provider's log says of a call. That nothing happened is evidence too. */
async function takeEvidenceOf(
  { auditor }: World,
  { process: { clock, ids }, table, ledger }: Host,
  { id, at, leaf }: { id: string; at: bigint; leaf: ItemKey },
): Promise<void> {
  const bill = auditor.provider.billOf(id, at);
  const billed = picoUsd(bill?.usd ?? 0n);
  auditor.charges.evidenceGiven(id, billed);
  const evidence = { billed, tokens: bill?.tokens, source: 'log' };
  await takeEvidence({ table, ledger, clock, ids }, { id: holdId(id), leaf }, evidence);
}

/** What was presumed is corrected once somebody knows, now and then twice. */
export function correctFromLog(world: World): void {
  const { chance, time } = world;
  world.onChange(({ pk, next }) => {
    if (!pk.startsWith('C#') || next?.['end']?.S !== 'presumed_spent' || !chance.chance(0.5)) return;
    const charge = chargeFromItem(fromWire(next));
    const call = { id: charge.id, at: charge.at, leaf: { pk: charge.leafPk, sk: '-' } };
    const correct = (delayMs: number): void => {
      time.in(delayMs, () => world.onSomeHost((host) => takeEvidenceOf(world, host, call)));
    };
    const soon = chance.pick([chance.between(0, SECOND), chance.between(SECOND, 20 * MINUTE)]);
    correct(SLOT_TIME + soon);
    if (chance.chance(0.3)) correct(SLOT_TIME + soon + chance.between(0, 50));
  });
}

/** Settles from charges as the stream delivers them. */
export function feedFromStream(world: World): void {
  const { chance, time } = world;
  world.onChange(({ pk, next }) => {
    if (!pk.startsWith('C#') || !next || next['end']?.S === 'adjusted') return;
    const feed = (delayMs: number): void => {
      time.in(delayMs, () => {
        world.onSomeHost(async ({ ledger }) => {
          const charge = chargeFromItem(fromWire(next));
          await ledger.settleFrom(charge, { pk: charge.leafPk, sk: '-' }, charge);
        });
      });
    };
    if (chance.chance(0.3)) feed(chance.between(10, 5 * SECOND));
    if (chance.chance(0.1)) feed(chance.between(5 * SECOND, 2 * MINUTE));
    if (chance.chance(0.05)) feed(SLOT_TIME + chance.between(-25 * SECOND, 3 * SECOND));
  });
}
