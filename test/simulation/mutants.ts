/**
 * One guard removed at a time. Each must be noticed by the auditor, or nobody would notice the day it goes missing.
 * A condition of an expression is not left out but made true, since an unused value would be refused as a bug.
 */
import type { Edit } from './bundle.ts';
import type { ScenarioName } from './scenarios.ts';

export interface Mutant {
  /** What is missing. */
  name: string;
  edits: Edit[];
  /** The interleaving that shows it, where it is too rare for seeds to meet. */
  scenario?: ScenarioName;
}

const EXPRESSIONS = 'lambdas/core/ledger/expressions.ts';
const LEDGER = 'lambdas/core/ledger/ledger.ts';
const ACCOUNTS = 'lambdas/core/ledger/accounts.ts';
const COLLECT = 'lambdas/core/ledger/collect.ts';
const TABLE = 'lambdas/adapters/table/dynamodb-table.ts';

const guard = (name: string, file: string, find: string, replace: string): Mutant => ({
  name,
  edits: [{ file, find, replace }],
});

export const MUTANTS: Mutant[] = [
  // ---- reserve: the conditions of the write
  guard('reserve: no hold yet', EXPRESSIONS, '[ROOM_FOR_A_HOLD, NO_HOLD_YET, ', '[ROOM_FOR_A_HOLD, '),
  guard(
    'reserve: newer than the fence',
    EXPRESSIONS,
    'NO_HOLD_YET, NEWER_THAN_FENCE]',
    "NO_HOLD_YET, '(t < :at OR t >= :at)']",
  ),
  guard(
    'reserve: room for a hold',
    EXPRESSIONS,
    "'size(h) < :holdsMax'",
    "'(size(h) < :holdsMax OR size(h) >= :holdsMax)'",
  ),
  guard(
    'reserve: same window',
    EXPRESSIONS,
    'conditions.push(sameWindow(i), enoughFree(i));',
    'conditions.push(`(a.#${i}.k = :k${i} OR a.#${i}.k <> :k${i})`, enoughFree(i));',
  ),
  guard(
    'reserve: enough free',
    EXPRESSIONS,
    'conditions.push(sameWindow(i), enoughFree(i));',
    'conditions.push(sameWindow(i));',
  ),
  guard(
    'reserve: not blocked',
    EXPRESSIONS,
    'conditions.push(notBlocked(i));',
    'conditions.push(`(a.#${i}.s < :b${i} OR a.#${i}.s >= :b${i})`);',
  ),
  // ---- reserve: what the caller does
  guard('reserve: blocked accounts are short', ACCOUNTS, ' || isBlocked(cap, account);', ';'),
  guard(
    'reserve: unanswered attempts are summed',
    LEDGER,
    'unanswered += write.unanswered;',
    'unanswered = write.unanswered;',
  ),
  guard(
    'adapter: unanswered attempts are counted',
    TABLE,
    "if (failure.kind === 'unanswered') unanswered += 1;",
    '',
  ),
  guard(
    'reserve: an own hold found carries the fence',
    LEDGER,
    'mine.fit, unanswered > 0 ? attempts.at(-1)!.at : 0n',
    'mine.fit, 0n',
  ),
  guard('reserve: the hold carries the fence', LEDGER, 'fit, unanswered > 0 ? at : 0n', 'fit, 0n'),
  guard(
    'reserve: raise the fence on leaving',
    LEDGER,
    'if (unanswered > 0) await this.makeLostAttemptsFail(',
    'if (unanswered < 0) await this.makeLostAttemptsFail(',
  ),
  guard(
    'reserve: void what landed before the fence rose',
    LEDGER,
    'if (hold && attempts.some(({ at }) => at === hold.at)) {',
    'if (hold && attempts.length === 0) {',
  ),
  guard(
    'reserve: in flight only by a fresh image',
    LEDGER,
    "if (isFresh) return leaveWithout({ kind: 'in_flight', hold: known });",
    "return leaveWithout({ kind: 'in_flight', hold: known });",
  ),
  guard('reserve: deny only by a fresh image', LEDGER, 'if (!isFresh) {', 'if (false) {'),
  guard(
    'stamp: the nonce',
    'lambdas/core/ledger/stamp.ts',
    '(ms > next ? ms : next) * NONCE_RANGE + nonce',
    '(ms > next ? ms : next) * NONCE_RANGE',
  ),
  // ---- idempotency
  guard(
    'idempotency: the charge is read',
    LEDGER,
    'if (call.bodyHash === undefined) return',
    'if (call.id) return',
  ),
  guard(
    'idempotency: read after the reserve',
    LEDGER,
    `const outcome = await this.reserveAs(call, id);
      const voided = await this.recordedBefore(id, outcome);`,
    `const early = await this.readCharge(id);
      const outcome = await this.reserveAs(call, id);
      const voided = early ? await this.recordedBefore(id, outcome) : outcome;`,
  ),
  guard(
    'idempotency: read when refused too',
    LEDGER,
    'const voided = await this.recordedBefore(id, outcome);',
    "const voided = outcome.kind === 'held' ? await this.recordedBefore(id, outcome) : outcome;",
  ),
  guard(
    'idempotency: read consistently',
    TABLE,
    'Key: keyToWire(key), ConsistentRead: true };',
    'Key: keyToWire(key) };',
  ),
  guard(
    'idempotency: void the hold of a repeat',
    LEDGER,
    `if (!charge) return outcome;
    if (outcome.kind === 'held') await`,
    `if (!charge) return outcome;
    if (outcome.kind === 'short') await`,
  ),
  guard(
    'idempotency: a voided call is made anew',
    LEDGER,
    "charge.outcome === 'voided' ? 'voided' :",
    "charge.outcome === 'presumed_spent' && charge.at < 0n ? 'voided' :",
  ),
  // ---- charge and settle
  guard(
    'charge: written before the settle',
    LEDGER,
    'const write = await this.table.put(putIfAbsent(chargeToItem(charge)));',
    `await this.settle(leaf, charge.id, charge.at, charge.used, charge.fence);
    const write = await this.table.put(putIfAbsent(chargeToItem(charge)));`,
  ),
  guard('charge: written once', EXPRESSIONS, '({ item, condition: ABSENT })', '({ item })'),
  guard(
    'charge: names its hold',
    LEDGER,
    'const isMine = standing.at === charge.at;',
    'const isMine = true;',
  ),
  guard(
    'charge: settles only the hold that it names',
    LEDGER,
    'const used = charge.at === holdAt ? charge.used : NOTHING_USED;',
    'const used = charge.used;',
  ),
  {
    name: 'settle: the hold stands',
    edits: [
      { file: EXPRESSIONS, find: "'h.#id.#at = :at'", replace: "'(h.#id.#at = :at OR v > :at OR v < :at)'" },
    ],
  },
  {
    name: 'settle: of this generation',
    edits: [
      {
        file: EXPRESSIONS,
        find: "'h.#id.#at = :at'",
        replace: "'attribute_exists(h.#id) AND (h.#id.#at = :at OR h.#id.#at <> :at)'",
      },
      { file: LEDGER, find: 'hold?.at !== at) return image;', replace: '!hold) return image;' },
    ],
  },
  {
    name: 'settle: same window',
    edits: [
      {
        file: EXPRESSIONS,
        find: `values[\`:k\${i}\`] = k;
      conditions.push(sameWindow(i));`,
        replace: '',
      },
      {
        file: EXPRESSIONS,
        find: 'if (!account || !isOpen(account, k)) return;',
        replace: 'if (!account || (account.b && !isOpen(account, k))) return;',
      },
    ],
  },
  guard(
    'settle: the window that the image shows',
    EXPRESSIONS,
    `values[\`:k\${i}\`] = k;
      conditions.push(sameWindow(i));`,
    '',
  ),
  guard(
    'settle: the bucket is kept',
    EXPRESSIONS,
    'conditions.push(bucketKept(i));',
    'conditions.push(`(attribute_exists(a.#${i}.b.#b${i}) OR attribute_not_exists(a.#${i}.b.#b${i}))`);',
  ),
  guard('settle: the slot is still held', EXPRESSIONS, 'conditions.push(slotStillHeld(i));', ''),
  guard('settle: raises the fence', EXPRESSIONS, 'if (image.t < fence) {', 'if (false) {'),
  guard(
    'settle: the fence only rises',
    EXPRESSIONS,
    'conditions.push(FENCE_RISES);',
    "conditions.push('(t < :fence OR t >= :fence)');",
  ),
  guard(
    'raise: the fence only rises',
    EXPRESSIONS,
    'condition: NEWER_THAN_FENCE,',
    "condition: '(t < :at OR t >= :at)',",
  ),
  guard(
    'finish: the fence of the call',
    LEDGER,
    'const fence = maxOf(charge.fence, isMine ? standing.fence : 0n);',
    'const fence = 0n;',
  ),
  guard(
    'settle from a charge: its fence',
    LEDGER,
    'used, charge.at === holdAt ? charge.fence : 0n);',
    'used, 0n);',
  ),
  // ---- the rest of the leaf
  guard(
    'change: at the version',
    EXPRESSIONS,
    "{ item, condition: AT_VERSION, values: { ':v': old.v } }",
    '{ item }',
  ),
  guard('change: a new leaf only once', EXPRESSIONS, ': { item, condition: ABSENT };', ': { item };'),
  guard('change: the leaf is listed first', LEDGER, 'if (!old) await this.list(key);', ''),
  guard('slots: only after 16 minutes', ACCOUNTS, 'durationMs(16 * MINUTE)', 'durationMs(MINUTE / 6)'),
  guard('roll: keys only rise', ACCOUNTS, 'account.k < key ?', 'account.k !== key ?'),
  guard(
    'roll: n + 1 buckets',
    'lambdas/core/caps/windows.ts',
    'key - toSeconds(window.buckets *',
    'key - toSeconds((window.buckets - 1) *',
  ),
  guard('roll: counts what is held', ACCOUNTS, ' - heldIn(leaf, cap.account, next);', ';'),
  guard('limit: revisions only rise', ACCOUNTS, 'rolled.r < cap.revision ?', 'rolled.r !== cap.revision ?'),
  guard('limit: keeps what is held', ACCOUNTS, 'f: account.f + limit - account.l,', 'f: limit - account.s,'),
  // ---- the collector
  guard(
    'collector: no release',
    COLLECT,
    'await ledger.finish(presumedCharge(id, key.pk, hold, fence), key);',
    'await ledger.voidUnsent({ id, leaf: key, at: hold.at, fence, hold, admittedAt: now });',
  ),
  guard(
    'collector: not before a day',
    COLLECT,
    'if (hold.x < BigInt(now)) return true;',
    'if (hold.x > 0n) return true;',
  ),
  guard('collector: early only on a crowded leaf', COLLECT, 'Object.keys(leaf.h).length >= CROWDED && ', ''),
  guard('collector: never while a call may run', COLLECT, ' && stampedAt(hold.at) + SLOT_TIME < now;', ';'),
  guard(
    'collector: the worst case',
    'lambdas/core/ledger/charge.ts',
    'used: { u: hold.i.pu, t: hold.i.tk,',
    'used: { u: 0n, t: hold.i.tk,',
  ),
  // ---- stages and the configuration
  guard(
    'stage: lapses with its window',
    ACCOUNTS,
    'return { k: key, f: account.l, s: 0n, l: account.l, r: account.r };',
    'return { ...account, k: key, f: account.l, s: 0n };',
  ),
  guard('stage: falls as buckets leave', ACCOUNTS, 'return withStandingStage(cap, next);', 'return next;'),
  guard('stage: belongs to the limit', ACCOUNTS, ': withoutStage(next);', ': next;'),
  guard(
    'stage: only of the open window',
    'lambdas/core/escalation/set-stage.ts',
    '    !isOpen(account, BigInt(event.window_key)) ||\n',
    '',
  ),
  guard(
    'stage: only while the total reaches it',
    'lambdas/core/escalation/set-stage.ts',
    '    account.s < from;',
    '    false;',
  ),
  guard(
    'configuration: no older than its lag',
    'lambdas/core/directory/fresh-cache.ts',
    'known && now - known.loadedAt < this.lag',
    'known && this.lag > 0',
  ),
];
