/**
 * Whoever finishes what a crash cut off: the collector, the feeder on the stream of charges (repeated, late and out
 * of order), and the reconciler, who learns from the provider's log what was billed.
 */
import { fromWire } from '../../lambdas/adapters/table/items.ts';
import { holdId } from '../../lambdas/core/brands.ts';
import { chargeFromItem, NOTHING_USED } from '../../lambdas/core/ledger/charge.ts';
import { collectAll, collectLeaf } from '../../lambdas/core/ledger/collect.ts';
import { nonceBits, stampAfter, stampedAt } from '../../lambdas/core/ledger/stamp.ts';
import type { ItemKey } from '../../lambdas/core/ports.ts';
import { Client } from './clients.ts';
import type { PlannedCall } from './plan.ts';
import type { World } from './world.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** No call can be running any more. */
const SLOT_TIME = 16 * MINUTE;

export function collect(world: World, delayMs: number, leaf?: ItemKey): void {
  world.time.in(delayMs, () => {
    world.onSomeHost(async ({ process: { clock, ids }, ledger, table }) => {
      if (leaf) await collectLeaf(ledger, leaf, clock.now(), ids.randomBits(nonceBits));
      else await collectAll({ table, ledger, clock }, () => ids.randomBits(nonceBits));
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
    world.onSomeHost(async ({ process: { clock, ids }, ledger }) => {
      const image = await ledger.readLeaf(leaf);
      for (const [id, hold] of Object.entries(image?.h ?? {})) {
        const now = clock.now();
        if (now < stampedAt(hold.at) + SLOT_TIME + world.plan.rates.skewMsMax) continue;
        const bill = world.auditor.wasForwarded(id, hold.at) ? world.auditor.bill(id) : undefined;
        const charge = {
          id: holdId(id),
          at: hold.at,
          fence: stampAfter(now, hold.at, ids.randomBits(nonceBits)),
          leafPk: leaf.pk,
          accounts: hold.c,
          info: hold.i,
          modelServed: 'm',
          tokens: {},
          stage: 'normal',
          latencyMs: -1n,
        };
        // That nothing happened is a charge of 0 as well, so that the put decides between evidence and expiry.
        if (bill) {
          const outcome = bill.usd > hold.i.pu ? 'overrun' : 'settled';
          const used = { u: bill.usd, t: bill.tokens, r: 1n, c: 0n };
          await ledger.finish({ ...charge, used, outcome }, leaf);
        } else await ledger.finish({ ...charge, used: NOTHING_USED, outcome: 'voided' }, leaf);
      }
    });
  });
}

/** Settles from charges as the stream delivers them. */
export function feedFromStream(world: World): void {
  const { chance, time } = world;
  world.onChange(({ pk, next }) => {
    if (!pk.startsWith('C#') || !next) return;
    const feed = (delayMs: number): void => {
      time.in(delayMs, () => {
        world.onSomeHost(async ({ ledger }) => {
          const charge = chargeFromItem(fromWire(next));
          await ledger.settleFrom(charge, { pk: charge.leafPk, sk: '-' }, charge.at);
        });
      });
    };
    if (chance.chance(0.3)) feed(chance.between(10, 5 * SECOND));
    if (chance.chance(0.1)) feed(chance.between(5 * SECOND, 2 * MINUTE));
    if (chance.chance(0.05)) feed(SLOT_TIME + chance.between(-25 * SECOND, 3 * SECOND));
  });
}
