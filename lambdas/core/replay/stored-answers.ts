/**
 * Answers that are kept for repeats, for apps whose policy says so (`apps[].storeAnswers`). They are sealed: whoever
 * reads the table, its stream or a backup does not read them. Nothing of the books depends on them: where one is
 * missing, a repeat is told its charge instead.
 *
 *   answer  R#<hold id> · s sealed · ttl when it expires (epoch seconds)
 */
import { durationMs, type DurationMs, type HoldId } from '../brands.ts';
import { expiresAt, isExpired } from '../expiry.ts';
import type { Charge } from '../ledger/charge.ts';
import type { Policy } from '../policy/policy.ts';
import type { Clock, ItemKey, Sealer, Table } from '../ports.ts';
import type { Caller } from '../steps/identify.ts';
import { HOUR, plus, SECOND } from '../time.ts';

/** What a client got, whole. */
export interface StoredAnswer {
  status: number;
  /** Without those that were true only then: what is left of a cap, the request's own id. */
  headers: [string, string][];
  body: Uint8Array<ArrayBuffer>;
}

/** An item of DynamoDB holds 400 KB; this leaves room for its names. Text answers shrink to a fifth and less. */
const SEALED_LENGTH_MAX = 380_000;
/** More than this is not even collected. */
export const ANSWER_BYTES_MAX = 2 * 1024 * 1024;
/** The client waits meanwhile, so what takes longer is given up. */
const PATIENCE = durationMs(1 * SECOND);

export class StoredAnswers {
  private readonly table: Table;
  private readonly sealer: Sealer;
  private readonly clock: Clock;
  private readonly policy: Policy;

  constructor(deps: { table: Table; sealer: Sealer; clock: Clock; policy: Policy }) {
    this.table = deps.table;
    this.sealer = deps.sealer;
    this.clock = deps.clock;
    this.policy = deps.policy;
  }

  /** Whether a call of this caller leaves its answer behind. */
  keepsFor({ app, idempotencyKey }: Caller): boolean {
    return idempotencyKey !== undefined && this.retentionOf(app) !== undefined;
  }

  /** Keeps the answer, unless it is too large. Resolves to why it could not be kept; never rejects. */
  async keep({ id, info }: Charge, answer: StoredAnswer): Promise<string | undefined> {
    const timer = this.clock.timer(PATIENCE);
    const tooLate = timer.ended.then(() => 'it took too long');
    const reason = await Promise.race([this.put(id, info.ap, answer).catch(String), tooLate]);
    timer.stop();
    return reason;
  }

  /**
   * The answer of a charged call, for the app that made it; undefined where there is none, where it has expired, and
   * where it was sealed with a key that is no longer in use. Throws TableUnavailable, and where there is no key.
   */
  async find({ id }: Charge, app: string): Promise<StoredAnswer | undefined> {
    if (this.retentionOf(app) === undefined) return undefined;
    const item = await this.table.get(answerKey(id));
    if (!item || isExpired(item, this.clock.now())) return undefined;
    const bytes = await this.sealer.open(item['s'] as string, contextOf(id, app));
    return bytes && fromBytes(bytes);
  }

  private retentionOf(app: string): DurationMs | undefined {
    const hours = this.policy.apps.find(({ id }) => id === app)?.storeAnswers?.retentionHours;
    return hours === undefined ? undefined : durationMs(hours * HOUR);
  }

  private async put(id: HoldId, app: string, answer: StoredAnswer): Promise<string | undefined> {
    if (answer.body.length > ANSWER_BYTES_MAX) return undefined;
    const sealed = await this.sealer.seal(toBytes(answer), contextOf(id, app));
    if (sealed.length > SEALED_LENGTH_MAX) return undefined;
    const end = plus(this.clock.now(), this.retentionOf(app)!);
    const write = await this.table.put({
      item: { ...answerKey(id), s: sealed, ...expiresAt(end) },
    });
    return write.kind === 'unavailable' ? write.reason : undefined;
  }
}

const answerKey = (id: HoldId): ItemKey => ({ pk: `R#${id}`, sk: '-' });

/** An answer opens for its own call and app alone, whoever asks for it and wherever the item was copied to. */
const contextOf = (id: HoldId, app: string): string => `${id}\n${app}`;

/** One line of JSON, then the body as it is. */
function toBytes({ status, headers, body }: StoredAnswer): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`${JSON.stringify({ status, headers })}\n`);
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

function fromBytes(bytes: Uint8Array<ArrayBuffer>): StoredAnswer {
  const end = bytes.indexOf('\n'.charCodeAt(0));
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as Omit<StoredAnswer, 'body'>;
  return { ...head, body: bytes.subarray(end + 1) };
}
