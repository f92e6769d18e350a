/** Scenarios of shared caps: pools, leases, debts, and money that is looked for. See `scenarios.ts`. */
import { collectLeaf } from '../../lambdas/core/ledger/collect.ts';
import { nonceBits } from '../../lambdas/core/ledger/stamp.ts';
import { about, aTransactionOf, Script, sharedCap } from './script.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/**
 * The cap blocks at half of its limit. Amy looks at the leases and has read the pool, at the old limit; the limit is
 * raised, and only then Cal's call is settled, before she has read his leaf. What she sees is blocked, and was at no
 * time.
 */
function aBlockThatNeverWas(): Script {
  const thresholds = { warn: null, throttle: null, block: 500 };
  const script = new Script({ users: ['amy', 'cal'], caps: [{ ...sharedCap(100n), thresholds }] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const { leaf } = script.call('cal', 0n).caller;
    const first = await script.hold(there, script.call('cal', 20n));
    await there.ledger.finish(script.forward(first, 20n), leaf);
    await there.ledger.pools.giveBack((await there.ledger.leaves.read(leaf))!, 'org');
    await there.ledger.voidUnsent(await script.hold(there, script.call('cal', 60n)));
    const [settled, last] = [
      await script.hold(there, script.call('cal', 20n)),
      await script.hold(there, script.call('cal', 20n)),
    ];
    await there.ledger.finish(script.forward(settled, 20n), leaf);
    script.next(about(here, leaf.pk), { arrivesAfterMs: 1000 });
    const amy = script.hold(here, script.call('amy', 30n));
    await script.until(500);
    script.world.configuration.change('org', { limit: 200n });
    await there.ledger.pools.change(script.world.configuration.currentById('org')!);
    await there.ledger.finish(script.forward(last, 20n), leaf);
    await amy;
  });
  return script;
}

/**
 * An overrun took more than the lease had, and the pool is about to pay that. Meanwhile another call is settled for
 * less than it held, which makes good for it.
 */
function aDebtThatIsMadeGood(): Script {
  const script = new Script({ users: ['amy'], caps: [sharedCap(40n)] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const [over, other] = [
      await script.hold(here, script.call('amy', 20n)),
      await script.hold(here, script.call('amy', 20n)),
    ];
    await here.ledger.finish({ ...script.forward(over, 30n), outcome: 'overrun' }, over.leaf);
    const leaf = await here.ledger.leaves.read(over.leaf);
    script.next(aTransactionOf(here), { arrivesAfterMs: 500 });
    const paid = here.ledger.pools.giveBack(leaf!, 'org');
    await there.ledger.finish(script.forward(other, 5n), other.leaf);
    await paid;
  });
  return script;
}

/**
 * An overrun took more than the lease had, and its process died before the pool paid. Whoever looks at leases sees to it,
 * before another leaves more to a third than there is.
 */
function aDebtThatItsProcessLeft(): Script {
  const script = new Script({ users: ['amy', 'ben', 'cal'], caps: [sharedCap(100n)] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const over = await script.hold(there, script.call('cal', 40n));
    await there.ledger.voidUnsent(await script.hold(there, script.call('ben', 30n)));
    await there.ledger.finish({ ...script.forward(over, 60n), outcome: 'overrun' }, over.leaf);
    await script.hold(here, script.call('amy', 35n));
    const { kind } = await script.reserve(here, script.call('ben', 20n));
    if (kind !== 'short') throw new Error(`not refused: ${kind}`);
  });
  return script;
}

/** All of a cap lies on more leases than one call looks at, and a call needs nearly all of it. */
function moneyThatLiesOnManyLeaves(): Script {
  const users = Array.from({ length: 11 }, (_, i) => `user-${i}`);
  const script = new Script({ users: ['amy', ...users], caps: [sharedCap(110n)] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const held = [];
    for (const user of users) held.push(await script.hold(there, script.call(user, 10n)));
    for (const call of held) await there.ledger.voidUnsent(call);
    await script.hold(here, script.call('amy', 90n));
  });
  return script;
}

/** The collector has read a leaf with an empty lease, and before it clears that away a call has drawn on it. */
function anEmptyLeaseIsDrawnOn(): Script {
  const script = new Script({ users: ['amy'], caps: [sharedCap(40n, 'lifetime')] });
  const [collector, there] = [script.process(), script.process()];
  script.play(async () => {
    const { leaf } = script.call('amy', 0n).caller;
    await there.ledger.voidUnsent(await script.hold(there, script.call('amy', 10n)));
    await there.ledger.pools.giveBack((await there.ledger.leaves.read(leaf))!, 'org');
    await script.until(8 * DAY);
    script.next(about(collector, 'P#org'), { arrivesAfterMs: 1000 });
    const { clock, ids } = collector.process;
    const collected = collectLeaf(collector.ledger, leaf, clock.now(), ids.randomBits(nonceBits));
    await there.ledger.voidUnsent(await script.hold(there, script.call('amy', 10n)));
    await collected;
  });
  return script;
}

/** A lease was drawn a day ago and its window is over, but a call that was held of it later has not ended. */
function aLeaseThatIsOverAndHeld(): Script {
  const script = new Script({ users: ['amy', 'cal'], caps: [sharedCap(1000n, 'day')] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    await there.ledger.voidUnsent(await script.hold(there, script.call('amy', 10n)));
    await script.until(2 * HOUR);
    const held = await script.hold(there, script.call('amy', 10n));
    await script.until(25 * HOUR);
    await there.ledger.voidUnsent(await script.hold(there, script.call('cal', 10n)));
    const { clock, ids } = here.process;
    await collectLeaf(here.ledger, held.leaf, clock.now(), ids.randomBits(nonceBits));
    await there.ledger.finish(script.forward(held, 5n), held.leaf);
  });
  return script;
}

export const SHARED_CAP_SCENARIOS = {
  'a block that never was': aBlockThatNeverWas,
  'a debt that is made good': aDebtThatIsMadeGood,
  'a debt that its process left': aDebtThatItsProcessLeft,
  'money that lies on many leaves': moneyThatLiesOnManyLeaves,
  'an empty lease is drawn on': anEmptyLeaseIsDrawnOn,
  'a lease that is over and held': aLeaseThatIsOverAndHeld,
} as const;
