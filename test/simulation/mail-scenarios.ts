/** Who else may be at it when a crossing is mailed: each told step by step. Amy's call has reached the block of her cap. */
import type { CapThresholdCrossed } from '../../lambdas/core/events/cap-threshold-crossed.ts';
import { MailRoom } from './mail-room.ts';
import type { Fate, Sent } from './network.ts';
import { ownCap, Script } from './script.ts';
import { readStream } from './stream.ts';

const SECOND = 1000;
const SEED = 1;
/** Later than any function lives. */
const LATER_MS = 70 * SECOND;
/** As often as the adapter asks. */
const LOST: readonly Fate[] = Array.from({ length: 8 }, () => ({ isLost: true }));

class MailScript extends Script {
  readonly room: MailRoom;
  private readonly mailFates: { operation: Sent['operation']; pk: string; fate: Fate }[] = [];

  constructor(scene: (script: MailScript, event: CapThresholdCrossed) => Promise<void>) {
    super({ users: ['amy'], caps: [ownCap('amy', 40n)] });
    this.room = new MailRoom(this.world, SEED, true);
    this.room.network.script = ({ operation, input }) => {
      const { Key, Item } = input as { Key?: { pk: { S: string } }; Item?: { pk: { S: string } } };
      const pk = (Key ?? Item)?.pk.S;
      const place = this.mailFates.findIndex((next) => next.operation === operation && next.pk === pk);
      return place < 0 ? undefined : this.mailFates.splice(place, 1)[0]!.fate;
    };
    const crossed = new Promise<CapThresholdCrossed>((resolve) =>
      readStream(this.world, { started: resolve, taken: () => undefined }),
    );
    this.play(async () => {
      const host = this.process();
      const call = this.call('amy', 40n);
      const held = await this.hold(host, call);
      await host.ledger.finish(this.forward(held, 40n), call.caller.leaf);
      const event = await crossed;
      this.room.audit.mustMail(event);
      await scene(this, event);
      await this.pass(LATER_MS);
      await this.room.round();
      this.room.audit.atRest();
    });
  }

  /** What becomes of the next requests of that kind. */
  nextOf(operation: Sent['operation'], pk: string, fates: readonly Fate[]): void {
    for (const fate of fates) this.mailFates.push({ operation, pk, fate });
  }

  /** Somebody is told, and none of these requests of theirs arrives; then so much time goes by that they are gone. */
  async tellWithout(event: CapThresholdCrossed, operation: Sent['operation'], pk: string): Promise<void> {
    this.nextOf(operation, pk, LOST);
    await this.room.tell(event);
    await this.pass(LATER_MS);
  }

  pass(ms: number): Promise<void> {
    return this.until(this.world.time.now - this.start + ms);
  }
}

/** Two are told at once. The note of the second lands when the first has mailed the crossing and taken its own away. */
const aNoteThatComesLate = (): Script =>
  new MailScript(async (script, event) => {
    const { room } = script;
    script.nextOf('putItem', 'M#WAIT', [{}, { arrivesAfterMs: 1500 }]);
    await Promise.all([room.tell(event), room.tell(event)]);
  });

/** While its mail is on its way, another is told of the same, and a round comes by. */
const aCrossingThatIsBeingMailed = (): Script =>
  new MailScript(async (script, event) => {
    const { room } = script;
    room.slowMailsMs.push(20 * SECOND);
    const slow = room.tell(event);
    await script.pass(10 * SECOND);
    await Promise.all([room.tell(event), room.round()]);
    await slow;
  });

/** Whoever was told could not go on once it was noted, so that a round mails it; the schedule invokes two. */
const twoRoundsAtOnce = (): Script =>
  new MailScript(async (script, event) => {
    const { room } = script;
    await script.tellWithout(event, 'updateItem', 'M#TURN');
    await Promise.all([room.round(), room.round()]);
  });

/** The same, and the topic takes its time with the first round. */
const aRoundThatTakesLong = (): Script =>
  new MailScript(async (script, event) => {
    const { room } = script;
    await script.tellWithout(event, 'updateItem', 'M#TURN');
    room.slowMailsMs.push(20 * SECOND);
    const slow = room.round();
    await script.pass(10 * SECOND);
    await room.round();
    await slow;
  });

/** It is mailed and noted as such, but the note that it waits could not be taken away. */
const aNoteThatStays = (): Script =>
  new MailScript(async (script, event) => {
    const { room } = script;
    await script.tellWithout(event, 'deleteItem', 'M#WAIT');
    await room.round();
  });

export const MAIL_SCENARIOS = {
  'a note that comes late': aNoteThatComesLate,
  'a crossing that is being mailed': aCrossingThatIsBeingMailed,
  'two rounds at once': twoRoundsAtOnce,
  'a round that takes long': aRoundThatTakesLong,
  'a note that stays': aNoteThatStays,
} as const;
