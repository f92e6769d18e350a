/** What a reserve checks, in its write and around it. */
import {
  ACCOUNTS,
  EXPRESSIONS,
  FAILURES,
  RESERVES,
  RESERVE_CALL,
  RESERVE_TURNS,
  RUNG_RATES,
  STAMP,
  TABLE,
  shownBy,
  without,
  type Mutant,
} from './mutant.ts';

export const OF_RESERVE: Mutant[] = [
  // ---- the conditions of the write
  without('reserve: no hold yet', EXPRESSIONS, {
    find: '[ROOM_FOR_A_HOLD, NO_HOLD_YET, ',
    replace: '[ROOM_FOR_A_HOLD, ',
  }),
  without('reserve: newer than the fence', EXPRESSIONS, {
    find: 'NO_HOLD_YET, NEWER_THAN_FENCE]',
    replace: "NO_HOLD_YET, '(t < :at OR t >= :at)']",
  }),
  shownBy(
    'two calls for the last place',
    without('reserve: room for a hold', EXPRESSIONS, {
      find: "'size(h) < :holdsMax'",
      replace: "'(size(h) < :holdsMax OR size(h) >= :holdsMax)'",
    }),
  ),
  without('reserve: same window', EXPRESSIONS, {
    find: 'conditions.push(sameWindow(i), enoughFree(i));',
    replace: 'conditions.push(`(a.#${i}.k = :k${i} OR a.#${i}.k <> :k${i})`, enoughFree(i));',
  }),
  without('reserve: enough free', EXPRESSIONS, {
    find: 'conditions.push(sameWindow(i), enoughFree(i));',
    replace: 'conditions.push(sameWindow(i));',
  }),
  shownBy(
    'a block that another has reached',
    without('reserve: not blocked', EXPRESSIONS, {
      find: 'conditions.push(notBlocked(i));',
      replace: 'conditions.push(`(a.#${i}.s < :b${i} OR a.#${i}.s >= :b${i})`);',
    }),
  ),
  without(
    'reserve: stages as seen',
    EXPRESSIONS,
    {
      find: 'conditions.push(stagesSet === undefined ? STAGES_AS_SEEN.none : STAGES_AS_SEEN.some);',
      replace: '',
    },
    { find: "if (stagesSet !== undefined) values[':g'] = stagesSet;", replace: '' },
  ),
  // ---- the rates that stages add
  without('rate: of own caps', RUNG_RATES, {
    find: 'pools.get(cap.account) : leaf.a[cap.account];',
    replace: 'pools.get(cap.account) : undefined;',
  }),
  without('rate: of shared caps', RUNG_RATES, {
    find: 'pools.get(cap.account) : leaf.a[cap.account];',
    replace: 'undefined : leaf.a[cap.account];',
  }),
  without('rate: also once the stage is higher', RUNG_RATES, {
    find: ">= rankOf('throttled')",
    replace: "=== rankOf('throttled')",
  }),
  {
    name: 'rate: counted for all leaves of a caller',
    edits: [
      {
        file: RESERVE_TURNS,
        find: "if (rates.length > 0 && !isFirstLeaf(call.leaf)) return { kind: 'elsewhere' };",
        replace: '',
      },
      {
        file: RESERVE_CALL,
        find: 'if (added.length === 0 || !isFirstLeaf(leaf)) return prepared;',
        replace: 'if (added.length === 0) return prepared;',
      },
    ],
  },
  without('rate: held too', RESERVE_TURNS, {
    find: 'this.send({ ...call, caps }, image, fit, now)',
    replace: 'this.send(call, image, fit, now)',
  }),
  without('rate: of this minute', RUNG_RATES, { find: "unit: 'minute'", replace: "unit: 'hour'" }),
  // ---- what the caller sees to
  without('reserve: the leaf is prepared', RESERVE_TURNS, {
    find: 'if (!image || prepareFor(call, image, pools, now)) return',
    replace: 'if (!image || call.caps.some((cap) => !isShared(cap) && !image!.a[cap.account])) return',
  }),
  without('reserve: blocked accounts are short', ACCOUNTS, {
    find: 'return account.f < amount || isBlocked(cap, account);',
    replace: 'return account.f < amount;',
  }),
  without('reserve: a lease of the open window', RESERVE_CALL, {
    find: 'lease.k < capKeyAt(cap, now) ||',
    replace: 'lease.k > capKeyAt(cap, now) + 1_000_000_000n ||',
  }),
  without('reserve: a blocked shared cap is looked at', RESERVE_CALL, {
    find: ' ||\n      isBlocked(cap, accountOf({ leaf, pools }, cap))',
    replace: '',
  }),
  shownBy(
    'a call that was given back',
    without('reserve: in flight only by a fresh image', RESERVE_TURNS, {
      find: "return this.isFresh ? { kind: 'in_flight', hold } : this.look(await this.read());",
      replace: "return { kind: 'in_flight', hold };",
    }),
  ),
  without('reserve: deny only by a fresh image', RESERVE_TURNS, {
    find: 'if (!this.isFresh && (refusal ||',
    replace: 'if (false && (refusal ||',
  }),
  without('stamp: the nonce', STAMP, {
    find: '(ms > next ? ms : next) * NONCE_RANGE + nonce',
    replace: '(ms > next ? ms : next) * NONCE_RANGE',
  }),
  shownBy(
    'a clock that is behind',
    without('stamp: newer than what was seen', STAMP, {
      find: '(ms > next ? ms : next) * NONCE_RANGE + nonce',
      replace: 'ms * NONCE_RANGE + nonce',
    }),
  ),
  // ---- attempts that nobody answered
  without('adapter: unanswered attempts are counted', TABLE, {
    find: "if (failure.kind === 'unanswered') unanswered += 1;",
    replace: '',
  }),
  shownBy(
    'a server error that lands later',
    without('adapter: a server error leaves it open', FAILURES, {
      find: "'impossible' : 'unanswered' }",
      replace: "'impossible' : status >= 500 ? 'throttled' : 'unanswered' }",
    }),
  ),
  shownBy(
    'a copy of an earlier stamp',
    without('reserve: unanswered attempts are summed', RESERVE_TURNS, {
      find: 'this.unanswered += write.unanswered;',
      replace: 'this.unanswered = write.unanswered;',
    }),
  ),
  without('reserve: the hold carries the fence', RESERVE_TURNS, {
    find: 'const fence = this.unanswered > 0 ? this.newest : 0n;',
    replace: 'const fence = 0n;',
  }),
  without('reserve: raise the fence on leaving', RESERVE_TURNS, {
    find: 'if (!isHeld && this.unanswered > 0) await',
    replace: 'if (!isHeld && this.unanswered < 0) await',
  }),
  shownBy(
    'the pool cannot be read after a lost reserve',
    without('reserve: raise the fence on leaving by an error, too', RESERVE_TURNS, {
      find: 'let isHeld = false;',
      replace: 'let isHeld = true;',
    }),
  ),
  shownBy(
    'a newer fence stands',
    without('raise: the fence only rises', EXPRESSIONS, {
      find: 'condition: NEWER_THAN_FENCE,',
      replace: "condition: '(t < :at OR t >= :at)',",
    }),
  ),
  shownBy(
    'a copy lands before its caller leaves',
    without('reserve: void what landed before the fence rose', RESERVE_TURNS, {
      find: 'if (hold && this.attempts.some(({ at }) => at === hold.at)) {',
      replace: 'if (hold && this.attempts.length === 0) {',
    }),
  ),
  // ---- idempotency
  without('idempotency: the hold names the body', RESERVE_CALL, {
    find: '...(call.bodyHash === undefined ? {} : { bh: call.bodyHash }),',
    replace: '',
  }),
  without('idempotency: the charge is read', RESERVES, {
    find: 'if (call.bodyHash === undefined) return',
    replace: 'if (call.id) return',
  }),
  without('idempotency: read after the reserve', RESERVES, {
    find: `const outcome = await this.reserveAs(call, id);
      const voided = await this.recordedBefore(id, outcome);`,
    replace: `const early = await this.deps.settles.readCharge(id);
      const outcome = await this.reserveAs(call, id);
      const voided = early ? await this.recordedBefore(id, outcome) : outcome;`,
  }),
  without('idempotency: read when refused too', RESERVES, {
    find: 'const voided = await this.recordedBefore(id, outcome);',
    replace: "const voided = outcome.kind === 'held' ? await this.recordedBefore(id, outcome) : outcome;",
  }),
  without('idempotency: read consistently', TABLE, {
    find: 'Key: keyToWire(key), ConsistentRead: true };',
    replace: 'Key: keyToWire(key) };',
  }),
  without('idempotency: void the hold of a repeat', RESERVES, {
    find: `if (!charge) return outcome;
    if (outcome.kind === 'held') await`,
    replace: `if (!charge) return outcome;
    if (outcome.kind === 'held' && charge.at < 0n) await`,
  }),
  shownBy(
    'the charge cannot be read',
    without('idempotency: void the hold where the charge cannot be read', RESERVES, {
      find: `if (outcome.kind === 'held') await settles.voidUnsent(outcome.call);
      throw error;`,
      replace: 'throw error;',
    }),
  ),
  without('idempotency: a voided call is made anew', RESERVES, {
    find: "charge.outcome === 'voided' ? 'voided' :",
    replace: "charge.outcome === 'presumed_spent' && charge.at < 0n ? 'voided' :",
  }),
];
