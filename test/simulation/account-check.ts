/** The equations of one account, own or lease, and its grants and stage, after a write. */
import type { AccountTruth } from './account-truth.ts';
import type { AccountImage } from './images.ts';
import { grantedIn, limitOf, settledIn, usedIn, type Truth } from './truth.ts';
import { Violation } from './violation.ts';

type Fail = (what: string) => never;

const failing =
  (where: string, { k, f, s, l }: AccountImage): Fail =>
  (what) => {
    throw new Violation('conservation', `${where} ${what} (k ${k} f ${f} s ${s} l ${l})`);
  };

/** An account of an own cap: everything follows from the cap's revision, its grants, and what was admitted. */
export function checkOwnAccount(
  known: Truth,
  where: { pk: string; name: string },
  account: AccountImage,
  old: AccountImage | undefined,
): void {
  const { pk, name } = where;
  const fail = failing(`${pk} ${name}`, account);
  const cap = known.revisionOf(name, account.r);
  const truth = known.onLeaf(pk, name);
  if (old && account.k < old.k) fail('goes back to an older window');
  if (old && account.r! < old.r!) fail('goes back to an older revision');
  checkLimit(known, name, account, old, fail);
  const settled = settledIn(truth, account);
  if (account.s !== settled) fail(`has settled another sum than its charges, which is ${settled}`);
  const held = usedIn(truth, account) - settled;
  if (account.l !== account.f + account.s + held) fail(`is not f + s + held, which is ${held}`);
  if (cap.window.kind === 'rolling') checkBuckets(truth, account, cap.window, fail);
  else if (account.b) fail('has buckets');
  // A correction lowers the total, and the stage stays until the window rolls: it knows no thresholds.
  if (account.g !== undefined && !truth.isAdjusted) checkStage(known, name, account, settled);
}

/** A lease: what is settled on it is known only together with its pool. */
export function checkLease(
  known: Truth,
  where: { pk: string; name: string },
  lease: AccountImage,
  old: AccountImage | undefined,
): void {
  const { pk, name } = where;
  const fail = failing(`${pk} ${name}`, lease);
  const held = known.onLeaf(pk, name).heldIn(lease.k);
  if (old && lease.k < old.k) fail('goes back to an older window');
  if (lease.l !== lease.f + lease.s + held) fail(`is not f + s + held, which is ${held}`);
}

/** The limit is what the revision promises and what was granted, in the window that it was granted for. */
export function checkLimit(
  known: Truth,
  name: string,
  account: AccountImage,
  old: AccountImage | undefined,
  fail: Fail = failing(name, account),
): void {
  const promised = limitOf(known.revisionOf(name, account.r)) + grantedIn(account);
  if (account.l !== promised) fail(`has another limit than revision ${account.r}, which is ${promised}`);
  for (const [id, { n }] of account.o) {
    const grant = known.grantOf(name, id);
    const before = old?.o.get(id);
    const isOfWindow = account.b ? grant !== undefined && grant.key <= account.k : grant?.key === account.k;
    if (!grant || !isOfWindow || n > grant.amount || n < 0n)
      return fail(`has the grant ${id}, of another window or amount`);
    if (!before) grant.appliedAt = known.time.now;
    if (!before ? n !== grant.amount : n > before.n) fail(`has the grant ${id} with ${n}`);
    const isExpired = known.time.now + known.skewMsMax >= grant.expiresAt;
    if (before && n < before.n && !isExpired) fail(`has lost some of the grant ${id} before it expired`);
    if (before && n < before.n && account.f < 0n) fail(`has lost of the grant ${id} what it had paid`);
  }
  if (old?.k === account.k)
    for (const id of old.o.keys()) if (!account.o.has(id)) fail(`has lost the grant ${id}`);
}

/** A bucket stays until all of it is outside, and then goes. */
function checkBuckets(
  truth: AccountTruth,
  account: AccountImage,
  { buckets, bucketMs }: { buckets: number; bucketMs: number },
  fail: Fail,
): void {
  const oldest = account.k - BigInt((buckets * bucketMs) / 1000);
  for (const [key, settled] of account.b ?? fail('has no buckets')) {
    if (key < oldest || key > account.k) fail(`keeps the bucket ${key}`);
    if (settled !== truth.settledIn(key))
      fail(`has settled ${settled} in ${key}, not ${truth.settledIn(key)}`);
  }
  for (const key of truth.keys())
    if (key >= oldest && key <= account.k && !account.b!.has(key)) fail(`has lost the bucket ${key}`);
}

/** What the ladder set stands only as far as the settled totals reach it, or a higher rung that stands below it. */
export function checkStage(known: Truth, name: string, account: AccountImage, settled: bigint): void {
  const { thresholds, overage } = known.revisionOf(name, account.r);
  const from = [
    ['warned', shareOf(account.l - overage, thresholds.warn?.[0])],
    ['throttled', shareOf(account.l - overage, thresholds.throttle)],
    ['blocked', shareOf(account.l, thresholds.block)],
  ] as const;
  const enough = from.slice(from.findIndex(([stage]) => stage === account.g));
  if (!enough.some(([, amount]) => amount !== undefined && settled >= amount))
    throw new Violation('stage', `${name} is ${account.g} at ${settled}, of ${account.l}`);
}

/** The first amount that is a share of a limit, in thousandths, or more; undefined for a rung that is off. */
export const shareOf = (limit: bigint, thousandths: number | null | undefined): bigint | undefined =>
  thousandths === null || thousandths === undefined
    ? undefined
    : (limit * BigInt(thousandths) + 999n) / 1000n;
