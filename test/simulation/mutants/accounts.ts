/** The rules of a leaf's accounts: windows, limits, grants, slots, stages, and what the configuration says. */
import {
  ACCOUNTS,
  EXPRESSIONS,
  FRESH_CACHE,
  LEAVES,
  SET_STAGE,
  WINDOWS,
  shownBy,
  without,
  type Mutant,
} from './mutant.ts';

export const OF_ACCOUNTS: Mutant[] = [
  // ---- how a leaf changes
  without('change: at the version', EXPRESSIONS, {
    find: "{ item, condition: AT_VERSION, values: { ':v': old.v } }",
    replace: '{ item }',
  }),
  without('change: a new leaf only once', EXPRESSIONS, {
    find: ': { item, condition: ABSENT };',
    replace: ': { item };',
  }),
  without('change: the leaf is listed first', LEAVES, {
    find: 'if (!old) await this.list(key);',
    replace: '',
  }),
  // ---- windows
  without('roll: keys only rise', ACCOUNTS, { find: 'account.k < key ?', replace: 'account.k !== key ?' }),
  without('roll: n + 1 buckets', WINDOWS, {
    find: 'key - toSeconds(window.buckets *',
    replace: 'key - toSeconds((window.buckets - 1) *',
  }),
  without('roll: counts what is held', ACCOUNTS, {
    find: ' - (leaf ? heldIn(leaf, cap.account, next) : 0n);',
    replace: ';',
  }),
  without('roll: grants end with their window', ACCOUNTS, {
    find: 'const limit = account.l - granted(account);',
    replace: 'const limit = account.l;',
  }),
  // ---- limits
  without('limit: revisions only rise', ACCOUNTS, {
    find: '(rolled.r ?? 0n) < cap.revision ?',
    replace: '(rolled.r ?? 0n) !== cap.revision ?',
  }),
  without('limit: is followed', ACCOUNTS, {
    find: '(rolled.r ?? 0n) < cap.revision ?',
    replace: 'rolled.r === undefined ?',
  }),
  without('limit: keeps what is held', ACCOUNTS, {
    find: 'f: account.f + limit - account.l,',
    replace: 'f: limit - account.s,',
  }),
  without('limit: keeps what was granted', ACCOUNTS, {
    find: 'withLimit(account, openingLimit(cap) + granted(account))',
    replace: 'withLimit(account, openingLimit(cap))',
  }),
  // ---- grants
  without('grant: only of its window', ACCOUNTS, { find: '!isOpen(account, grant.key) || ', replace: '' }),
  shownBy(
    'a grant that comes too late',
    without('grant: not once it has expired', ACCOUNTS, { find: 'grant.expiresAt <= now || ', replace: '' }),
  ),
  without('grant: once', ACCOUNTS, { find: ' || account.o?.[grant.id]) return', replace: ') return' }),
  without('grant: not before it expires', ACCOUNTS, { find: 'grant.x > BigInt(now) || ', replace: '' }),
  without('grant: what is free of an expired one goes', ACCOUNTS, {
    find: 'return withdrawExpired(followed, cap, now);',
    replace: 'return followed;',
  }),
  without('grant: no more than it gave goes', ACCOUNTS, {
    find: 'const taken = grant.n < next.f ? grant.n : next.f;',
    replace: 'const taken = next.f;',
  }),
  without('grant: no more than is free goes', ACCOUNTS, {
    find: 'const taken = grant.n < next.f ? grant.n : next.f;',
    replace: 'const taken = grant.n;',
  }),
  without('grant: one that is used up is remembered', ACCOUNTS, {
    find: 'o: { ...next.o, [id]: { ...grant, n: grant.n - taken } } };',
    replace:
      'o: Object.fromEntries(Object.entries({ ...next.o, [id]: { ...grant, n: grant.n - taken } }).filter(([, { n }]) => n > 0n)) };',
  }),
  // ---- calls in flight
  without('slots: only after 16 minutes', ACCOUNTS, {
    find: 'durationMs(16 * MINUTE)',
    replace: 'durationMs(MINUTE / 6)',
  }),
  without('slots: nothing else is freed by time', ACCOUNTS, {
    find: 'if (!slots.has(name)) continue;',
    replace: 'if (!leaf.a[name] || leaf.a[name].r === undefined) continue;',
  }),
  without('slots: leave the hold', ACCOUNTS, { find: 'delete changed().h[id]!.c[name];', replace: '' }),
  // ---- stages
  without('stage: lapses with its window', ACCOUNTS, {
    find: 'return { k: key, f: limit, s: 0n, l: limit, r: account.r ?? 0n };',
    replace: 'return { ...account, k: key, f: limit, s: 0n, l: limit, o: {} };',
  }),
  without('stage: falls as buckets leave', ACCOUNTS, {
    find: 'return withStandingStage(cap, next);\n}\n\nfunction heldIn',
    replace: 'return next;\n}\n\nfunction heldIn',
  }),
  without('stage: belongs to the limit', ACCOUNTS, {
    find: 'withStandingStage(cap, next) : withoutStage(next);',
    replace: 'next : next;',
  }),
  without(
    'stage: only while the total reaches it',
    SET_STAGE,
    { find: 'account.s < from ||', replace: '' },
    { find: 'rankOf(reachedStage(cap, account)) < rankOf(stage);', replace: 'false;' },
  ),
  shownBy(
    'thresholds change under the ladder',
    without('stage: only by the newest thresholds', SET_STAGE, {
      find: 'account.r !== cap.revision ||',
      replace: '',
    }),
  ),
  // ---- the configuration
  without('configuration: no older than its lag', FRESH_CACHE, {
    find: 'known && now - known.loadedAt < this.lag',
    replace: 'known && this.lag > 0',
  }),
];
