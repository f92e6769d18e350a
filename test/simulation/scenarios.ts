/**
 * Interleavings that are too rare for seeds to meet, each told step by step. The real ledger passes them; what each
 * one is there for fails it (see `mutants.ts`).
 */
import { parseWindow } from '../../lambdas/core/caps/windows.ts';
import { collectLeaf } from '../../lambdas/core/ledger/collect.ts';
import { nonceBits } from '../../lambdas/core/ledger/stamp.ts';
import { epochMs } from '../../lambdas/core/brands.ts';
import { MAIL_SCENARIOS } from './mail-scenarios.ts';
import { SHARED_CAP_SCENARIOS } from './shared-cap-scenarios.ts';
import { about, aTransactionOf, ownCap, Script, sharedCap } from './script.ts';
import { Violation } from './violation.ts';

const EVENTS_MAX = 10_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

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

/**
 * Amy's call gets no answer to its reserve, which arrives late. Its repeat is refused, since Ben's call has taken the
 * money, and she is on her way out. Now Ben gives his hold back and the late copy lands, before the fence is raised.
 */
function aCopyLandsBeforeItsCallerLeaves(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n)] });
  const [here, there] = [script.process(), script.process()];
  const { leaf } = script.call('amy', 0n).caller;
  script.play(async () => {
    // Her leaf stands.
    await there.ledger.voidUnsent(await script.hold(there, script.call('amy', 1n)));
    script.next(about(here, leaf.pk, 'updateItem'), { arrivesAfterMs: 2300 });
    const outcome = script.reserve(here, script.call('amy', 30n));
    await script.until(1000);
    const ben = await script.hold(there, script.call('amy', 20n));
    script.next(about(here, leaf.pk, 'updateItem'), {});
    script.next(about(here, leaf.pk, 'updateItem'), { arrivesAfterMs: 500 });
    await script.until(2150);
    await there.ledger.voidUnsent(ben);
    if ((await outcome).kind !== 'short') throw new Error(`not refused: ${(await outcome).kind}`);
  });
  return script;
}

/**
 * A process stands still for a day before it charges its call. The collector presumes the call spent and gets no
 * further than the charge; now the process goes on. The charge that stands is what the hold becomes.
 */
function twoChargeOneCall(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n)] });
  const [slow, collector] = [script.process(), script.process()];
  script.play(async () => {
    const { leaf } = script.call('amy', 0n).caller;
    const held = await script.hold(slow, script.call('amy', 30n));
    const charge = script.forward(held, 10n);
    await script.until(25 * HOUR);
    script.next(about(collector, leaf.pk, 'updateItem'), { isLost: true }, 8);
    const { clock, ids } = collector.process;
    await collectLeaf(collector.ledger, leaf, clock.now(), ids.randomBits(nonceBits));
    await slow.ledger.finish(charge, leaf);
  });
  return script;
}

/** The reserve of a repeat stands, and the charge of the first cannot be read: nobody may forward, so the hold goes back. */
function theChargeCannotBeRead(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n)] });
  const host = script.process();
  script.play(async () => {
    script.next(about(host, 'C#key-1', 'getItem'), { isLost: true }, 8);
    const outcome = await script.reserve(host, script.call('amy', 30n, { bodyHash: 'body-1' }));
    if (outcome.kind !== 'unavailable') throw new Error(`not refused: ${outcome.kind}`);
  });
  return script;
}

/**
 * One process runs a second ahead. Its call got no answer at first, so its settle raised the fence to its own time;
 * another process, whose time is not there yet, goes on from the fence.
 */
function aClockThatIsBehind(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n)] });
  const [ahead, behind] = [script.process(1000), script.process()];
  script.play(async () => {
    const { pk } = script.call('amy', 0n).caller.leaf;
    script.next(about(ahead, pk, 'updateItem'), { isAnswerLost: true });
    await ahead.ledger.voidUnsent(await script.hold(ahead, script.call('amy', 10n)));
    await script.hold(behind, script.call('amy', 10n));
  });
  return script;
}

/**
 * A repeat's process dies before it has read that its call was charged; one copy of its reserve is still under way. The
 * collector voids the hold, and then the copy lands.
 */
function aCopyLandsAfterTheCollector(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n)] });
  const [first, second, collector] = [script.process(), script.process(), script.process()];
  script.play(async () => {
    const call = script.call('amy', 10n, { bodyHash: 'body-1' });
    const { leaf } = call.caller;
    const held = await script.hold(first, call);
    await first.ledger.finish(script.forward(held, 5n), leaf);
    script.next(about(second, leaf.pk, 'updateItem'), { arrivesAfterMs: 5 * MINUTE });
    script.next(about(second, `C#${held.id}`), { isLost: true });
    void script.reserve(second, call);
    await script.until(3000);
    second.process.kill();
    await script.until(2 * MINUTE);
    const { clock, ids } = collector.process;
    await collectLeaf(collector.ledger, leaf, clock.now(), ids.randomBits(nonceBits));
  });
  return script;
}

/** A leaf takes 64 calls in flight. It has 63, two processes know it so, and both send one more. */
function twoCallsForTheLastPlace(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 1000n)] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    for (let i = 0; i < 62; i += 1) await script.hold(here, script.call('amy', 1n));
    await script.hold(there, script.call('amy', 1n));
    await here.ledger.leaves.read(script.call('amy', 0n).caller.leaf);
    const kinds = await Promise.all(
      [here, there].map(async (host) => (await script.reserve(host, script.call('amy', 1n))).kind),
    );
    if (kinds.toSorted().join() !== 'crowded,held') throw new Error(`the two are ${kinds.join()}`);
  });
  return script;
}

/** The cap blocks at half of its limit. A call is settled that reaches it, and a process that has not heard of it calls. */
function aBlockThatAnotherHasReached(): Script {
  const block = { warn: null, throttle: null, block: 500 };
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 100n, { thresholds: block })] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const held = await script.hold(there, script.call('amy', 50n));
    await here.ledger.leaves.read(held.leaf);
    await there.ledger.finish(script.forward(held, 50n), held.leaf);
    const { kind } = await script.reserve(here, script.call('amy', 10n));
    if (kind !== 'short') throw new Error(`not refused: ${kind}`);
  });
  return script;
}

/**
 * A reserve gets no answer and is under way still; its repeat is refused, since another call holds the whole lease. The
 * call draws, and reserves under a new stamp, which is answered at once. Its settle still has the first copy to fear.
 */
function aCopyOfAnEarlierStamp(): Script {
  const script = new Script({ users: ['amy'], caps: [sharedCap(100n)] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    await there.ledger.voidUnsent(await script.hold(there, script.call('amy', 40n)));
    const { leaf } = script.call('amy', 0n).caller;
    await here.ledger.leaves.read(leaf);
    script.next(about(here, leaf.pk, 'updateItem'), { arrivesAfterMs: MINUTE });
    const held = script.hold(here, script.call('amy', 10n));
    await script.until(1000);
    const other = await script.hold(there, script.call('amy', 40n));
    await here.ledger.finish(script.forward(await held, 10n), leaf);
    await there.ledger.voidUnsent(other);
  });
  return script;
}

/**
 * A call of yesterday's last second was presumed spent, and now its evidence arrives. The correction reads the pool
 * before midnight and writes after it, when another call has opened the new day.
 */
function aCorrectionMeetsMidnight(): Script {
  const midnight = Date.UTC(2026, 10, 26);
  const script = new Script({
    users: ['amy', 'cal'],
    caps: [sharedCap(100n, 'day')],
    at: midnight - 20 * MINUTE,
  });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const held = await script.hold(here, script.call('amy', 10n));
    await here.ledger.finish(script.forward(held, undefined), held.leaf);
    await here.ledger.pools.giveBack((await here.ledger.leaves.read(held.leaf))!, 'org');
    await script.until(20 * MINUTE - 20);
    script.next(aTransactionOf(here), { arrivesAfterMs: 1000 });
    const correction = script.evidence(here, held, 4n);
    await script.until(20 * MINUTE + 100);
    await script.hold(there, script.call('cal', 5n));
    await correction;
  });
  return script;
}

/**
 * The ladder raises a stage by the thresholds that it has read. Meanwhile they change, and a call makes the account
 * follow them.
 */
function thresholdsChangeUnderTheLadder(): Script {
  const script = new Script({
    users: ['amy'],
    caps: [ownCap('amy', 100n, { thresholds: { warn: null, throttle: 500, block: 1000 } })],
  });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const held = await script.hold(there, script.call('amy', 60n));
    await there.ledger.finish(script.forward(held, 60n), held.leaf);
    script.next(about(here, held.leaf.pk), { arrivesAfterMs: 500 });
    const raised = script.raiseStage(here, 'amy-month', { rung: 'throttle', from: 50n });
    script.world.configuration.change('amy-month', {
      thresholds: { warn: null, throttle: 900, block: 1000 },
    });
    await script.until(200);
    await script.hold(script.process(), script.call('amy', 1n));
    await raised;
  });
  return script;
}

/** Sixteen minutes after a call began its slot is free: another call takes it, and then the first one ends after all. */
function aSlotThatTimeHasFreed(): Script {
  const slots = ownCap('amy', 1n, { metric: 'concurrent', window: { kind: 'lifetime' } });
  const script = new Script({ users: ['amy'], caps: [slots] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const held = await script.hold(here, script.call('amy', 10n));
    await script.until(17 * MINUTE);
    await script.hold(there, script.call('amy', 10n));
    await here.ledger.finish(script.forward(held, 10n), held.leaf);
  });
  return script;
}

/** A process remembers a call in flight that was given back since. The same key calls again, and need not wait. */
function aCallThatWasGivenBack(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n)] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const call = script.call('amy', 10n, { bodyHash: 'body-1' });
    const held = await script.hold(there, call);
    await here.ledger.leaves.read(held.leaf);
    await there.ledger.voidUnsent(held);
    await script.hold(here, call);
  });
  return script;
}

/** A reserve is answered with an error, and carried out a second later, when its caller has been refused by another copy. */
function aServerErrorThatLandsLater(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n)] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const { leaf } = script.call('amy', 0n).caller;
    await there.ledger.voidUnsent(await script.hold(there, script.call('amy', 1n)));
    await here.ledger.leaves.read(leaf);
    const other = await script.hold(there, script.call('amy', 20n));
    script.next(about(here, leaf.pk, 'updateItem'), { landsAfterErrorMs: 1000 });
    const { kind } = await script.reserve(here, script.call('amy', 30n));
    if (kind !== 'short') throw new Error(`not refused: ${kind}`);
    await there.ledger.voidUnsent(other);
  });
  return script;
}

/** A call leaves without a hold and raises the fence to its own stamp, when a newer one stands already. */
function aNewerFenceStands(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n)] });
  const [here, ahead] = [script.process(), script.process(1000)];
  script.play(async () => {
    const { leaf } = script.call('amy', 0n).caller;
    await ahead.ledger.voidUnsent(await script.hold(ahead, script.call('amy', 1n)));
    await here.ledger.leaves.read(leaf);
    script.next(about(here, leaf.pk, 'updateItem'), { isLost: true });
    const outcome = script.reserve(here, script.call('amy', 30n));
    await script.until(500);
    script.next(about(ahead, leaf.pk, 'updateItem'), { isAnswerLost: true });
    await ahead.ledger.voidUnsent(await script.hold(ahead, script.call('amy', 5n)));
    await script.hold(ahead, script.call('amy', 20n));
    if ((await outcome).kind !== 'short') throw new Error(`not refused: ${(await outcome).kind}`);
  });
  return script;
}

/** A process remembers a bucket that has left its rolling window since, and settles what it held there: nothing was used. */
function aBucketThatHasLeftItsWindow(): Script {
  const twoHours = parseWindow('rolling_2h', { timeZone: 'UTC', anchorDay: 1 })!;
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n, { window: twoHours })] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const held = await script.hold(here, script.call('amy', 30n));
    await script.until(4 * HOUR);
    await there.ledger.voidUnsent(await script.hold(there, script.call('amy', 30n)));
    await here.ledger.finish(script.forward(held, 0n), held.leaf);
  });
  return script;
}

/** The provider's log has nothing of a call yet, since it runs. */
function evidenceOfACallThatRuns(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n)] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const held = await script.hold(here, script.call('amy', 30n));
    script.world.auditor.forwards(held);
    script.world.auditor.provider.runs(held);
    await script.until(5 * MINUTE);
    const { kind } = await script.evidence(there, held, 0n);
    if (kind !== 'may_be_running') throw new Error(`it is ${kind}`);
  });
  return script;
}

/** A correction has read the leaf, and before it is written another call is held there. */
function aCorrectionAndACallAtOnce(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 100n)] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const held = await script.hold(here, script.call('amy', 30n));
    await here.ledger.finish(script.forward(held, undefined), held.leaf);
    await script.until(1000);
    script.next(aTransactionOf(here), { arrivesAfterMs: 500 });
    const correction = script.evidence(here, held, 10n);
    await script.until(1100);
    await script.hold(there, script.call('amy', 5n));
    await correction;
  });
  return script;
}

/**
 * A reserve gets no answer and is under way still; its repeat is refused, the lease being held by another call, and the
 * pool cannot be read. Whoever leaves now must see to it that the first copy cannot land.
 */
function thePoolCannotBeReadAfterALostReserve(): Script {
  const script = new Script({ users: ['amy'], caps: [sharedCap(100n)] });
  const [here, there] = [script.process(), script.process()];
  script.play(async () => {
    const { pk } = script.call('amy', 0n).caller.leaf;
    await there.ledger.voidUnsent(await script.hold(there, script.call('amy', 10n)));
    await here.ledger.voidUnsent(await script.hold(here, script.call('amy', 10n)));
    script.next(about(here, pk, 'updateItem'), { arrivesAfterMs: MINUTE });
    script.next(about(here, 'P#org'), { isLost: true }, 8);
    const outcome = script.reserve(here, script.call('amy', 10n));
    const other = await script.hold(there, script.call('amy', 20n));
    if ((await outcome).kind !== 'unavailable') throw new Error(`not refused: ${(await outcome).kind}`);
    await there.ledger.voidUnsent(other);
  });
  return script;
}

/**
 * Two send one call under its key. The second's reserve is answered with an error and is under way still; its repeat finds
 * the first's hold. That one is settled, then the copy lands, and only now the second's fence arrives: it must find its
 * own hold, though it remembers another's under the same id.
 */
function aCopyLandsOnceTheOtherIsSettled(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n)] });
  const [first, second] = [script.process(), script.process()];
  script.play(async () => {
    const call = script.call('amy', 10n, { bodyHash: 'body-1' });
    const { leaf } = call.caller;
    await first.ledger.voidUnsent(await script.hold(first, script.call('amy', 1n)));
    await second.ledger.leaves.read(leaf);
    const held = await script.hold(first, call);
    script.next(about(second, leaf.pk, 'updateItem'), { landsAfterErrorMs: 1000 });
    script.next(about(second, leaf.pk, 'updateItem'), {});
    script.next(about(second, leaf.pk, 'updateItem'), { arrivesAfterMs: 1900 });
    const outcome = script.reserve(second, call);
    await script.until(500);
    await first.ledger.finish(script.forward(held, 10n), leaf);
    if ((await outcome).kind !== 'recorded') throw new Error(`not answered: ${(await outcome).kind}`);
  });
  return script;
}

/** A grant is approved again by a machine that has not heard that it has expired meanwhile. */
function aGrantThatComesTooLate(): Script {
  const script = new Script({ users: ['amy'], caps: [ownCap('amy', 40n, { window: { kind: 'lifetime' } })] });
  const host = script.process();
  script.play(async () => {
    const cap = script.world.configuration.currentById('amy-month')!;
    const grant = { id: 'grant-1', key: 0n, amount: 10n, expiresAt: epochMs(script.start + 1000) };
    script.world.auditor.known.issues(cap.account, grant.id, grant);
    await script.until(5000);
    await host.ledger.grant(cap, script.call('amy', 0n).caller.leaf, grant);
  });
  return script;
}

const SCENARIOS = {
  'money goes home while it is looked for': moneyGoesHomeWhileItIsLookedFor,
  'a copy lands before its caller leaves': aCopyLandsBeforeItsCallerLeaves,
  'two charge one call': twoChargeOneCall,
  'the charge cannot be read': theChargeCannotBeRead,
  'a clock that is behind': aClockThatIsBehind,
  'a copy lands after the collector': aCopyLandsAfterTheCollector,
  'a call that was given back': aCallThatWasGivenBack,
  'a server error that lands later': aServerErrorThatLandsLater,
  'a newer fence stands': aNewerFenceStands,
  'two calls for the last place': twoCallsForTheLastPlace,
  'a block that another has reached': aBlockThatAnotherHasReached,
  'a copy of an earlier stamp': aCopyOfAnEarlierStamp,
  'a correction meets midnight': aCorrectionMeetsMidnight,
  'a bucket that has left its window': aBucketThatHasLeftItsWindow,
  'evidence of a call that runs': evidenceOfACallThatRuns,
  'a correction and a call at once': aCorrectionAndACallAtOnce,
  'the pool cannot be read after a lost reserve': thePoolCannotBeReadAfterALostReserve,
  'a slot that time has freed': aSlotThatTimeHasFreed,
  'thresholds change under the ladder': thresholdsChangeUnderTheLadder,
  'a copy lands once the other is settled': aCopyLandsOnceTheOtherIsSettled,
  'a grant that comes too late': aGrantThatComesTooLate,
  ...SHARED_CAP_SCENARIOS,
  ...MAIL_SCENARIOS,
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
    return error instanceof Violation ? error.message : String(error);
  }
}
