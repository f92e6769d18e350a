/** Charges: written once, for a hold that stood, and never less than the provider billed. */
import type { ChargeImage, HoldImage } from './images.ts';
import type { ProviderLog } from './provider-log.ts';
import { stampMs } from './images.ts';
import type { Truth } from './truth.ts';
import { Violation } from './violation.ts';

export const SLOT_TIME_MS = 16 * 60_000;
const HOLD_LIFETIME_MS = 24 * 3_600_000;
const ADJUSTMENT = /^(.+)~(\d+)$/;

export class ChargeAudit {
  private readonly known: Truth;
  private readonly provider: ProviderLog;
  private readonly charges = new Map<string, ChargeImage>();
  /** Stamp of the hold that each charge settled. */
  private readonly debited = new Map<string, bigint>();
  /** What evidence said that a call cost. */
  private readonly evidence = new Map<string, bigint[]>();

  constructor(known: Truth, provider: ProviderLog) {
    this.known = known;
    this.provider = provider;
  }

  of(id: string): ChargeImage | undefined {
    return this.charges.get(id);
  }

  /** Somebody says what a call cost: true or not, a correction follows it. */
  evidenceGiven(id: string, usd: bigint): void {
    this.evidence.set(id, [...(this.evidence.get(id) ?? []), usd]);
  }

  /** A first charge of a call. `wasCrowded`: its leaf had so many calls open that they are presumed spent early. */
  written(id: string, charge: ChargeImage, hold: HoldImage | undefined, wasCrowded: boolean): void {
    if (this.charges.has(id)) throw new Violation('resolved once', `the charge of ${id} is written again`);
    if (!hold) throw new Violation('resolved once', `${id} is charged, and was never held`);
    if (charge.bh !== hold.bh) throw new Violation('resolved once', `${id} is charged for ${charge.bh}`);
    this.charges.set(id, charge);
    const { used, outcome } = charge;
    const bill = this.provider.billOf(id, charge.at);
    const isRight = {
      presumed_spent: used.u === hold.pu && used.t === hold.tk && used.r === 1n,
      settled: used.u === bill?.usd && used.t === bill.tokens && used.r === 1n,
      overrun: used.u === bill?.usd && used.t === bill.tokens && used.r === 1n,
      voided: used.u === 0n && used.r === 0n,
    }[outcome];
    const atLeast = bill && (bill.usd < hold.pu ? bill.usd : hold.pu);
    if (isRight !== true || (atLeast !== undefined && used.u < atLeast))
      throw new Violation(
        'charged the truth',
        `${id} is ${outcome} with ${used.u}, billed were ${bill?.usd}`,
      );
    if (charge.isAfterwards && this.provider.isRunning(id, charge.at))
      throw new Violation('charged the truth', `${id} is charged by somebody else while it runs`);
    if (outcome !== 'presumed_spent' || !charge.isAfterwards) return;
    // Nobody presumes a call spent that may still be running, or, while its leaf has room, before a day has passed.
    const age = this.known.time.now - stampMs(hold.at) + 2 * this.known.skewMsMax;
    if (age < (wasCrowded ? SLOT_TIME_MS : HOLD_LIFETIME_MS))
      throw new Violation('charged the truth', `${id} is presumed spent after ${age} ms`);
  }

  /** The charge that this one adjusts; undefined where it is none of that kind. */
  adjusts(id: string, adjustment: ChargeImage): ChargeImage | undefined {
    const [, base, number] = ADJUSTMENT.exec(id) ?? [];
    if (base === undefined) return undefined;
    if (this.charges.has(id) || number !== '1')
      throw new Violation('resolved once', `the charge of ${base} is adjusted twice`);
    this.charges.set(id, adjustment);
    const charge = this.charges.get(base);
    if (
      charge?.outcome !== 'presumed_spent' ||
      charge.at !== adjustment.at ||
      adjustment.outcome !== 'adjusted'
    )
      throw new Violation('charged the truth', `${base} is adjusted, and was not presumed spent`);
    const sum = charge.used.u + adjustment.used.u;
    if (this.evidence.get(base)?.includes(sum) !== true)
      throw new Violation('charged the truth', `${base} is adjusted to ${sum}, which no evidence says`);
    return charge;
  }

  /** A hold is resolved from its charge; false where it is given back without one. */
  settles(id: string, at: bigint): ChargeImage | undefined {
    const charge = this.charges.get(id);
    if (charge?.at !== at) {
      if (this.provider.sawCall(id, at))
        throw new Violation(
          'charged the truth',
          `${id} was forwarded, and its hold is gone without a charge`,
        );
      return undefined;
    }
    if (this.debited.has(id)) throw new Violation('resolved once', `${id} is settled twice`);
    this.debited.set(id, at);
    return charge;
  }

  atRest(): void {
    for (const [id, { at }] of this.charges) {
      if (!ADJUSTMENT.test(id) && this.debited.get(id) !== at)
        throw new Violation('resolved once', `the charge of ${id} settled nothing`);
    }
    for (const id of this.provider.calls()) {
      if (!this.debited.has(id))
        throw new Violation('charged the truth', `${id} was forwarded and never charged`);
    }
  }
}
