/**
 * A queue of SQS with its dead letters, as an event source mapping of Lambda reads it: a message comes at least once, is
 * hidden while somebody has it and for as long as that one asks, and has gone to the dead letters when it was received
 * too often.
 */
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** As `lib/constructs/webhooks/` has it. */
const HIDDEN_MS = 180_000;
const RECEIVED_MAX = 9;
const AT_ONCE = 10;

export interface Message {
  number: number;
  body: string;
  /** How often it was. */
  received: number;
  receipt: string;
  /** Infinity once it is. */
  visibleAt: number;
  /** It was taken out, or lies in the dead letters. */
  isGone: boolean;
}

export interface QueueEvents {
  /** Somebody gets it, under its newest receipt. Resolves when that has ended; true where it is to be taken out. */
  received: (message: Message) => Promise<boolean>;
  /** It was received too often. */
  movedAway: (message: Message) => void;
}

export class MessageQueue {
  private readonly time: VirtualTime;
  private readonly chance: Random;
  private readonly events: QueueEvents;
  /** How often a message comes twice at once, or stays although it was to be taken out. */
  repeats = 0;
  private readonly messages = new Map<number, Message>();
  private readonly ready: Message[] = [];
  private busy = 0;
  private count = 0;

  constructor(options: { time: VirtualTime; chance: Random; events: QueueEvents }) {
    this.time = options.time;
    this.chance = options.chance;
    this.events = options.events;
  }

  put(body: string): Message {
    this.count += 1;
    const message = { number: this.count, body, received: 0, receipt: '', visibleAt: 0, isGone: false };
    this.messages.set(message.number, message);
    this.show(message, 0);
    return message;
  }

  /** A receipt that is not the newest may do still. False where nothing came of it. */
  hide(receipt: string, ms: number): boolean {
    const message = this.messages.get(Number(receipt.split('#')[0]));
    // Nobody hides what anybody may receive.
    if (!message || message.isGone || message.visibleAt === Infinity) return false;
    if (message.receipt !== receipt && this.chance.chance(0.5)) return false;
    this.show(message, ms);
    return true;
  }

  private show(message: Message, delayMs: number): void {
    const visibleAt = this.time.now + delayMs;
    message.visibleAt = visibleAt;
    this.time.at(visibleAt, () => {
      if (message.isGone || message.visibleAt !== visibleAt) return;
      message.visibleAt = Infinity;
      this.ready.push(message);
      this.receive();
    });
  }

  private receive(): void {
    while (this.busy < AT_ONCE) {
      const message = this.ready.shift();
      if (!message) return;
      if (message.isGone) continue;
      message.received += 1;
      if (message.received > RECEIVED_MAX) {
        message.isGone = true;
        this.events.movedAway(message);
        continue;
      }
      message.receipt = `${message.number}#${message.received}`;
      message.visibleAt = this.time.now + HIDDEN_MS;
      this.hand(message);
      if (this.chance.chance(this.repeats)) this.hand(message);
    }
  }

  private hand(message: Message): void {
    const { visibleAt } = message;
    this.busy += 1;
    void this.events.received(message).then((isDone) => {
      this.busy -= 1;
      if (isDone && !this.chance.chance(this.repeats)) message.isGone = true;
      // Whoever had it has not asked for another pause.
      else if (message.visibleAt === visibleAt) this.show(message, visibleAt - this.time.now);
      this.receive();
    });
  }
}
