/** Charges, settles, the collector and evidence: how a call ends. */
import {
  CHARGE,
  COLLECT,
  CORRECTIONS,
  EVIDENCE,
  EXPRESSIONS,
  RESERVE_TURNS,
  SETTLES,
  shownBy,
  without,
  type Mutant,
} from './mutant.ts';

const SETTLE_IN_THE_IMAGES_WINDOW = `values[\`:k\${i}\`] = k;
      conditions.push(sameWindow(i));`;

export const OF_SETTLE: Mutant[] = [
  // ---- the charge
  without('charge: written before the settle', SETTLES, {
    find: 'const write = await this.table.put(putIfAbsent(chargeToItem(charge)));',
    replace: `await this.settle(leaf, charge, charge.used);
    const write = await this.table.put(putIfAbsent(chargeToItem(charge)));`,
  }),
  without('charge: written once', EXPRESSIONS, {
    find: '({ item, condition: ABSENT })',
    replace: '({ item })',
  }),
  without('charge: settles only the hold that it names', SETTLES, {
    find: 'const used = isNamed ? charge.used : NOTHING_USED;',
    replace: 'const used = charge.used;',
  }),
  shownBy(
    'two charge one call',
    without('charge: the one that stands is settled', SETTLES, {
      find: "const standing = write.kind === 'applied' ? charge : chargeFromItem(write.item!);",
      replace: 'const standing = charge;',
    }),
  ),
  // ---- the settle's write
  without('settle: the hold stands', EXPRESSIONS, {
    find: "'h.#id.#at = :at'",
    replace: "'(h.#id.#at = :at OR v > :at OR v < :at)'",
  }),
  {
    name: 'settle: of this generation',
    edits: [
      {
        file: EXPRESSIONS,
        find: "'h.#id.#at = :at'",
        replace: "'attribute_exists(h.#id) AND (h.#id.#at = :at OR h.#id.#at <> :at)'",
      },
      { file: SETTLES, find: 'hold?.at !== at) return image;', replace: '!hold) return image;' },
    ],
  },
  without(
    'settle: same window',
    EXPRESSIONS,
    { find: SETTLE_IN_THE_IMAGES_WINDOW, replace: '' },
    {
      find: 'if (!account || !isOpen(account, k)) return;',
      replace: 'if (!account || (account.b && !isOpen(account, k))) return;',
    },
  ),
  without('settle: the window that the image shows', EXPRESSIONS, {
    find: SETTLE_IN_THE_IMAGES_WINDOW,
    replace: '',
  }),
  shownBy(
    'a bucket that has left its window',
    without('settle: the bucket is kept', EXPRESSIONS, {
      find: 'conditions.push(bucketKept(i));',
      replace:
        'conditions.push(`(attribute_exists(a.#${i}.b.#b${i}) OR attribute_not_exists(a.#${i}.b.#b${i}))`);',
    }),
  ),
  shownBy(
    'a slot that time has freed',
    without('settle: the slot is still held', EXPRESSIONS, {
      find: 'conditions.push(slotStillHeld(i));',
      replace: '',
    }),
  ),
  without('settle: raises the fence', EXPRESSIONS, {
    find: 'if (image.t < fence) {',
    replace: 'if (false) {',
  }),
  without('settle: the fence only rises', EXPRESSIONS, {
    find: 'conditions.push(FENCE_RISES);',
    replace: "conditions.push('(t < :fence OR t >= :fence)');",
  }),
  without('finish: the fence of the call', SETTLES, {
    find: 'const fence = newerOf(charge.fence, isMine ? standing.fence : 0n);',
    replace: 'const fence = 0n;',
  }),
  shownBy(
    'a copy lands after the collector',
    without('settle from a charge: its fence', SETTLES, {
      find: 'fence: isNamed ? charge.fence : fence }',
      replace: 'fence: 0n }',
    }),
  ),
  shownBy('a copy lands once the other is settled', {
    name: 'settle: what is remembered of another hold says nothing',
    edits: [
      { file: SETTLES, find: 'if (image?.h[id]?.at !== at) image =', replace: 'if (!image?.h[id]) image =' },
      {
        file: RESERVE_TURNS,
        find: 'const hold = write.item && leaves.seen(write.item).h[this.id];',
        replace: 'const hold = write.item && (write.item as unknown as Leaf).h[this.id];',
      },
    ],
  }),
  // ---- the collector
  without('collector: no release', COLLECT, {
    find: 'await ledger.finish({ ...orphanCharge(id, key.pk, hold, fence), ...presumed(hold.i, reason) }, key);',
    replace: 'await ledger.voidUnsent({ id, leaf: key, at: hold.at, fence, hold, admittedAt: now });',
  }),
  without('collector: not before a day', COLLECT, {
    find: 'if (hold.x < BigInt(now))',
    replace: 'if (hold.x > 0n)',
  }),
  without('collector: early only on a crowded leaf', COLLECT, {
    find: 'open >= CROWDED && ',
    replace: '',
  }),
  without('collector: never while a call may run', COLLECT, {
    find: ' && stampedAt(hold.at) + SLOT_TIME < now;',
    replace: ';',
  }),
  shownBy(
    'a copy lands after the collector',
    without('collector: what it gives up cannot land later', COLLECT, {
      find: 'const fence = stampAfter(now, hold.at, nonce);',
      replace: 'const fence = 0n * nonce;',
    }),
  ),
  without('collector: the worst case', CHARGE, {
    find: 'used: { u: pu, t: tk,',
    replace: 'used: { u: 0n, t: tk,',
  }),
  // ---- evidence
  without('evidence: is a charge', EVIDENCE, {
    find: 'const fence = stampAfter(clock.now(), hold.at, ids.randomBits(nonceBits));',
    replace: `const fence = stampAfter(clock.now(), hold.at, ids.randomBits(nonceBits));
  if (evidence.billed === 0n) {
    await ledger.voidUnsent({ id, leaf, at: hold.at, fence, hold, admittedAt: clock.now() });
    return { kind: 'unknown' };
  }`,
  }),
  shownBy(
    'evidence of a call that runs',
    without('evidence: never while a call may run', EVIDENCE, {
      find: "if (stampedAt(hold.at) + SLOT_TIME > clock.now()) return { kind: 'may_be_running' };",
      replace: '',
    }),
  ),
  without('evidence: corrects only what was presumed', EVIDENCE, {
    find: "if (charge.outcome !== 'presumed_spent') return { kind: 'settled', charge };",
    replace: '',
  }),
  without('adjustment: once', CORRECTIONS, {
    find: '...putIfAbsent(chargeToItem(correction))',
    replace: 'item: chargeToItem(correction)',
  }),
  without('adjustment: an earlier one stands', EVIDENCE, {
    find: 'return standing ? undefined : { used, source };',
    replace: 'return { used, source };',
  }),
  without('adjustment: only of an open window', CORRECTIONS, {
    find: 'if (isOpen(account, held.k)) next =',
    replace: 'if (isOpen(account, held.k) || !account.b) next =',
  }),
  shownBy(
    'a correction and a call at once',
    without('adjustment: the leaf at its version', CORRECTIONS, {
      find: '...putAtVersion(leafToItem(next!), leaf)',
      replace: 'item: putAtVersion(leafToItem(next!), leaf).item',
    }),
  ),
  {
    name: "adjustment: only of the pool's open window",
    edits: [
      {
        file: CORRECTIONS,
        find: '(await ledger.pools.read(name))?.k === held.k',
        replace: '(await ledger.pools.read(name)) !== undefined',
      },
      {
        file: EXPRESSIONS,
        find: `condition: POOL_AT_KEY,
    update: 'SET f = f - :d, s = s + :d, v = v + :one',`,
        replace: `condition: '(k = :k OR k <> :k)',
    update: 'SET f = f - :d, s = s + :d, v = v + :one',`,
      },
    ],
  },
  shownBy(
    'a correction meets midnight',
    without('adjustment: the pool at its key', EXPRESSIONS, {
      find: `condition: POOL_AT_KEY,
    update: 'SET f = f - :d, s = s + :d, v = v + :one',`,
      replace: `condition: '(k = :k OR k <> :k)',
    update: 'SET f = f - :d, s = s + :d, v = v + :one',`,
    }),
  ),
  without('adjustment: with its accounts in one transaction', CORRECTIONS, {
    find: 'const outcome = await table.transact(await writesFor(ledger, correction), transactionToken(ids));',
    replace: `let outcome: Awaited<ReturnType<typeof table.transact>> = { kind: 'applied', unanswered: 0 };
    for (const write of await writesFor(ledger, correction)) {
      const one = await table.transact([write], transactionToken(ids));
      if (one.kind !== 'applied') outcome = one;
    }`,
  }),
];
