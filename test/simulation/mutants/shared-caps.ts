/** Pools, leases, and what a call does before a shared cap denies it. */
import {
  COLLECT,
  DRAWS,
  EXPRESSIONS,
  POOL,
  POOLS,
  TIDY_LEASES,
  shownBy,
  without,
  type Mutant,
} from './mutant.ts';

const DRAW = 'condition: isDraw ? `${POOL_AT_KEY} AND ${ENOUGH_IN_POOL}` : POOL_AT_KEY,';
const TRANSACTION = `const outcome = await this.table.transact(
      [{ op: 'update', ...poolSide }, ...mine.put, ...givenBack],
      transactionToken(this.ids),
    );`;

export const OF_SHARED_CAPS: Mutant[] = [
  // ---- moves between pool and leases
  without('move: the pool at its key', EXPRESSIONS, {
    find: DRAW,
    replace: 'condition: `(k = :k OR k <> :k)${isDraw ? ` AND ${ENOUGH_IN_POOL}` : ""}`,',
  }),
  without('draw: enough in the pool', EXPRESSIONS, {
    find: "ENOUGH_IN_POOL = 'f >= :d'",
    replace: "ENOUGH_IN_POOL = '(f >= :d OR f < :d)'",
  }),
  without('draw: the leaf at its version', POOLS, {
    find: "put: [{ op: 'put' as const, ...put }]",
    replace: "put: [{ op: 'put' as const, item: put.item }]",
  }),
  without('give back: enough on the lease', EXPRESSIONS, {
    find: "ENOUGH_ON_LEASE = 'a.#a.f >= :g'",
    replace: "ENOUGH_ON_LEASE = '(a.#a.f >= :g OR a.#a.f < :g)'",
  }),
  without('give back: what was settled once', EXPRESSIONS, {
    find: "STILL_SETTLED = 'a.#a.s >= :s'",
    replace: "STILL_SETTLED = '(a.#a.s >= :s OR a.#a.s < :s)'",
  }),
  shownBy(
    'a debt that is made good',
    without('pay: what the lease owes and no more', EXPRESSIONS, {
      find: "OWES_JUST_THAT = 'a.#a.f = :g'",
      replace: "OWES_JUST_THAT = '(a.#a.f = :g OR a.#a.f <> :g)'",
    }),
  ),
  without('move: pool and leaves in one transaction', POOLS, {
    find: TRANSACTION,
    replace: `let outcome: Awaited<ReturnType<typeof this.table.transact>> = { kind: 'applied', unanswered: 0 };
    for (const write of [{ op: 'update' as const, ...poolSide }, ...mine.put, ...givenBack]) {
      outcome = await this.table.transact([write], transactionToken(this.ids));
      if (outcome.kind !== 'applied') break;
    }`,
  }),
  without('move: a token for each plan', POOLS, {
    find: 'transactionToken(this.ids),',
    replace: "'always-the-same',",
  }),
  without('move: what was settled goes home with it', POOL, {
    find: 's: 0n, l: lease.l + drawn - lease.s,',
    replace: 's: lease.s, l: lease.l + drawn,',
  }),
  without('lease: void once its window is over', POOL, {
    find: 'return lease?.k === key ? lease : undefined;',
    replace: 'return lease;',
  }),
  without('index: before the first draw', DRAWS, {
    find: 'if (!mine.a[cap.account] && !search.isListed) await this.enterIndex(cap.account, mine.pk);',
    replace: '',
  }),
  // ---- before a denial
  without('deny: settled money proves it', DRAWS, {
    find: 'if (pool.l - pool.s < smallest) return',
    replace: 'if (pool.f < smallest) return',
  }),
  without('deny: in one reading, where settled money alone leaves too little', DRAWS, {
    find: "if (pool.l - pool.s < smallest) return { kind: 'short', leaf: mine };",
    replace: '',
  }),
  without('deny: idle leases are pulled first', DRAWS, {
    find: 'if (pool.f + idle >= lack) {',
    replace: 'if (idle < 0n) {',
  }),
  without('deny: every lease was seen', DRAWS, {
    find: 'if (isWhole) return isProven',
    replace: 'if (isWhole || siblings.length > 0) return isProven',
  }),
  shownBy(
    'money goes home while it is looked for',
    without('deny: the same picture twice', DRAWS, {
      find: "if (isWhole) return isProven ? { kind: 'short', leaf: mine } : 'look_again';",
      replace: "if (isWhole) return { kind: 'short', leaf: mine };",
    }),
  ),
  shownBy(
    'a block that never was',
    without('deny: a block is proven too', DRAWS, {
      find: "return isProven || isBlocked(cap, pool) ? { kind: 'short', leaf: mine } : 'look_again';",
      replace: "return { kind: 'short', leaf: mine };",
    }),
  ),
  without('draw: not from a blocked pool', DRAWS, {
    find: 'if (isBlocked(cap, accountOf(books, cap))) {',
    replace: 'if (isBlocked(cap, accountOf(books, cap)) && pool.v < 0n) {',
  }),
  shownBy(
    'a debt that its process left',
    without('draw: what a lease owes comes from its pool', DRAWS, {
      find: 'if (owing.length > 0) return this.takeBack(cap, pool, owing);',
      replace: '',
    }),
  ),
  without('pull: no more than a lease has', DRAWS, {
    find: 'const given = isRich ? sibling.given / 2n : sibling.given < left ? sibling.given : left;',
    replace: 'const given = left;',
  }),
  shownBy(
    'money that lies on many leaves',
    without('undecided: some leases are taken back first', DRAWS, {
      find: 'if (search.rounds >= ROUNDS_MAX) return',
      replace: 'if (search.rounds >= 0) return',
    }),
  ),
  // ---- leases that lie idle
  without('tidy: only what is empty leaves the leaf', TIDY_LEASES, {
    find: 'if (isEmpty || lease.k < pool.k) spent.push(name);',
    replace: 'if (isEmpty || lease.k <= pool.k) spent.push(name);',
  }),
  shownBy(
    'an empty lease is drawn on',
    without('tidy: not what has moved meanwhile', TIDY_LEASES, {
      find: ' || !isSameLease(account, leaf.a[name]!),',
      replace: ',',
    }),
  ),
  shownBy(
    'a lease that is over and held',
    without('tidy: not what a call holds', TIDY_LEASES, {
      find: 'return isHeld || kept.length',
      replace: 'return kept.length',
    }),
  ),
  without('tidy: idle leases go home', COLLECT, {
    find: 'await tidyLeases(ledger, leaf, now);',
    replace: '',
  }),
];
