/**
 * Random sequences of calls and repeats under a few keys, each answer compared with what the endings before it allow:
 * what runs, what is given again, what is told as charged; and in the end the books against the provider's truth.
 */
import { describe, expect, it, vi } from 'vitest';
import { parseUsd } from '../../lambdas/core/money.ts';
import { openGateway, type TestGateway } from '../support/gateways.ts';
import { noAnswer, notSent, plain, streamed, type Script } from '../support/scripted-upstream.ts';
import { SeededIds } from '../support/worlds.ts';
import { chatCall, chatStream, messagesCall, responsesStream } from './dialects.ts';

const KEYS = Array.from({ length: 10 }, (_, i) => `key-${i}`);
const STEPS = 60;
const RETENTION_HOURS = 24;

interface Ending {
  script: Script;
  /** What it charges; undefined where it is void. */
  charged: string | undefined;
  /** Whether there is an answer to be given again. */
  isWhole: boolean;
}
interface Kind {
  path: string;
  headers: Record<string, string>;
  body: string;
  endings: Ending[];
}

const REFUSED = '{"error":{"message":"No."}}';
const plainKind = (call: typeof chatCall): Kind => ({
  ...call,
  endings: [
    { script: plain(call.answer), charged: call.cost, isWhole: true },
    { script: plain(call.answerWithoutUsage), charged: call.hold, isWhole: true },
    { script: plain(REFUSED, { status: 400 }), charged: undefined, isWhole: false },
    { script: plain(REFUSED, { status: 504 }), charged: call.hold, isWhole: false },
    { script: noAnswer, charged: call.hold, isWhole: false },
    { script: notSent, charged: undefined, isWhole: false },
  ],
});
const streamKind = (call: typeof chatStream): Kind => ({
  ...call,
  endings: [
    { script: streamed(call.frames), charged: call.cost, isWhole: true },
    { script: streamed(call.framesWithoutUsage), charged: call.hold, isWhole: true },
    { script: streamed(call.frames.slice(0, 1)), charged: call.hold, isWhole: false },
    { script: noAnswer, charged: call.hold, isWhole: false },
    { script: notSent, charged: undefined, isWhole: false },
  ],
});
const KINDS = [
  plainKind(chatCall),
  plainKind(messagesCall),
  streamKind(chatStream),
  streamKind(responsesStream),
];

/** What is known of a key whose call was charged. */
interface Charged {
  kind: Kind;
  /** The answer and until when it is given; undefined where none is stored. */
  stored: { text: string; until: number } | undefined;
}

/** How often each was seen, over all seeds: a sequence that never comes to something proves nothing of it. */
const seen = { runs: 0, together: 0, replays: 0, told: 0, expired: 0, mismatches: 0 };

class Sequence {
  private readonly random: SeededIds;
  private readonly known = new Map<string, Charged>();
  private readonly gateway: TestGateway;
  private runs = 0;
  private chargedPicoUsd = 0n;
  private isStoreDown = false;

  constructor(seed: number, gateway: TestGateway) {
    this.random = new SeededIds(seed);
    this.gateway = gateway;
    const put = gateway.table.put.bind(gateway.table);
    vi.spyOn(gateway.table, 'put').mockImplementation(async (write) =>
      this.isStoreDown && write.item.pk.startsWith('R#')
        ? { kind: 'unavailable', unanswered: 8, reason: 'lost' }
        : put(write),
    );
  }

  async step(): Promise<void> {
    const key = this.pick(KEYS);
    const charged = this.known.get(key);
    if (this.isOneIn(12)) await this.gateway.clock.pass(this.pick([1, RETENTION_HOURS]) * 3600);
    if (!charged) return this.run(key);
    if (this.isOneIn(4)) return this.mistake(key, charged);
    return this.repeat(key, charged);
  }

  async books(): Promise<void> {
    const account = await this.gateway.account();
    expect(this.gateway.upstream.sent).toHaveLength(this.runs);
    expect(parseUsd(account?.settled ?? '0.00')).toBe(this.chargedPicoUsd);
    expect(account?.holds ?? 0).toBe(0);
  }

  /** A call that is not charged yet: it runs once, however many come at the same time. */
  private async run(key: string): Promise<void> {
    const kind = this.pick(KINDS);
    const ending = this.pick(kind.endings);
    this.isStoreDown = this.isOneIn(5);
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.gateway.upstream.next(async (request) => {
      await opened;
      return ending.script(request);
    });
    const first = this.send(key, kind);
    this.runs += 1;
    seen.runs += 1;
    await this.gateway.upstream.hasSent(this.runs);
    const atOnce = this.isOneIn(2) ? Number(this.random.randomBits(3)) : 0;
    for (const { status, text } of await Promise.all(
      Array.from({ length: atOnce }, () => this.send(key, kind)),
    )) {
      expect(status).toBe(409);
      expect(text).toContain('"in_flight"');
      seen.together += 1;
    }
    open();
    const { text, replayed } = await first;
    await this.gateway.settled();
    expect(replayed).toBe(false);
    if (ending.charged === undefined) return;
    this.chargedPicoUsd += parseUsd(ending.charged)!;
    const until = this.gateway.clock.now() + RETENTION_HOURS * 3_600_000;
    const stored = ending.isWhole && !this.isStoreDown ? { text, until } : undefined;
    this.known.set(key, { kind, stored });
  }

  private async repeat(key: string, { kind, stored }: Charged): Promise<void> {
    const { status, text, replayed } = await this.send(key, kind);
    if (stored && this.gateway.clock.now() < stored.until) {
      expect({ status, text, replayed }).toEqual({ status: 200, text: stored.text, replayed: true });
      seen.replays += 1;
    } else {
      expect({ status, replayed }).toEqual({ status: 409, replayed: false });
      expect(text).toContain('"already_charged"');
      if (stored) seen.expired += 1;
      else seen.told += 1;
    }
  }

  private async mistake(key: string, { kind }: Charged): Promise<void> {
    const other = this.pick([
      { ...kind, body: kind.body.replace('Say', 'say') },
      ...KINDS.filter((another) => another !== kind),
    ]);
    const { status, text } = await this.send(key, other);
    expect(status).toBe(422);
    expect(text).toContain('"idempotency_mismatch"');
    seen.mismatches += 1;
  }

  private async send(key: string, { path, body, headers }: Kind) {
    const response = await this.gateway.call(path, body, { ...headers, 'idempotency-key': key });
    const replayed = response.headers.get('x-spendcap-replayed') === 'true';
    return { status: response.status, text: await response.text(), replayed };
  }

  private pick<T>(from: readonly T[]): T {
    return from[Number(this.random.randomBits(24)) % from.length]!;
  }
  private isOneIn(count: number): boolean {
    return Number(this.random.randomBits(24)) % count === 0;
  }
}

describe('repeats', () => {
  it.each(Array.from({ length: 25 }, (_, i) => i + 1))('of seed %i', async (seed) => {
    const storeAnswers = { retentionHours: RETENTION_HOURS };
    const gateway = await openGateway({
      policy: { apps: [{ id: 'web', team: 'growth', storeAnswers }] },
    });
    const sequence = new Sequence(seed, gateway);
    for (let step = 0; step < STEPS; step += 1) await sequence.step();
    await sequence.books();
  });

  it('came to everything', () => {
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(20);
  });
});
