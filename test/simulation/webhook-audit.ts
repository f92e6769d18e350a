/**
 * What receivers got, against what the bus took: each event at least once, or it lies in the dead letters with the
 * reason; signed, so that the receiver can verify it; the same body however often; and after pauses as documented.
 */
import { createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Message } from './message-queue.ts';
import type { SimulatedProcess } from './process.ts';
import { Violation } from './violation.ts';
import type { VirtualTime } from './virtual-time.ts';
import { valueAt, type Subscription } from './webhook-plan.ts';

/** As `docs/webhooks.md` has them. */
const PAUSES_S = [5, 30, 300, 1800, 7200, 14_400, 28_800, 36_000];
const ATTEMPTS_MAX = 9;
/** The libraries refuse what is older. */
const STALE_MS = 5 * 60_000;

export interface PostedMessage {
  headers: Record<string, string>;
  body: string;
}

/** What the bus has taken, for one subscription. */
interface Due {
  subscription: Subscription;
  id: string;
  content: object;
  /** The text of the first attempt. */
  body: string | undefined;
  isTaken: boolean;
  letters: number;
  /** Until when it was made to wait, and when. */
  pause: { from: number; to: number };
}

/** A function has a message. */
export interface Attempt {
  due: Due;
  message: Message;
  /** The how manieth it is. */
  number: number;
  begunAt: number;
  /** Undefined before there is one. */
  outcome: { isTaken: boolean; reason: string } | undefined;
  isPosted: boolean;
  /** That the message waits, or is given up. */
  asked: 'nothing' | 'in vain' | 'done';
}

export interface WebhookCounts {
  /** Attempts to post an event to a webhook. */
  posts: number;
  /** Events that a receiver took, again too. */
  postsTaken: number;
  /** Messages that came to the dead letters. */
  letters: number;
}

export class WebhookAudit {
  readonly counts: WebhookCounts = { posts: 0, postsTaken: 0, letters: 0 };
  private readonly time: VirtualTime;
  private readonly dues = new Map<Message, Due>();
  /** The newest of each function. */
  private readonly attempts = new Map<SimulatedProcess, Attempt>();

  constructor(time: VirtualTime) {
    this.time = time;
  }

  /** The bus has an event for somebody, who is to get it as it is. */
  mustPost(
    message: Message,
    {
      subscription,
      type,
      timestamp,
      data,
    }: { subscription: Subscription; type: string; timestamp: string; data: { id: string } },
  ): void {
    this.dues.set(message, {
      ...{ subscription, id: data.id, content: { type, timestamp, data }, body: undefined },
      ...{ isTaken: false, letters: 0, pause: { from: 0, to: 0 } },
    });
  }

  /** What lay in the dead letters is in the queue again. */
  redriven(message: Message, again: Message): void {
    const due = this.dues.get(message)!;
    due.letters = 0;
    due.pause = { from: 0, to: 0 };
    this.dues.delete(message);
    this.dues.set(again, due);
  }

  // ---- an attempt ---------------------------------------------------------------------------------------------

  begins(process: SimulatedProcess, message: Message): void {
    const due = this.dues.get(message)!;
    const attempt: Attempt = {
      ...{ due, message, number: message.received, begunAt: this.time.now },
      ...{ outcome: undefined, isPosted: false, asked: 'nothing' },
    };
    this.attempts.set(process, attempt);
  }

  posts(process: SimulatedProcess, url: string, { headers, body }: PostedMessage): Attempt {
    const attempt = this.attempts.get(process)!;
    const { due, begunAt } = attempt;
    this.counts.posts += 1;
    if (attempt.isPosted) throw broken(due, 'is posted twice at one attempt');
    attempt.isPosted = true;
    const { webhook, deletedAt } = due.subscription;
    if (begunAt >= deletedAt) throw broken(due, 'is posted to somebody who has unsubscribed');
    if (webhook.url !== url) throw broken(due, `is posted to ${url}`);
    if (begunAt >= due.pause.from && this.time.now < due.pause.to) throw broken(due, 'is posted too soon');
    if (headers['webhook-id'] !== due.id) throw broken(due, `is posted as ${headers['webhook-id']}`);
    due.body ??= body;
    if (due.body !== body || !isDeepStrictEqual(JSON.parse(body), due.content))
      throw broken(due, `is posted as ${body}`);
    return attempt;
  }

  /** At the receiver: verified as the specification says, by what it knows. */
  arrives({ due }: Attempt, { headers, body }: PostedMessage): void {
    const { now } = this.time;
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
    if (Math.abs(now - Number(timestamp) * 1000) > STALE_MS)
      throw broken(due, `says that it was sent at ${timestamp}`);
    const secret = valueAt(due.subscription.known, now)!;
    const signed = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
      .update(`${id}.${timestamp}.${body}`)
      .digest('base64');
    if (!signatures?.split(' ').includes(`v1,${signed}`))
      throw broken(due, `cannot be verified: ${signatures}`);
  }

  /** The receiver has answered with 2xx, whether or not that comes back. */
  taken({ due }: Attempt): void {
    due.isTaken = true;
    this.counts.postsTaken += 1;
  }

  /** What came of it, as who posts hears it. */
  answered(attempt: Attempt, outcome: { isTaken: boolean; reason: string }): void {
    attempt.outcome = outcome;
  }

  delays(process: SimulatedProcess, receipt: string, seconds: number): void {
    const { due, message, number, outcome } = this.attempts.get(process)!;
    if (outcome?.isTaken === true) throw broken(due, 'is to come again, and was taken');
    if (Number(receipt.split('#')[0]) !== message.number) throw broken(due, `is not ${receipt}`);
    if (seconds !== PAUSES_S[number - 1]) throw broken(due, `waits for ${seconds} s after attempt ${number}`);
  }

  /** The queue holds it back from now on. */
  delayed({ due }: Attempt, seconds: number): void {
    const { now } = this.time;
    due.pause = { from: now, to: now + seconds * 1000 };
  }

  givesUp(process: SimulatedProcess, reason: string): void {
    const { due, number, outcome, begunAt } = this.attempts.get(process)!;
    if (number < ATTEMPTS_MAX) throw broken(due, `is given up after attempt ${number}`);
    if (outcome?.isTaken === true) throw broken(due, 'is given up, and was taken');
    if (outcome && !reason.includes(outcome.reason))
      throw broken(due, `is given up for "${reason}", which was "${outcome.reason}"`);
    if (begunAt >= due.subscription.deletedAt)
      throw broken(due, 'is given up, and its receiver has unsubscribed');
  }

  givenUp({ due }: Attempt): void {
    due.letters += 1;
    this.counts.letters += 1;
  }

  /** What was asked of the queue got its answer, or none. */
  asked(process: SimulatedProcess, isDone: boolean): void {
    this.attempts.get(process)!.asked = isDone ? 'done' : 'in vain';
  }

  attemptOf(process: SimulatedProcess): Attempt {
    return this.attempts.get(process)!;
  }

  /** `stays`: undefined where the function died or was cut off. */
  ends(process: SimulatedProcess, stays: boolean | undefined): void {
    const { due, outcome, asked, begunAt } = this.attempts.get(process)!;
    if (stays === undefined) return;
    const isUnsubscribed = due.subscription.deletedAt <= begunAt;
    if (!stays && outcome?.isTaken !== true && due.letters === 0 && !isUnsubscribed)
      throw broken(due, 'is dropped, and nobody has it');
    if (stays && outcome?.isTaken === true) throw broken(due, 'comes again, and was taken');
    if (stays && asked === 'nothing') throw broken(due, 'comes again, and nobody said when');
  }

  /** The queue has moved it to the dead letters by itself, where nobody can write why. */
  movedAway(message: Message): void {
    const due = this.dues.get(message)!;
    due.letters += 1;
    this.counts.letters += 1;
  }

  // ---- in the end ---------------------------------------------------------------------------------------------

  /** Messages in the dead letters. */
  lettersNow(): Message[] {
    return [...this.dues].filter(([, { letters }]) => letters > 0).map(([message]) => message);
  }

  /** Everybody is up again, and what was given up was sent once more. */
  atRest(): void {
    for (const [message, due] of this.dues) {
      const isUnsubscribed = due.subscription.deletedAt < Infinity;
      if (!message.isGone) throw broken(due, 'waits for ever');
      if (!due.isTaken && !isUnsubscribed)
        throw broken(due, due.letters > 0 ? 'is given up again' : 'never arrives');
    }
  }
}

const broken = ({ id, subscription }: Due, what: string): Violation =>
  new Violation('webhook', `${id} for ${subscription.webhook.id} ${what}`);
